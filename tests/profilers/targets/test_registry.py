"""From the name of a target to a device."""

from __future__ import annotations

from pathlib import Path

import pytest

from latency_tables.errors import InputError
from profilers.targets.local import LocalDevice
from profilers.targets.registry import open_device
from profilers.targets.ssh_device import SshDevice


def test_this_machine_is_called_local(tmp_path: Path) -> None:
    with open_device("local", tmp_path) as device:
        assert isinstance(device, LocalDevice)
        assert device.journals == tmp_path


@pytest.mark.parametrize("target", ["", "localhost", "http://host", "adb"])
def test_a_target_of_no_known_kind_is_refused_with_those_there_are(tmp_path: Path, target: str) -> None:
    with pytest.raises(InputError, match=f"'{target}' is no target; write local, or ssh://user@host"):
        open_device(target, tmp_path)


def test_another_machine_is_reached_over_ssh_when_it_is_asked(tmp_path: Path) -> None:
    with open_device("ssh://pi@10.0.0.7:2222", tmp_path) as device:
        assert isinstance(device, SshDevice)
        assert device.name == "10.0.0.7-2222"
        device.close()
