from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from compofa_deploy.cli.main import main
from compofa_deploy.supernet.stored import StoredSupernet, save_supernet
from compofa_deploy.tables.cache import Cache
from latency_tables.device import DeviceSpec
from latency_tables.table import LatencyTable
from profilers.targets.local import LocalDevice
from profilers.targets.registry import TARGETS
from profilers.targets.simulated import SimulatedDevice
from tests.support.supernets import TINY, make_accuracies, make_table


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line that says what is wrong; anything else on stderr is progress."""
        assert "Traceback" not in self.err
        lines = [line for line in self.err.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1, self.err
        assert self.err.rstrip().endswith(lines[0]), self.err
        return lines[0]


RunCli = Callable[..., Ran]


@pytest.fixture
def compofa(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunCli:
    """Runs the command line in this process, as the ``compofa`` program does."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["compofa", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code: int | str | None = 0
        except SystemExit as end:
            code = end.code
        assert isinstance(code, int) or code is None
        return Ran(code or 0, *capsys.readouterr())

    return run


@pytest.fixture
def simulated(device: LocalDevice, monkeypatch: pytest.MonkeyPatch) -> SimulatedDevice:
    """The device that stands for this machine in every command: its latencies are simulated, its numbers are real."""
    simulated = SimulatedDevice(device)
    monkeypatch.setitem(TARGETS, "local", lambda target, journals, python: simulated)
    return simulated


@pytest.fixture(scope="session")
def supernet_file(tiny: StoredSupernet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny supernet's file, with its accuracy table beside it."""
    path = tmp_path_factory.mktemp("supernet") / "tiny.safetensors"
    save_supernet(tiny, path)
    make_accuracies(tiny).save(path.with_name("tiny.accuracy.json"))
    return path


@pytest.fixture
def table(spec: DeviceSpec) -> LatencyTable:
    """A table of the tiny architecture on this machine that was never measured."""
    return make_table(spec=spec)


@pytest.fixture
def table_file(table: LatencyTable, tmp_path: Path) -> Path:
    table.save(tmp_path / "cpu.json")
    return tmp_path / "cpu.json"


@pytest.fixture
def cached(table: LatencyTable) -> Path:
    """The same table where the commands look for it."""
    path = Cache.default().table_path(TINY, table.spec, "quick")
    table.save(path)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"
