"""Loading a model in a process of its own: how long it takes, and how much memory it takes from then on.

In the process that measures latencies the runtime's memory is that of whatever ran before.
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

    ``load_ms`` is the time from the files on the disk (which the system may have in memory) to a session. The runtime
    is there already, and our checks of the files are not counted. ``memory_bytes`` is the most memory that the process
    then held until it had run a few times, less what it held before. ``None`` where the system does not tell.
    """

    load_ms: float
    memory_bytes: int | None


def measure_load(spec: DeviceSpec, files: ModelPaths) -> Load:
    """Load a model under a device spec in a new process, and run it a few times.

    :class:`FormatError` where a file does not have its hash, or the model would read another file;
    :class:`MeasurementError` where it cannot be loaded or run, :class:`WorkerDied` where that ends the process.
    """
    request = {"load": True, "spec": spec.to_dict(), **files.to_request()}
    with WorkerProcess() as worker:
        return Load.from_dict(worker.start(request))


def watch_memory(process: Path = PROCESS) -> Callable[[], int | None]:
    """Begin to watch this process's memory; what is returned tells how many bytes more than now it held at most since,
    or ``None`` where the system does not tell."""
    # Forgets the most that it ever held (proc(5), clear_refs); where that is not let, only what is above it is news.
    with suppress(OSError):
        (process / "clear_refs").write_text("5")
    held, mark = _read_memory("VmRSS", process), _read_memory("VmHWM", process)

    def tell() -> int | None:
        peak = _read_memory("VmHWM", process)
        return None if held is None or mark is None or peak is None or peak <= mark else peak - held

    return tell


def _read_memory(field: str, process: Path) -> int | None:
    """Bytes of memory, by the name of a field of ``/proc/self/status``; ``None`` where that is not told."""
    try:
        lines = (process / "status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(found[0]) * BYTES_PER_KIB if found and found[0].isdigit() else None
