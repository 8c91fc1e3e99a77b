"""The whole way to another machine and back, over a real sshd on loopback."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from latency_tables.device import DeviceRequest
from latency_tables.errors import CompofaError, ConnectionLost, MeasurementError, RuntimeUnavailable
from latency_tables.measured_kit import MeasuredKit
from profilers.measuring.kit import Kit
from profilers.measuring.plan import Plan
from profilers.measuring.runner import Progress, measure_kit
from profilers.runtimes.registry import find_runtime
from profilers.targets import ssh_device as remote
from profilers.targets.agent_connection import AGENT, AgentConnection
from profilers.targets.device import Device
from profilers.targets.ssh import Ssh, Target
from profilers.targets.ssh_device import SshDevice
from tests.profilers.models import make_kit
from tests.profilers.targets.contract import DeviceContract
from tests.support.sshd import Sshd

pytestmark = pytest.mark.slow

PLAN = Plan(layer_sessions=2, network_sessions=2, min_calls=5, min_ms=0.0, max_calls=5, reference_calls=5)
VISITS = 36
FAKE = DeviceRequest("fake")
RUN = "a-run"


def make_device(sshd: Sshd, python: object = sys.executable) -> SshDevice:
    return SshDevice(Target.parse(sshd.url), str(python))


def measure(
    device: SshDevice, kit: Kit, on_progress: Callable[[Progress], None] | None = None
) -> MeasuredKit:
    return device.measure_kit(kit, device.find_spec(FAKE), PLAN, RUN, on_progress)


def list_there(sshd: Sshd) -> list[str]:
    return sorted(path.name for path in sshd.cache.glob("remote/*/*"))


def write_python(folder: Path, before: str, options: str = "") -> Path:
    """An interpreter that does something before the program begins."""
    path = folder / "python"
    code = f"import runpy, sys; {before}; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {options} -c "{code}" "$@"\n')
    path.chmod(0o755)
    return path


def test_what_is_measured_there_is_what_is_measured_here(sshd: Sshd, tmp_path: Path) -> None:
    device, kit = make_device(sshd), make_kit(tmp_path / "kit")
    seen: list[Progress] = []
    assert device.find_spec(FAKE) == find_runtime("fake").spec()
    there = measure(device, kit, seen.append)
    here = measure_kit(kit, find_runtime("fake").spec(), None, PLAN)
    # The simulated device is the same one each time, and so is its clock.
    assert there.build_table().costs_ms == here.build_table().costs_ms
    assert there.build_table().networks == here.build_table().networks
    assert (there.spec, there.kit_id, there.items) == (here.spec, here.kit_id, here.items)
    assert [progress.done for progress in seen] == list(range(1, VISITS + 1))
    assert list_there(sshd) == sorted(
        [AGENT, f"kit-{kit.kit_id}.zip", f"{RUN}.journal", f"{RUN}.journal.lock"]
    )
    device.forget_run(RUN)
    assert list(sshd.cache.glob("remote/*")) == []


def test_cleaning_removes_what_was_carried_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, device = tmp_path / "a cache", AgentConnection(Target.parse("ssh://device"))

    def run_here(ssh: object, script: str, data: bytes = b"") -> bytes:
        environment = {"PATH": os.environ["PATH"], "COMPOFA_CACHE": str(cache)}
        return subprocess.run(
            ["sh", "-c", script], input=data, env=environment, capture_output=True, check=True
        ).stdout

    monkeypatch.setattr(Ssh, "run", run_here)
    device.carry({"kit-0.zip": b"a kit"})
    (folder,) = cache.glob("remote/*")
    # What a run leaves behind, also one that was killed.
    (folder / "compofa-kit-left" / "kit").mkdir(parents=True)
    for name in (f"{AGENT}.part", "kit-1.zip.part", "file-0", f"{RUN}.journal", f"{RUN}.journal.lock"):
        (folder / name).touch()
    (folder / "notes.txt").write_text("a user's own")
    before = sorted(folder.iterdir())
    device.clean()
    # A journal is left that a run may go on from.
    assert sorted(folder.iterdir()) == before
    device.forget(RUN)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    (folder / "notes.txt").unlink()
    device.clean()
    assert not folder.exists()
    device.clean()


def test_what_a_login_shell_prints_is_passed_over(sshd: Sshd, tmp_path: Path) -> None:
    sshd.stop()
    with (sshd.folder / "sshd_config").open("a") as config:
        config.write('ForceCommand echo "Welcome {"; echo 7; eval "$SSH_ORIGINAL_COMMAND"\n')
    sshd.start()
    assert measure(make_device(sshd), make_kit(tmp_path / "kit")).spec == find_runtime("fake").spec()


def test_a_connection_that_drops_is_taken_up_again_and_nothing_is_measured_twice(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "RECONNECT_AFTER_S", (0.1,) * 5)
    kit = make_kit(tmp_path / "kit", fault="hang", marker=str(tmp_path / "marker"))
    seen: list[Progress] = []

    def drop() -> None:
        while not (tmp_path / "marker").exists():
            time.sleep(0.02)
        assert sshd.drop() == 1

    thread = threading.Thread(target=drop)
    thread.start()
    measured = measure(make_device(sshd), kit, seen.append)
    thread.join()
    assert [progress.done for progress in seen] == list(range(1, VISITS + 1))
    resumed = {progress.resumed for progress in seen}
    assert len(resumed) == 2
    assert 0 < max(resumed) < VISITS
    journal = next(sshd.cache.glob("remote/*/*.journal")).read_text().splitlines()
    assert len(journal) == 1 + VISITS
    assert len(measured.measurements) == len(kit.measured)


def test_where_the_connection_stays_away_the_journal_stays_and_the_next_run_goes_on(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "RECONNECT_AFTER_S", (0.05,) * 3)
    kit = make_kit(tmp_path / "kit", fault="hang", marker=str(tmp_path / "marker"))
    first: list[Progress] = []

    def vanish() -> None:
        while not (tmp_path / "marker").exists():
            time.sleep(0.02)
        sshd.drop()
        sshd.stop()

    thread = threading.Thread(target=vanish)
    thread.start()
    with pytest.raises(
        ConnectionLost, match=r"cannot be reached.*; the same command goes on from what is measured"
    ):
        measure(make_device(sshd), kit, first.append)
    thread.join()
    sshd.start()
    second: list[Progress] = []
    measure(make_device(sshd), kit, second.append)
    assert {progress.resumed for progress in second} == {first[-1].done}


def test_ending_it_here_ends_it_there(sshd: Sshd, tmp_path: Path) -> None:
    kit = make_kit(tmp_path / "kit", fault="hang", marker=str(tmp_path / "marker"))
    device = make_device(sshd)
    failed: list[CompofaError] = []

    def run() -> None:
        try:
            measure(device, kit)
        except CompofaError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while not (tmp_path / "marker").exists():
        time.sleep(0.02)
    device.close()
    thread.join()
    assert len(failed) == 1
    folder = next(sshd.cache.glob("remote/*"))
    for _ in range(1000):
        if subprocess.run(["flock", "-n", folder / f"{RUN}.journal.lock", "true"]).returncode == 0:
            return
        time.sleep(0.02)
    raise AssertionError("the agent still holds its lock")


def forget_host_key(sshd: Sshd) -> None:
    (sshd.client / "known_hosts").unlink()


def change_host_key(sshd: Sshd) -> None:
    other = (sshd.client / "id.pub").read_text().rsplit(maxsplit=1)[0]
    (sshd.client / "known_hosts").write_text(f"[127.0.0.1]:{sshd.port} {other}\n")


def refuse_key(sshd: Sshd) -> None:
    (sshd.folder / "authorized_keys").write_text("")


def put_a_file_in_the_way(sshd: Sshd) -> None:
    (sshd.cache / "remote").write_text("")


def fill_the_disk(sshd: Sshd) -> None:
    folder = sshd.cache / "remote" / f"{platform.node()}-{make_device(sshd).agent.key}"
    folder.mkdir(parents=True)
    (folder / f"{AGENT}.part").symlink_to("/dev/full")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            Sshd.stop,
            r"cannot be reached \(.*Connection refused\); see whether this works: ssh -p \d+ \S+@127",
        ),
        (forget_host_key, r"host key is not known here; connect once by hand .*: ssh -p \d+ \S+@127.0.0.1$"),
        (
            change_host_key,
            r"host key is not the one that is known here; .*ssh-keygen -R '\[127.0.0.1\]:\d+'$",
        ),
        (refuse_key, r"it refuses what ssh offers it \(.*Permission denied \(publickey\)\.\); set up a key"),
        (put_a_file_in_the_way, r"nothing can be written there \(mkdir: .*\); set COMPOFA_CACHE there"),
        (fill_the_disk, r"its disk is full \(cat: .*No space left on device\); make room there"),
    ],
)
def test_what_is_wrong_with_the_way_there_is_one_line(
    sshd: Sshd, spoil: Callable[[Sshd], None], message: str
) -> None:
    spoil(sshd)
    with pytest.raises(MeasurementError, match=message) as caught:
        make_device(sshd).find_spec(FAKE)
    assert str(caught.value).startswith(f"{sshd.name}: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("before", "options", "kind", "message"),
    [
        ("sys.version_info = (3, 7, 2)", "", MeasurementError, "python 3.8 or newer is needed, and this is 3.7; name"),
        ("pass", "-S -E", MeasurementError, "numpy is missing .*; install it there: pip install numpy"),
        ("sys.modules['onnxruntime'] = None", "", RuntimeUnavailable, "onnxruntime does not work here: .*pip install"),
    ],
)  # fmt: skip
def test_what_the_device_lacks_is_one_line(
    sshd: Sshd, tmp_path: Path, before: str, options: str, kind: type[CompofaError], message: str
) -> None:
    device = make_device(sshd, write_python(tmp_path, before, options))
    with pytest.raises(kind, match=message) as caught:
        device.find_spec(DeviceRequest())
    assert type(caught.value) is kind
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (['{"error": "EXIT_DONE", "message": "no"}'], "no"),
        (['{"error": ["InputError"], "message": "no"}'], "no"),
        (['{"error": "SystemExit"}'], "it does not say why it failed"),
        (["[" * 100_000, '{"progress": {"done": "many"}}', '{"error": "", "message": "a\\nb"}'], "a b"),
    ],
    ids=["a constant", "a list", "no error of ours", "a deep line"],
)
def test_an_answer_that_makes_no_sense_is_one_line(
    sshd: Sshd, tmp_path: Path, answers: list[str], message: str
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!{sys.executable}\nprint({chr(10).join(answers)!r})\n")
    python.chmod(0o755)
    with pytest.raises(MeasurementError) as caught:
        make_device(sshd, python).find_spec(FAKE)
    assert type(caught.value) is MeasurementError
    assert str(caught.value) == f"{sshd.name}: {message}"


def test_without_python_it_says_so(sshd: Sshd) -> None:
    with pytest.raises(
        MeasurementError, match=r"a program is missing there \(.*not found\); install python 3.8"
    ):
        make_device(sshd, python="~/no/such/python").find_spec(FAKE)


def test_another_version_of_the_runtime_is_taken_and_named(sshd: Sshd, tmp_path: Path) -> None:
    python = write_python(tmp_path, "import onnxruntime; onnxruntime.__version__ = '1.19.2'")
    spec = make_device(sshd, python).find_spec(DeviceRequest())
    assert spec.runtime_version == "1.19.2"
    assert "onnxruntime 1.19.2 cpu f32" in spec.describe()


def test_settings_that_the_device_does_not_have_are_refused_by_it(sshd: Sshd) -> None:
    with pytest.raises(CompofaError, match=r"-\d+: 4096 threads were asked for, and this process may use"):
        make_device(sshd).find_spec(DeviceRequest("fake", threads=4096))


class TestSshDevice(DeviceContract):
    @pytest.fixture
    def device(self, sshd: Sshd) -> Device:
        return make_device(sshd)
