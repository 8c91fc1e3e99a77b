import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from latency_tables.errors import WorkerDied
from profilers.measuring import worker_process
from profilers.measuring.worker_process import WorkerProcess

WriteWorker = Callable[[str], None]

FORKING = """
import json, os, sys, time
sys.stdin.readline()
child = os.fork()
if not child:
    time.sleep(60)
    os._exit(0)
print(json.dumps({"child": child}), flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def write_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteWorker:
    """Put another program in the measuring process's place."""

    def write(code: str) -> None:
        folder = tmp_path / "profilers" / "measuring"
        folder.mkdir(parents=True)
        (tmp_path / "profilers" / "__init__.py").touch()
        (folder / "__init__.py").touch()
        (folder / "worker.py").write_text(code)
        monkeypatch.setattr(worker_process, "PACKAGE_ROOT", tmp_path)

    return write


def test_a_process_that_the_worker_left_behind_does_not_keep_it_from_being_closed(
    write_worker: WriteWorker,
) -> None:
    write_worker(FORKING)
    with WorkerProcess() as worker:
        worker.start({})
        assert worker._process is not None
        os.kill(worker._process.pid, 0)
        grandchild = find_child(worker._process.pid)
    assert worker.pid is None
    with suppress(ProcessLookupError):
        os.kill(grandchild, signal.SIGKILL)


def test_a_worker_that_ends_says_what_it_last_said(write_worker: WriteWorker) -> None:
    write_worker("import sys; sys.stdin.readline(); sys.exit('the disk is on fire')")
    with WorkerProcess() as worker, pytest.raises(WorkerDied, match=r"exit code 1 .*the disk is on fire"):
        worker.start({})


def find_child(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])
