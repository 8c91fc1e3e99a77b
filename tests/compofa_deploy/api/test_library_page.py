"""The program of the library's page runs, and the page names what there is."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compofa_deploy import api
from compofa_deploy.api import profiles
from profilers.measuring.plan import Plan

PAGE = Path(__file__).resolve().parents[3] / "docs" / "library.md"
BRIEF = Plan(layer_sessions=1, network_sessions=2, min_calls=3, min_ms=0.0, max_calls=5, reference_calls=3)


@pytest.mark.slow
def test_the_program_of_the_page_ends_with_a_label_for_the_photo(tmp_path, monkeypatch, capsys):
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len([line for line in program.splitlines() if line and not line.startswith("#")]) <= 20
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(profiles.make_table.__globals__["PLANS"], "quick", lambda: BRIEF)  # type: ignore[attr-defined]
    Image.fromarray(np.full((40, 30, 3), 127, np.uint8)).save("photo.png")
    exec(compile(program.replace("latency_ms=2.0", "latency_ms=200.0"), str(PAGE), "exec"), {})
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].endswith("% validation top-1")
    assert shown[1].endswith(" ms")
    assert shown[2].startswith("photo.png (")
    assert api.load_table(tmp_path / "cpu.json").resolutions == (24, 28)


def test_the_page_names_only_what_is_public():
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| ([^|]*) \|$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    named = re.findall(r"`(\w+)`", " ".join(f"{functions} {options}" for functions, options in rows))
    assert len(named) > 40
    assert set(named) <= set(api.__all__)
