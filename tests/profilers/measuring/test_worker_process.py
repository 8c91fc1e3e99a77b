import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from latency_tables.errors import FormatError, MeasurementError, WorkerDied
from profilers.measuring import worker_process
from profilers.measuring.worker_process import WorkerProcess
from tests.support.processes import is_running, wait_for

WriteWorker = Callable[[str], None]
needs_groups = pytest.mark.skipif(not hasattr(os, "killpg"), reason="the system has no process groups")

ANSWERING = """
import json, os, signal, sys, time
def answer(**content):
    number = json.loads(sys.stdin.readline())["number"]
    print(json.dumps({**content, "number": number}), flush=True)
"""
FORKING = """
child = os.fork()
if not child:
    time.sleep(60)
    os._exit(0)
answer(child=child)
"""


@pytest.fixture
def write_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteWorker:
    """Put another program in the measuring process's place."""

    def write(code: str) -> None:
        folder = tmp_path / "profilers" / "measuring"
        folder.mkdir(parents=True)
        (tmp_path / "profilers" / "__init__.py").touch()
        (folder / "__init__.py").touch()
        (folder / "worker.py").write_text(ANSWERING + code)
        monkeypatch.setattr(worker_process, "PACKAGE_ROOT", tmp_path)

    return write


def test_a_worker_answers_each_request_in_turn(write_worker: WriteWorker) -> None:
    write_worker("answer(said='one'); answer(said='two')")
    with WorkerProcess() as worker:
        assert worker.start({}) == {"said": "one"}
        assert worker.ask({}, 20) == {"said": "two"}


@needs_groups
@pytest.mark.parametrize("ending", ["", "time.sleep(60)"], ids=["ends by itself", "hangs"])
def test_a_helper_that_the_runtime_forked_is_ended_with_the_worker(
    write_worker: WriteWorker, ending: str
) -> None:
    write_worker(FORKING + "sys.stdin.readline()\n" + ending)
    with WorkerProcess() as worker:
        helper = worker.start({})["child"]
        assert is_running(helper)
        with suppress(WorkerDied):
            worker.ask({}, 1)
    assert worker.pid is None
    wait_for(lambda: not is_running(helper))


def test_a_worker_that_ends_says_what_it_last_said(write_worker: WriteWorker) -> None:
    write_worker("sys.stdin.readline(); sys.exit('the disk is on fire')")
    with WorkerProcess() as worker, pytest.raises(WorkerDied, match=r"exit code 1 .*the disk is on fire"):
        worker.start({})


@pytest.mark.parametrize("descriptors", [(1,), (0, 1), (0, 1, 2)])
def test_a_worker_that_closes_its_descriptors_and_goes_on_is_ended(
    write_worker: WriteWorker, monkeypatch: pytest.MonkeyPatch, descriptors: tuple[int, ...]
) -> None:
    monkeypatch.setattr(worker_process, "END_LIMIT_S", 0.2)
    write_worker(f"answer(); sys.stdin.readline(); [os.close(d) for d in {descriptors}]; time.sleep(60)")
    with WorkerProcess() as worker:
        worker.start({})
        pid = worker.pid
        assert pid is not None
        with pytest.raises(WorkerDied, match="closed its standard output and went on running"):
            worker.ask({}, 20)
        assert worker.pid is None
        assert not is_running(pid)


@pytest.mark.parametrize(
    "garbage",
    [
        "loaded 3 plugins\n",
        '{"samples_ns": [1]}\n',
        '{"number": 7}\n',
        "[1]\n",
        "[" * 100_000 + "\n",
        "\udcff\udcfe\n",
        "half a line",
    ],
    ids=["text", "no number", "another number", "a list", "a deep list", "no utf-8", "half a line"],
)
def test_a_runtime_that_writes_into_the_answers_is_an_error_and_no_measurement(
    write_worker: WriteWorker, garbage: str
) -> None:
    data = garbage.encode("utf-8", "surrogateescape")
    write_worker(f"answer(); os.write(1, {data!r}); answer()")
    with WorkerProcess() as worker:
        worker.start({})
        with pytest.raises(WorkerDied, match="wrote something else than its answer"):
            worker.ask({}, 20)
        assert worker.pid is None


def test_an_endless_line_is_no_answer(write_worker: WriteWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "LONGEST_ANSWER", 1000)
    write_worker("answer()\nwhile True: os.write(1, b'x' * 1000)")
    with WorkerProcess() as worker:
        worker.start({})
        with pytest.raises(WorkerDied, match="wrote something else than its answer"):
            worker.ask({}, 20)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("FormatError", FormatError), ("EXIT_DONE", MeasurementError), ("SystemExit", MeasurementError)],
)
def test_an_error_is_of_the_kind_that_the_worker_names_where_it_is_one_of_ours(
    write_worker: WriteWorker, kind: str, error: type[Exception]
) -> None:
    write_worker(f"answer(error={kind!r}, message='the model is broken')")
    with WorkerProcess() as worker, pytest.raises(error, match=r"^the model is broken$") as caught:
        worker.start({})
    assert type(caught.value) is error


def test_a_folder_of_the_same_name_in_the_current_folder_is_not_taken_for_the_package(
    write_worker: WriteWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_worker("answer(said='ours')")
    other = tmp_path / "elsewhere" / "profilers"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("raise SystemExit('the wrong package')")
    monkeypatch.chdir(other.parent)
    with WorkerProcess() as worker:
        assert worker.start({}) == {"said": "ours"}


def test_closing_ends_the_child(write_worker: WriteWorker) -> None:
    write_worker("signal.signal(signal.SIGTERM, signal.SIG_IGN); answer(); time.sleep(60)")
    with WorkerProcess() as worker:
        worker.start({})
        pid = worker.pid
        assert pid is not None
    assert not is_running(pid)
