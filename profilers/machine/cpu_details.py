"""CPU details, which differ between machines of one CPU name.

``AMD EPYC`` and ``Intel(R) Xeon(R) Processor`` are the names of several generations, and many boards name no CPU at
all. The kernel knows more: the generation, the board, the highest clock and the sizes of the caches.
"""

from __future__ import annotations

from pathlib import Path

from profilers.machine.files import list_cores, read_text

CPUINFO_FIELDS = (
    ("vendor_id", "vendor"), ("cpu family", "family"), ("model", "model"), ("stepping", "stepping"),
    ("CPU implementer", "implementer"), ("CPU part", "part"), ("CPU variant", "variant"),
    ("CPU revision", "revision"), ("uarch", "uarch"), ("mvendorid", "vendor"), ("marchid", "architecture id"),
)  # fmt: skip
"""Fields of /proc/cpuinfo on x86, Arm and RISC-V, and their names in a fingerprint."""
CACHE_KINDS = {"Data": "d", "Instruction": "i", "Unified": ""}
KHZ_PER_MHZ = 1000


def read_cpu_details(root: Path = Path("/")) -> tuple[str, ...]:
    """The kernel's description of the CPU beyond its name, as in ``family 25`` or ``L2 cache 1024K``.

    Cores of several kinds give several values, as in ``part 0xd05 0xd0b``.

    Args:
        root: The folder that holds ``proc`` and ``sys``.

    Returns:
        The details in a fixed order; empty where the kernel says nothing.
    """
    return (*_read_generation(root), *_read_board(root), *_read_max_clock(root), *_read_caches(root))


def _read_generation(root: Path) -> list[str]:
    cores = list_cores(root)
    found = []
    for field, name in CPUINFO_FIELDS:
        values = sorted({core[field] for core in cores if core.get(field)})
        if values:
            found.append(f"{name} {' '.join(values)}")
    return found


def _read_board(root: Path) -> list[str]:
    model = (read_text(root / "proc/device-tree/model") or "").strip("\0 \n")
    return [f"board {model}"] if model else []


def _read_max_clock(root: Path) -> list[str]:
    """The highest clocks of the cores, which the system does not change with the load."""
    texts = [
        (read_text(file) or "").strip()
        for file in (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/cpuinfo_max_freq")
    ]
    clocks = sorted({int(text) // KHZ_PER_MHZ for text in texts if text.isdigit()})
    return [f"highest clock {' '.join(map(str, clocks))} MHz"] if clocks else []


def _read_caches(root: Path) -> list[str]:
    """The sizes of the first core's caches."""
    found = []
    for folder in (root / "sys/devices/system/cpu/cpu0/cache").glob("index[0-9]*"):
        level, kind, size = ((read_text(folder / name) or "").strip() for name in ("level", "type", "size"))
        if level and size:
            found.append(f"L{level}{CACHE_KINDS.get(kind, '')} cache {size}")
    return sorted(found)
