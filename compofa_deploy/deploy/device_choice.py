"""The device specs of a device that a deployment chooses among."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.export.writers import TOLERANCES, WRITERS
from compofa_deploy.tables.skipped import Skipped
from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import CompofaError, InputError
from profilers.targets.device import Device
from profilers.targets.runtime_status import RuntimeStatus

AUTO = "auto"

LEFT_OUT = ("fake", "onnxruntime_mobile")
"""Used by name alone: one only simulates a device; the other has ONNX Runtime's format for phones, which here is run by
the kernels of ``onnxruntime``, without the layout that this one brings a graph into."""

THREADED = ("cpu", "xnnpack", "xnnpack+cpu")
"""The devices whose latency depends on the threads that are asked for."""

SOME_THREADS = 4
"""Between one thread and all cores: more than these seldom help a network that takes milliseconds."""


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """The device specs that a deployment may choose among.

    Attributes:
        runtime: A runtime, or ``auto`` for all that work on the device.
        device: The runtime's device. An empty text stands for the runtime's first, and for all with
            ``runtime="auto"``.
        precision: A precision, an empty text for the runtime's first, or ``auto`` for all.
        threads: The number of threads, or 0 for every number that makes sense.
        batch: Images at once.
    """

    runtime: str = AUTO
    device: str = ""
    precision: str = AUTO
    threads: int = 0
    batch: int = 1


def list_specs(choice: DeviceChoice, device: Device) -> tuple[list[DeviceSpec], list[Skipped]]:
    """List a device's specs that a choice allows: runtimes x devices x precisions x threads.

    Args:
        choice: What may be chosen.
        device: The device.

    Returns:
        The device specs, and the runtimes that ``auto`` skipped, because they do not work on the device or do not have
        what the choice names.

    Raises:
        InputError: The named runtime does not have what the choice names, or no runtime has it.
        RuntimeUnavailable: The named runtime does not work on the device.
    """
    if choice.runtime != AUTO:
        return list(_list_of(choice.runtime, choice, device)), []
    specs: list[DeviceSpec] = []
    skipped: list[Skipped] = []
    for status in device.list_runtimes():
        if status.name in LEFT_OUT or status.name not in WRITERS:
            continue
        if not status.works:
            skipped.append(Skipped(status.name, f"{status.why}; {status.fix}"))
            continue
        try:
            specs += _list_of(status.name, choice, device)
        except CompofaError as error:
            skipped.append(Skipped(status.name, str(error)))
    if not specs:
        reasons = "; ".join(f"{left.what}: {left.why}" for left in skipped)
        raise InputError(f"no runtime here has what was asked for ({reasons})")
    return specs, skipped


def leave_unknown_out(
    specs: Sequence[DeviceSpec], accuracies: AccuraciesByPrecision
) -> tuple[list[DeviceSpec], list[Skipped]]:
    """Those device specs in whose precision accuracies were measured, and the others.

    What a lower precision costs is not to be guessed, least of all where it would be picked for being faster.
    :class:`InputError` where none is left.
    """
    known = [spec for spec in specs if accuracies.find(spec) is not None]
    unknown = dict.fromkeys((spec.runtime, spec.precision) for spec in specs if spec not in known)
    left_out = [
        Skipped(
            f"{runtime} {precision}",
            "nobody has measured how accurate subnets are in it; give images with --data, or measure it once with "
            f"compofa evaluate --runtime {runtime} --precision {precision}",
        )
        for runtime, precision in unknown
    ]
    if not known:
        raise InputError(f"{left_out[0].what}: {left_out[0].why}")
    return known, left_out


def list_threads(usable: int) -> tuple[int, ...]:
    """The numbers of threads to try where so many may be used.

    >>> list_threads(1), list_threads(2), list_threads(16)
    ((1,), (1, 2), (1, 4, 16))
    """
    return tuple(sorted({1, min(SOME_THREADS, usable), usable}))


def _list_of(runtime: str, choice: DeviceChoice, device: Device) -> Iterator[DeviceSpec]:
    for name in _list_devices(runtime, choice, device):
        first = device.find_spec(DeviceRequest(runtime, name, batch=choice.batch))
        for precision in _list_precisions(first, choice, device):
            for threads in _list_threads(first, choice):
                yield device.find_spec(DeviceRequest(runtime, name, precision, threads, choice.batch))


def _list_devices(runtime: str, choice: DeviceChoice, device: Device) -> Sequence[str]:
    if choice.runtime != AUTO or choice.device:
        return (choice.device,)
    return _find_status(runtime, device).devices


def _list_precisions(first: DeviceSpec, choice: DeviceChoice, device: Device) -> Sequence[str]:
    if choice.precision != AUTO:
        return (choice.precision,)
    return [p for p in _find_status(first.runtime, device).precisions[first.device] if p in TOLERANCES]


def _list_threads(first: DeviceSpec, choice: DeviceChoice) -> Sequence[int]:
    if first.device not in THREADED:
        return (max(choice.threads, 1),) if choice.runtime != AUTO else (1,)
    return (choice.threads,) if choice.threads else list_threads(first.machine.usable_threads)


def _find_status(runtime: str, device: Device) -> RuntimeStatus:
    return next(status for status in device.list_runtimes() if status.name == runtime)
