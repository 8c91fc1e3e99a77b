"""Two processes calibrate and evaluate as one does, and share the work."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.accuracy.table import AccuracyTable  # noqa: E402
from compofa_deploy.torch_process.distributed import Ranks, join_ranks  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
WAIT_SECONDS = 600


def start(folder, rank=0, world=1, port=0):
    ranks = {"RANK": rank, "WORLD_SIZE": world, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    environment = {**os.environ, **{name: str(value) for name, value in ranks.items()}}
    folder.mkdir(exist_ok=True)
    script = [sys.executable, "-m", "tests.compofa_deploy.evaluation.process", str(folder)]
    return subprocess.Popen(script, cwd=ROOT, env=environment)


def test_two_processes_find_what_one_finds_each_doing_about_half(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pair, alone = tmp_path / "pair", tmp_path / "alone"
    started = [start(pair, rank, 2, port) for rank in range(2)] + [start(alone)]
    assert [process.wait(WAIT_SECONDS) for process in started] == [0, 0, 0]
    expected = AccuracyTable.load(alone / "accuracy0.json")
    for rank in range(2):
        found = AccuracyTable.load(pair / f"accuracy{rank}.json")
        for split in ("validation", "test"):
            assert found.correct[split].tolist() == expected.correct[split].tolist()
            assert found.top5[split].tolist() == expected.top5[split].tolist()
        assert (pair / f"statistics{rank}.json").read_text() == (alone / "statistics0.json").read_text()
    units = [json.loads((pair / f"units{rank}.json").read_text()) for rank in range(2)]
    assert json.loads((alone / "units0.json").read_text()) == 3 * 364
    assert 3 * 364 <= sum(units) <= 3 * 364 + 2 * 3
    assert min(units) > 0.35 * sum(units)


def test_without_torchrun_there_is_one_process_which_gathers_from_itself(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with join_ranks() as ranks:
        assert ranks == Ranks(0, 1)
        assert ranks.is_first
        assert ranks.gather("found") == ["found"]
    assert not Ranks(1, 2).is_first
