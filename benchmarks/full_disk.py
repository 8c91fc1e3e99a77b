"""A disk that is full at any point: one line says so, and nothing is half written.

``compofa deploy`` runs with its cache, its temporary files and its output on a small file system of its own, with a
tiny supernet and brief plans. The room on it grows from run to run. Each run either delivers a bundle that can be read,
or ends with one line and exit code 2. Mounting needs root on Linux.

    python -m benchmarks.full_disk
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compofa_deploy.bundle.bundle import load_bundle
from compofa_deploy.supernet.stored import save_supernet
from latency_tables.errors import CompofaError
from tests.support.supernets import make_accuracies, make_supernet

ROOT = Path(__file__).resolve().parent.parent
ROOM_KB = (4, 16, 64, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
TIMEOUT_S = 300


@contextmanager
def mount(room_kb: int) -> Iterator[Path]:
    """A file system with this much room, in kB.

    Raises:
        OSError: It cannot be mounted.
    """
    with tempfile.TemporaryDirectory(prefix="full-disk-") as folder:
        asked = ["mount", "-t", "tmpfs", "-o", f"size={room_kb}k", "tmpfs", folder]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(done.stderr.strip())
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def deploy(supernet: Path, place: Path) -> tuple[str, str]:
    """Deploy into a place. Returns ``delivered``, ``refused`` or a fault, and the last line that was said."""
    environment = {**os.environ, "COMPOFA_CACHE": str(place / "cache"), "TMPDIR": str(place)}
    command = [
        sys.executable, "-m", "tests.support.brief_compofa", "deploy", "--latency", "1s", "--supernet", str(supernet),
        "--accept-doubtful", "-o", str(place / "bundle"),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False, timeout=TIMEOUT_S
    )
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if "Traceback" in done.stderr or "bug" in last:
        return "UNCAUGHT", last
    if done.returncode == 0:
        load_bundle(place / "bundle")
        return "delivered", ""
    if (place / "bundle").exists():
        try:
            load_bundle(place / "bundle")
        except CompofaError as error:
            return "HALF A BUNDLE", str(error)
    if done.returncode != 2 or not last.startswith("Error: "):
        return f"EXIT {done.returncode}", last
    return "refused", last


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    if shutil.which("mount") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        print("mounting a file system needs root on Linux; nothing was tried", file=sys.stderr)
        return 3
    faults = 0
    with tempfile.TemporaryDirectory(prefix="full-disk-supernet-") as folder:
        supernet = make_supernet()
        save_supernet(supernet, Path(folder) / "tiny.safetensors")
        make_accuracies(supernet).save(Path(folder) / "tiny.accuracy.json")
        for room_kb in ROOM_KB:
            with mount(room_kb) as place:
                outcome, said = deploy(Path(folder) / "tiny.safetensors", place)
            faults += outcome.isupper()
            print(f"{room_kb:>6} kB  {outcome:10}  {said[:120]}", flush=True)
    print(f"{len(ROOM_KB)} runs, {faults} faults")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
