from __future__ import annotations

from typing import Any

import pytest

from profilers.machine import nvml
from profilers.machine.nvml import UNKNOWN, GpuState, GpuWatch, read_driver_version, watch_gpu


class FakeNvml:
    """The management library of one GPU, at a clock and slowed by some reasons."""

    def __init__(self, clock: int = 1800, reasons: int = 0, fails: tuple[str, ...] = ()) -> None:
        self.clock, self.reasons, self.fails = clock, reasons, fails

    def _answer(self, name: str) -> int:
        return 3 if name in self.fails else 0

    def nvmlInit_v2(self) -> int:  # noqa: N802
        return self._answer("init")

    def nvmlSystemGetDriverVersion(self, version: Any, length: Any) -> int:  # noqa: N802
        version.value = b"570.124.06"
        assert length.value == len(version)
        return self._answer("version")

    def nvmlDeviceGetHandleByPciBusId_v2(self, bus: bytes, device: Any) -> int:  # noqa: N802
        assert bus == b"0000:01:00.0"
        return self._answer("handle")

    def nvmlDeviceGetClockInfo(self, device: Any, kind: Any, clock: Any) -> int:  # noqa: N802
        assert kind.value == nvml.CLOCK_SM
        clock._obj.value = self.clock
        return self._answer("clock")

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, device: Any, reasons: Any) -> int:  # noqa: N802
        reasons._obj.value = self.reasons
        return self._answer("reasons")


def read(**state: Any) -> GpuState:
    return GpuWatch(FakeNvml(**state), "0000:01:00.0").read()


def test_a_gpus_state_is_read() -> None:
    assert read() == GpuState(1800, ())
    assert read(reasons=0x1 | 0x2 | 0x10) == GpuState(1800, ())
    assert read(reasons=0x4 | 0x20 | 0x40) == GpuState(1800, ("heat", "its power limit"))


@pytest.mark.parametrize(
    ("fails", "state"),
    [
        ("init", UNKNOWN),
        ("handle", UNKNOWN),
        ("clock", GpuState(None, ())),
        ("reasons", GpuState(1800, None)),
    ],
)
def test_what_cannot_be_read_is_unknown(fails: str, state: GpuState) -> None:
    assert read(fails=(fails,)) == state


def test_a_steady_gpu_gives_no_doubt() -> None:
    assert GpuState(1800, ()).list_doubts(GpuState(1815, ())) == ()
    assert UNKNOWN.list_doubts(GpuState(1800, ())) == ()
    assert GpuState(1800, ()).list_doubts(UNKNOWN) == ()


def test_a_gpu_that_was_slowed_or_changed_its_clock_gives_doubt() -> None:
    assert GpuState(1800, ("heat",)).list_doubts(GpuState(1800, ("heat",))) == ("the GPU was slowed by heat",)
    assert GpuState(1500, ()).list_doubts(GpuState(1800, ())) == (
        "the GPU's clock went from 1800 to 1500 MHz",
    )


def test_without_the_library_there_is_no_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "LIBRARY", "libnone-such.so.1")
    assert watch_gpu("0000:01:00.0") is None


def test_the_driver_tells_its_version() -> None:
    assert read_driver_version(FakeNvml()) == "570.124.06"


@pytest.mark.parametrize("fails", ["init", "version"])
def test_a_driver_that_does_not_tell_has_no_version(fails: str) -> None:
    assert read_driver_version(FakeNvml(fails=(fails,))) == ""


def test_without_a_management_library_there_is_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "LIBRARY", "libno-such-library.so")
    assert read_driver_version() == ""
