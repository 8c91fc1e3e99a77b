"""The cost of loading a model, in time and in memory, measured in a process of its own.

A process that measured other models before holds their memory as well.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from latency_tables.device import DeviceSpec
from latency_tables.record import Record
from profilers.measuring.open_model import ModelPaths
from profilers.measuring.worker_process import WorkerProcess

BYTES_PER_KIB = 1024
PROCESS = Path("/proc/self")


@dataclass(frozen=True)
class Load(Record):
    """One load of a model.

    Attributes:
        load_ms: The time in ms from the files on the disk, which the system may have in memory, to a session. The
            import of the runtime and our checks of the files are not counted.
        memory_bytes: The most memory that the process held while it loaded the model and ran it a few times, minus the
            memory that it held before; ``None`` where the system does not tell.
    """

    load_ms: float
    memory_bytes: int | None


def measure_load(spec: DeviceSpec, files: ModelPaths) -> Load:
    """Load a model in a new process, and run it a few times.

    Args:
        spec: The device spec to load it under.
        files: The model's files.

    Raises:
        FormatError: A file does not have its hash, or the model would read another file.
        MeasurementError: The model cannot be loaded or run.
        WorkerDied: The process died or hung.
    """
    request = {"load": True, "spec": spec.to_dict(), **files.to_request()}
    with WorkerProcess() as worker:
        return Load.from_dict(worker.start(request))


def watch_memory(process: Path = PROCESS) -> Callable[[], int | None]:
    """Begin to watch the memory of a process.

    Args:
        process: The process's folder below ``/proc``.

    Returns:
        A function that returns the largest growth since then in bytes; ``None`` where the system does not tell.
    """
    # This resets the peak (proc(5), clear_refs). Where it is not allowed, only growth beyond the old peak is seen.
    with suppress(OSError):
        (process / "clear_refs").write_text("5")
    held, mark = _read_memory("VmRSS", process), _read_memory("VmHWM", process)

    def tell() -> int | None:
        peak = _read_memory("VmHWM", process)
        return None if held is None or mark is None or peak is None or peak <= mark else peak - held

    return tell


def _read_memory(field: str, process: Path) -> int | None:
    """A field of ``/proc/self/status`` in bytes; ``None`` where the system does not tell."""
    try:
        lines = (process / "status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(found[0]) * BYTES_PER_KIB if found and found[0].isdigit() else None
