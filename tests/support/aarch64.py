"""A Debian for aarch64 with Python, numpy and ONNX Runtime under qemu. It runs real Arm code, without a device's
speed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pytest

TOOLS = ("qemu-aarch64-static", "debootstrap", "dpkg")
WHEELS = ("onnxruntime==1.23.2", "numpy==1.26.4")
"""Later ones crash under the qemu of Debian 12."""
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64")
LIMIT_S = 900


@dataclass(frozen=True)
class Emulated:
    """The folders of the root file system and of the unpacked wheels."""

    root: Path
    site: Path

    def run(self, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run the emulated Python in a folder; it sees numpy and ONNX Runtime, and nothing of this project."""
        command = [
            "qemu-aarch64-static",
            "-L",
            self.root,
            "-cpu",
            "max",
            self.root / "usr/bin/python3.11",
            "-P",
        ]
        return subprocess.run(
            list(map(str, [*command, *arguments])),
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(self.site), "HOME": str(folder)},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )


def find_emulated() -> Emulated:
    """Return the system in the user's cache folder, and make it if it is missing; skip where it cannot be made."""
    folder = platformdirs.user_cache_path("compofa-deploy") / "tests" / "aarch64-bookworm-1"
    if not folder.is_dir():
        missing = [
            tool for tool in TOOLS if not shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        ]
        if missing or os.geteuid():
            lacks = (
                f"{', '.join(missing)} (apt-get install qemu-user-static debootstrap)"
                if missing
                else "root's rights"
            )
            pytest.skip(f"a file system for aarch64 is not made without {lacks}")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".aarch64-") as scratch:
            _make(Path(scratch) / "made")
            (Path(scratch) / "made").rename(folder)
    elif not shutil.which(TOOLS[0]):
        pytest.skip(f"{TOOLS[0]} is not installed (apt-get install qemu-user-static)")
    return Emulated(folder / "root", folder / "site")


def _make(folder: Path) -> None:
    root, site, wheels = folder / "root", folder / "site", folder / "wheels"
    for part in (root, site, wheels):
        part.mkdir(parents=True)
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    _run_or_skip(
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *platforms,
        "--python-version", "311", "--dest", wheels, *WHEELS,
    )  # fmt: skip
    _run_or_skip(
        "debootstrap", "--arch=arm64", "--foreign", "--variant=minbase", "--include=python3", "bookworm", root
    )
    # The second stage of debootstrap would need the emulated programs to start others.
    for package in (root / "var/cache/apt/archives").glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, root], check=True, timeout=LIMIT_S)
        package.unlink()
    for wheel in wheels.iterdir():
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    shutil.rmtree(wheels)


def _run_or_skip(*command: object) -> None:
    """Run a command that needs the network."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env={**os.environ, "PATH": path},
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        pytest.skip(
            f"{command[0]} fails, perhaps for want of a network: {said[-1] if said else done.returncode}"
        )
