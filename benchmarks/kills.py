"""Kills at random moments: the same command goes on, and nothing is left behind.

``compofa deploy`` runs with a cache that begins empty, a tiny supernet and brief plans. It is killed (SIGKILL) at a
random moment, and started again, until it ends by itself. After each kill the journal is read: sessions that were
written before must still be there. At the end, workers that run on, kits in the cache, and hidden folders beside the
bundle are counted.

    python -m benchmarks.kills --kills 20
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from compofa_deploy.bundle.bundle import load_bundle
from compofa_deploy.supernet.stored import save_supernet
from tests.support.supernets import make_accuracies, make_supernet

ROOT = Path(__file__).resolve().parent.parent
LONGEST_S = 12.0
"""A kill comes within this time of the start."""
GRACE_S = 2.0
"""Workers get this time to end after their parent."""


@dataclass
class Outcome:
    """What kills did.

    Attributes:
        kills: The runs that were killed before they ended.
        finished: The runs that ended by themselves, each with a bundle.
        lost_sessions: Sessions that were in the journal before a kill and no longer after it.
        workers: Workers that outlived their parent.
        leftovers: Kits and hidden folders that the last run left.
        failures: What commands said that did not go on.
    """

    kills: int = 0
    finished: int = 0
    lost_sessions: int = 0
    workers: int = 0
    leftovers: int = 0
    failures: list[str] = field(default_factory=list)


def start(place: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start a deployment into a folder."""
    command = [
        sys.executable, "-m", "tests.support.brief_compofa", "deploy", "--latency", "1s", "--supernet",
        str(place / "tiny.safetensors"), "-o", str(place / "bundle"),
    ]  # fmt: skip
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def count_sessions(cache: Path) -> int:
    """The complete lines of all journals in a cache, less their headers."""
    journals = list((cache / "journals").glob("*.jsonl"))
    return sum(max(path.read_bytes().count(b"\n") - 1, 0) for path in journals)


def list_workers(token: str) -> list[int]:
    """The processes whose environment holds a token, but for this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            holds = token.encode() in (folder / "environ").read_bytes()
        except OSError:
            continue
        if holds and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def run(kills: int, rng: random.Random) -> Outcome:
    """Kill this many deployments; a run that ends by itself is followed by one with an empty cache."""
    found = Outcome()
    while found.kills < kills and not found.failures:
        with tempfile.TemporaryDirectory(prefix="kills-") as folder:
            _run_until_done(Path(folder), kills, rng, found)
    return found


def _run_until_done(place: Path, kills: int, rng: random.Random, found: Outcome) -> None:
    supernet = make_supernet()
    save_supernet(supernet, place / "tiny.safetensors")
    make_accuracies(supernet).save(place / "tiny.accuracy.json")
    token = f"KILLS_{rng.getrandbits(64):x}"
    cache = place / "cache"
    environment = {**os.environ, "COMPOFA_CACHE": str(cache), "TMPDIR": str(place), token: "1"}
    known = 0
    while True:
        process = start(place, environment)
        limit = rng.uniform(0.2, LONGEST_S) if found.kills < kills else None
        try:
            _, said = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            written = count_sessions(cache)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            found.kills += 1
            found.lost_sessions += max(max(known, written) - count_sessions(cache), 0)
            known = count_sessions(cache)
            time.sleep(GRACE_S)
            running = list_workers(token)
            found.workers += len(running)
            for worker in running:
                os.kill(worker, signal.SIGKILL)
            continue
        if process.returncode:
            found.failures.append(said.strip())
            return
        found.finished += 1
        load_bundle(place / "bundle")
        kits = list((cache / "kits").glob("*"))
        hidden = [path for path in place.iterdir() if path.name.startswith((".", "compofa-", "tmp"))]
        found.leftovers += len(kits) + len(hidden)
        return


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20, help="how many runs to kill")
    parser.add_argument("--seed", type=int, default=0, help="seeds the moments")
    given = parser.parse_args()
    found = run(given.kills, random.Random(given.seed))
    print(
        f"{found.kills} kills, {found.finished} runs finished; lost sessions: {found.lost_sessions}; workers that "
        f"outlived their parent: {found.workers}; left behind: {found.leftovers}; failures: {len(found.failures)}"
    )
    for failure in found.failures:
        print(failure, file=sys.stderr)
    return int(bool(found.lost_sessions or found.workers or found.leftovers or found.failures))


if __name__ == "__main__":
    sys.exit(main())
