import os
from pathlib import Path

import pytest

from latency_tables.machine import Conditions, Machine
from profilers.machine.environment import read_conditions, read_machine


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_this_machine_reads_the_same_twice() -> None:
    machine = read_machine()
    assert machine == read_machine()
    assert machine.cores >= machine.usable_threads >= 1
    assert Machine.from_dict(machine.to_dict()) == machine
    conditions = read_conditions()
    assert Conditions.from_dict(conditions.to_dict()) == conditions


def test_the_model_and_the_kernels_flags_are_read_on_x86(tmp_path: Path) -> None:
    cpuinfo = (
        "model name\t: Intel(R)  Xeon(R)\nflags\t\t: fpu avx2 fma avx512f hypervisor\n\nmodel name: other\n"
    )
    machine = read_machine(write(tmp_path, {"proc/cpuinfo": cpuinfo}))
    assert machine.cpu_model == "Intel(R) Xeon(R)"
    assert machine.isa == ("avx2", "avx512f", "fma")


def test_the_part_and_the_kernels_flags_are_read_on_arm(tmp_path: Path) -> None:
    cpuinfo = "processor: 0\nFeatures: fp asimd asimddp\nCPU implementer: 0x41\nCPU part: 0xd0b\n"
    machine = read_machine(write(tmp_path, {"proc/cpuinfo": cpuinfo}))
    assert machine.cpu_model == "Arm implementer 0x41 part 0xd0b"
    assert machine.isa == ("asimd", "asimddp")


X86_INFO = "processor: 0\nvendor_id: GenuineIntel\nmodel name: Xeon\nflags: fpu avx2\n"
ARM_INFO = "processor: 0\nFeatures: fp asimd\nCPU implementer: 0x41\nCPU part: 0xd0b\n"


@pytest.mark.parametrize(
    ("architecture", "files", "emulated"),
    [
        ("x86_64", {"proc/cpuinfo": X86_INFO}, False),
        ("aarch64", {"proc/cpuinfo": ARM_INFO}, False),
        ("armv7l", {"proc/cpuinfo": ARM_INFO}, False),
        ("riscv64", {"proc/cpuinfo": "isa: rv64imafdc\n"}, False),
        ("aarch64", {}, False),
        ("aarch64", {"proc/cpuinfo": X86_INFO}, True),
        ("x86_64", {"proc/cpuinfo": ARM_INFO}, True),
        ("riscv64", {"proc/cpuinfo": X86_INFO}, True),
        ("aarch64", {"proc/cpuinfo": ARM_INFO, "proc/self/status": "Name:\tqemu-aarch64-st\n"}, True),
        ("aarch64", {"proc/cpuinfo": ARM_INFO, "sys/devices/system/cpu/modalias": "cpu:type:x86,ven0000"}, True),
        ("aarch64", {"proc/self/status": "Name:\tpython3\n"}, False),
    ],
)  # fmt: skip
def test_an_emulated_cpu_is_told_from_a_real_one(
    tmp_path: Path, architecture: str, files: dict[str, str], emulated: bool
) -> None:
    machine = read_machine(write(tmp_path, files), architecture)
    assert machine.emulated is emulated
    assert machine.architecture == architecture


def test_this_machine_is_not_emulated() -> None:
    assert not read_machine().emulated


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        ({"proc/self/cgroup": "0::/gone\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "100000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
            },
            1.0,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/box\n1:name=systemd:/x\n",
                "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
            },
            0.5,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "nonsense\n"}, None),
    ],
)
def test_the_tightest_quota_is_read(tmp_path: Path, files: dict[str, str], quota: float | None) -> None:
    assert read_machine(write(tmp_path, files)).cpu_quota == quota


def test_conditions_are_read_where_there_are_any(tmp_path: Path) -> None:
    cpu = "sys/devices/system/cpu/cpu"
    conditions = read_conditions(
        write(
            tmp_path,
            {
                f"{cpu}0/cpufreq/scaling_cur_freq": "2000000\n",
                f"{cpu}1/cpufreq/scaling_cur_freq": "3000000\n",
                f"{cpu}0/thermal_throttle/core_throttle_count": "2\n",
                f"{cpu}1/thermal_throttle/core_throttle_count": "3\n",
                "proc/meminfo": "MemTotal: 10 kB\nMemAvailable:    4 kB\n",
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/cpu.stat": "nr_periods 9\nnr_throttled 7\n",
                "proc/stat": "cpu  1 2 3 4 5 6 7 800 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n",
            },
        )
    )
    assert conditions.frequency_mhz == 2500
    assert conditions.throttle_count == 5
    assert conditions.quota_throttle_count == 7
    assert conditions.memory_available_bytes == 4096
    assert conditions.steal_ms == 800 * 1000 // os.sysconf("SC_CLK_TCK")


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    conditions = read_conditions(tmp_path)
    assert conditions.frequency_mhz is None
    assert conditions.throttle_count is None
    assert conditions.memory_available_bytes is None
    assert conditions.steal_ms is None
