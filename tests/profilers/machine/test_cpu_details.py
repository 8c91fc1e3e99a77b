from pathlib import Path

import pytest

from profilers.machine.cpu_details import read_cpu_details
from profilers.machine.environment import read_machine
from tests.profilers.machine.test_environment import write

CPU = "sys/devices/system/cpu/cpu"
EPYC = "vendor_id: AuthenticAMD\ncpu family: 25\nmodel: {model}\nmodel name: AMD EPYC\nstepping: 1\ncpu MHz: {clock}\n"


def test_generations_of_one_cpu_name_are_told_apart(tmp_path: Path) -> None:
    details = [
        read_cpu_details(write(tmp_path / model, {"proc/cpuinfo": EPYC.format(model=model, clock=2600)}))
        for model in ("1", "17")
    ]
    assert details[0] == ("vendor AuthenticAMD", "family 25", "model 1", "stepping 1")
    assert details[1] == ("vendor AuthenticAMD", "family 25", "model 17", "stepping 1")


def test_the_present_clock_is_no_part_of_the_fingerprint(tmp_path: Path) -> None:
    slow, fast = (
        read_machine(write(tmp_path / clock, {"proc/cpuinfo": EPYC.format(model=1, clock=clock)}))
        for clock in ("1500.0", "3700.0")
    )
    assert slow == fast


@pytest.mark.parametrize(
    ("files", "details"),
    [
        (
            {
                "proc/cpuinfo": "CPU implementer: 0x41\nCPU variant: 0x1\nCPU part: 0xd05\nCPU revision: 0\n\n"
                "CPU implementer: 0x41\nCPU variant: 0x4\nCPU part: 0xd0b\nCPU revision: 0\n",
                "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
                f"{CPU}0/cpufreq/cpuinfo_max_freq": "1800000\n",
                f"{CPU}1/cpufreq/cpuinfo_max_freq": "2400000\n",
            },
            (
                "implementer 0x41", "part 0xd05 0xd0b", "variant 0x1 0x4", "revision 0",
                "board Raspberry Pi 5 Model B Rev 1.0", "highest clock 1800 2400 MHz",
            ),
        ),
        (
            {"proc/cpuinfo": "isa: rv64imafdc\nuarch: sifive,u74-mc\nmvendorid: 0x489\n"},
            ("uarch sifive,u74-mc", "vendor 0x489"),
        ),
        (
            {
                f"{CPU}0/cache/index{i}/{name}": text
                for i, entry in enumerate([("1", "Data", "32K"), ("1", "Instruction", "64K"), ("3", "Unified", "32M")])
                for name, text in zip(("level", "type", "size"), entry, strict=True)
            },
            ("L1d cache 32K", "L1i cache 64K", "L3 cache 32M"),
        ),
        ({}, ()),
    ],
)  # fmt: skip
def test_what_the_kernel_says_of_the_cpu_and_the_board_is_read(
    tmp_path: Path, files: dict[str, str], details: tuple[str, ...]
) -> None:
    assert read_cpu_details(write(tmp_path, files)) == details


def test_boards_whose_cpu_has_no_name_are_told_apart(tmp_path: Path) -> None:
    boards = {
        read_machine(write(tmp_path / board, {"proc/device-tree/model": f"{board}\0"})).id
        for board in ("VisionFive 2", "HiFive Unmatched")
    }
    assert len(boards) == 2
