from __future__ import annotations

from pathlib import Path

import pytest

from profilers.runtimes.tensorrt.cache_folder import find_cache_folder


def test_its_cache_is_in_the_projects_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from compofa_deploy.tables.cache import Cache

    for name, value in (("COMPOFA_CACHE", str(tmp_path)), ("XDG_CACHE_HOME", str(tmp_path))):
        monkeypatch.delenv("COMPOFA_CACHE", raising=False)
        monkeypatch.setenv(name, value)
        assert find_cache_folder() == Cache.default().folder / "tensorrt"
