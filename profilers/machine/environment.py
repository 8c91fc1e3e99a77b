"""The machine as the system describes it: its fingerprint, and its conditions at a moment."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path

from latency_tables.machine import Conditions, Machine
from profilers.machine.clock import read_time
from profilers.machine.cpu_details import read_cpu_details
from profilers.machine.cpu_time import read_cpu_time
from profilers.machine.files import read_cpuinfo, read_text

KERNEL_FLAGS = frozenset((
    "sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512dq", "avx512vl",
    "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16",
    "asimd", "asimdhp", "asimddp", "fphp", "i8mm", "bf16", "sve", "sve2", "svei8mm", "svebf16", "sme", "sme2",
))  # fmt: skip
"""The instruction-set flags of Linux's /proc/cpuinfo by which runtimes choose kernels."""

STEAL_FIELD = 8
X86_NAMES = ("x86_64", "amd64", "AMD64", "i686", "i386")
ARM_NAMES = ("aarch64", "arm")


def read_machine(root: Path = Path("/"), architecture: str = "") -> Machine:
    """The fingerprint of this machine, as far as this process may use it.

    Args:
        root: The folder that holds ``proc`` and ``sys``.
        architecture: The instruction set of this process; the system's answer where it is empty.
    """
    info = read_cpuinfo(root)
    architecture = architecture or platform.machine() or "unknown"
    flags = (info.get("flags") or info.get("Features") or info.get("isa") or "").split()
    return Machine(
        cpu_model=_read_model(info),
        architecture=architecture,
        isa=tuple(sorted(KERNEL_FLAGS.intersection(flags))),
        cores=count_cores(),
        cpu_quota=_read_quota(root),
        os=platform.system() or "unknown",
        emulated=_is_emulated(root, info, architecture),
        cpu_details=read_cpu_details(root),
    )


def read_conditions(root: Path = Path("/")) -> Conditions:
    """The conditions of this machine now; a value that cannot be read is ``None``.

    Args:
        root: The folder that holds ``proc`` and ``sys``.
    """
    time = read_cpu_time(root)
    return Conditions(
        when=read_time(),
        load_average=_read_load(),
        frequency_mhz=_read_frequency(root),
        throttle_count=_read_throttling(root),
        quota_throttle_count=_read_quota_throttling(root),
        memory_available_bytes=_read_memory(root),
        steal_ms=_read_steal(root),
        cpu_elapsed_ms=None if time is None else time.elapsed_ms,
        cpu_busy_ms=None if time is None else time.busy_ms,
        cpu_own_ms=None if time is None else time.own_ms,
    )


def _is_emulated(root: Path, info: dict[str, str], architecture: str) -> bool:
    """Whether the machine's CPU is of another kind than the one that this process is compiled for.

    qemu-user shows the machine's own kernel. /proc/cpuinfo describes the real CPU (before qemu 8), the CPU's modalias
    does, and the process has the emulator's name (unless binfmt started it).
    """
    if (read_text(root / "proc/self/status") or "").startswith("Name:\tqemu-"):
        return True
    modalias = read_text(root / "sys/devices/system/cpu/modalias") or ""
    shown = {
        "x86": "flags" in info or "cpu:type:x86" in modalias,
        "arm": "CPU implementer" in info or "cpu:type:aarch64" in modalias,
    }
    taken_for = "x86" if architecture in X86_NAMES else "arm" if architecture.startswith(ARM_NAMES) else ""
    return any(there and kind != taken_for for kind, there in shown.items())


def _read_model(info: dict[str, str]) -> str:
    if "model name" in info:
        return " ".join(info["model name"].split())
    if "CPU part" in info:
        # Arm kernels give numbers, and a part is unique only within its implementer.
        return f"Arm implementer {info.get('CPU implementer', '?')} part {info['CPU part']}"
    if platform.system() == "Darwin":
        try:
            asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            pass
    return platform.processor() or "unknown"


def count_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read_quota(root: Path) -> float | None:
    """The lowest CPU quota of this process's control group and its parents, in cores; ``None`` without one."""
    quotas = []
    for folder in _list_groups(root):
        words = (read_text(folder / "cpu.max") or "").split()
        if not words:
            words = [read_text(folder / f"cpu.cfs_{part}_us") or "" for part in ("quota", "period")]
        try:
            limit, period = float(words[0]), float(words[1])
        except (IndexError, ValueError):
            continue
        if limit > 0 and period > 0:
            quotas.append(limit / period)
    return round(min(quotas), 3) if quotas else None


def _list_groups(root: Path) -> Iterator[Path]:
    """The folders of this process's control group and of its parents, of versions 2 and 1."""
    top = root / "sys/fs/cgroup"
    for line in (read_text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers == "":
            base = top
        elif "cpu" in controllers.split(","):
            base = top / controllers if (top / controllers).is_dir() else top / "cpu"
        else:
            continue
        # In a container the path may name a folder that only the host sees. The top of the mount is then this group.
        parts = Path(path.strip().lstrip("/")).parts
        if ".." not in parts:
            for depth in range(len(parts), 0, -1):
                yield base.joinpath(*parts[:depth])
        yield base


def _read_load() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def _read_frequency(root: Path) -> float | None:
    """The mean clock of the cores in MHz."""
    found = []
    for file in sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq")):
        text = read_text(file)
        if text and text.strip().isdigit():
            found.append(int(text) / 1000)
    if not found:
        for line in (read_text(root / "proc/cpuinfo") or "").splitlines():
            if line.startswith("cpu MHz"):
                try:
                    found.append(float(line.partition(":")[2]))
                except ValueError:
                    continue
    return round(sum(found) / len(found), 1) if found else None


def _read_throttling(root: Path) -> int | None:
    folder = root / "sys/devices/system/cpu"
    texts = [read_text(file) for file in folder.glob("cpu[0-9]*/thermal_throttle/core_throttle_count")]
    counts = [int(text) for text in texts if text and text.strip().isdigit()]
    return sum(counts) if counts else None


def _read_quota_throttling(root: Path) -> int | None:
    for folder in _list_groups(root):
        for line in (read_text(folder / "cpu.stat") or "").splitlines():
            name, _, value = line.partition(" ")
            if name == "nr_throttled" and value.strip().isdigit():
                return int(value)
    return None


def _read_steal(root: Path) -> int | None:
    # proc(5): the eighth number of the first line, in ticks.
    words = (read_text(root / "proc/stat") or "").partition("\n")[0].split()
    if len(words) <= STEAL_FIELD or words[0] != "cpu" or not words[STEAL_FIELD].isdigit():
        return None
    return int(words[STEAL_FIELD]) * 1000 // os.sysconf("SC_CLK_TCK")


def _read_memory(root: Path) -> int | None:
    for line in (read_text(root / "proc/meminfo") or "").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None
