"""Which device specs there are to choose from on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.export.writers import TOLERANCES, WRITERS
from compofa_deploy.tables.skipped import Skipped
from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import CompofaError, InputError
from profilers.runtimes.base import Runtime
from profilers.runtimes.registry import find_runtime, list_runtimes

AUTO = "auto"

LEFT_OUT = ("fake", "onnxruntime_mobile")
"""Used by name alone: one only simulates a device; the other has ONNX Runtime's format for phones, which here is run by
the kernels of ``onnxruntime``, without the layout that this one brings a graph into."""

THREADED = ("cpu", "xnnpack", "xnnpack+cpu")
"""The devices whose latency depends on the threads that are asked for."""

SOME_THREADS = 4
"""Between one thread and all cores: more than these seldom help a network that takes milliseconds."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted. ``auto`` is everything that makes sense here; an empty device or precision is a runtime's
    first, but for ``runtime="auto"``, which looks at all devices. ``threads=0`` is every number that makes sense."""

    runtime: str = AUTO
    device: str = ""
    precision: str = AUTO
    threads: int = 0
    batch: int = 1


def list_specs(asked: Asked) -> tuple[list[DeviceSpec], list[Skipped]]:
    """The device specs of this machine that are asked for: runtimes x devices x precisions x threads.

    A runtime that was named must work: errors as of :meth:`profilers.runtimes.base.Runtime.spec`. Of
    ``auto`` those are left out
    that do not work here, or do not have what was asked for; :class:`InputError` where none is left.
    """
    if asked.runtime != AUTO:
        return list(_list_of(find_runtime(asked.runtime), asked)), []
    specs: list[DeviceSpec] = []
    left_out: list[Skipped] = []
    for name in list_runtimes():
        if name in LEFT_OUT or name not in WRITERS:
            continue
        state = find_runtime(name).check()
        if not state.works:
            left_out.append(Skipped(name, f"{state.why}; {state.fix}"))
            continue
        try:
            specs += _list_of(find_runtime(name), asked)
        except CompofaError as error:
            left_out.append(Skipped(name, str(error)))
    if not specs:
        reasons = "; ".join(f"{left.what}: {left.why}" for left in left_out)
        raise InputError(f"no runtime here has what was asked for ({reasons})")
    return specs, left_out


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
    """The numbers of threads to look at where so many may be used.

    >>> list_threads(1), list_threads(2), list_threads(16)
    ((1,), (1, 2), (1, 4, 16))
    """
    return tuple(sorted({1, min(SOME_THREADS, usable), usable}))


def _list_of(runtime: Runtime, asked: Asked) -> Iterator[DeviceSpec]:
    for device in _list_devices(runtime, asked):
        first = runtime.spec(DeviceRequest(runtime.name, device, batch=asked.batch))
        for precision in _list_precisions(runtime, device, asked):
            for threads in _list_threads(first, asked):
                yield runtime.spec(DeviceRequest(runtime.name, device, precision, threads, asked.batch))


def _list_devices(runtime: Runtime, asked: Asked) -> Sequence[str]:
    return runtime.devices if asked.runtime == AUTO and not asked.device else (asked.device,)


def _list_precisions(runtime: Runtime, device: str, asked: Asked) -> Sequence[str]:
    if asked.precision != AUTO:
        return (asked.precision,)
    return [p for p in runtime.precisions_on(runtime.find_device(device)) if p in TOLERANCES]


def _list_threads(spec: DeviceSpec, asked: Asked) -> Sequence[int]:
    if spec.device not in THREADED:
        return (max(asked.threads, 1),) if asked.runtime != AUTO else (1,)
    return (asked.threads,) if asked.threads else list_threads(spec.machine.usable_threads)
