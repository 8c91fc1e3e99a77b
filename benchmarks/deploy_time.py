"""Time of ``compofa deploy`` from nothing, with an earlier run's table, and for an infeasible budget.

    python -m benchmarks.deploy_time [--latency 2ms] [--runs 3]

It times whole processes. "from nothing" has a fresh cache folder.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def run(arguments: list[str], cache: Path) -> tuple[float, int, str]:
    """Return the seconds, the exit code and the standard output of one command."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "compofa_deploy", *arguments],
        env={**os.environ, "COMPOFA_CACHE": str(cache)},
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - started, done.returncode, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", default="2ms")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    seconds: dict[str, list[float]] = {"from nothing": [], "with a table": [], "infeasible": [], "--help": []}
    found: dict[str, object] = {}
    for _ in range(given.runs):
        with tempfile.TemporaryDirectory() as folder:
            cache, bundle = Path(folder) / "cache", str(Path(folder) / "bundle")
            for case, arguments, code in (
                ("from nothing", ["deploy", "--latency", given.latency, "-o", bundle, "--json"], 0),
                ("with a table", ["deploy", "--latency", given.latency, "-o", bundle, "--json"], 0),
                ("infeasible", ["deploy", "--latency", "1us", "-o", bundle], 1),
                ("--help", ["--help"], 0),
            ):
                took, returned, output = run(arguments, cache)
                if returned != code:
                    raise SystemExit(f"{case}: exit code {returned}, not {code}")
                seconds[case].append(took)
                if case == "from nothing":
                    found = json.loads(output)
    print(f"{'compofa deploy --latency ' + given.latency:<36}{'median s':>10}{'worst s':>10}")
    for case, times in seconds.items():
        print(f"{case:<36}{statistics.median(times):>10.2f}{max(times):>10.2f}")
    print(json.dumps({key: found[key] for key in ("subnet", "accuracy", "predicted", "measured")}, indent=1))


if __name__ == "__main__":
    main()
