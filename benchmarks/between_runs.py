"""Distance between results of equal bundles that were measured at different times.

    python -m benchmarks.between_runs [--runs 8] [--pause 60] [--keep FOLDER]

It measures three bundles as ``compofa bench run`` does, again and again with pauses. It then compares every result with
every other as ``compofa bench compare OLD.json NEW.json`` does. It prints the standard deviation between runs of a
network's ratio to the baseline, the part of it that the sessions within a run explain, and the rest, which is
RUN_SPREAD in ``compofa_deploy/bench/compare_results.py``. It also prints the answers of the comparisons. No answer is
"slower" or "faster" if the intervals are as wide as they must be. With --keep, results are kept in a folder, and
results that are there already count as well.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from compofa_deploy.bench.compare_results import REPLICATES, compare_benched
from compofa_deploy.bench.result import BenchmarkedBundle, BenchResult
from compofa_deploy.bench.run import Subject, find_subjects, plan_sampling, run_bench
from compofa_deploy.bench.verdict import ERROR_RATE, Verdict
from compofa_deploy.bundle.bundle_writer import write_bundle
from compofa_deploy.export.export import export
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import load_supernet
from profilers.measuring.watcher import SILENT
from profilers.runtimes.registry import find_runtime
from profilers.targets.local import LocalDevice

BUNDLES = (("22222@24", "onnxruntime"), ("44444@32", "onnxruntime"), ("44444@32", "openvino"))
SAMPLED_MS = 3000.0
REGRESSION = 0.10
COLUMNS = "{:<26}{:>9}{:>12}{:>10}{:>10}{:>8}{:>8}{:>8}{:>10}{:>10}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--pause", type=float, default=60.0)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch) / "results"
        folder.mkdir(parents=True, exist_ok=True)
        subjects = make_bundles(Path(scratch)) if given.runs else []
        for run in range(given.runs):
            if run:
                time.sleep(given.pause)
            result = run_bench(subjects, plan_sampling(SAMPLED_MS), LocalDevice(Path(scratch)), SILENT)
            result.save(folder / f"{len(list(folder.glob('*.json'))):03}.json")
        results = [BenchResult.load(path) for path in sorted(folder.glob("*.json"))]
    report([list(found) for found in zip(*(result.bundles for result in results), strict=True)])


def make_bundles(folder: Path) -> list[Subject]:
    """Write the bundles to measure into a folder, and return them."""
    supernet = load_supernet()
    for subnet, runtime in BUNDLES:
        exported = export(supernet, Subnet.parse(subnet), find_runtime(runtime).spec())
        write_bundle(folder / f"{subnet} {runtime}", exported.deployment, exported.files)
    places = [folder / f"{subnet} {runtime}" for subnet, runtime in BUNDLES]
    return find_subjects(places, LocalDevice(folder))


def report(bundles: Sequence[Sequence[BenchmarkedBundle]]) -> None:
    """Print one row for each bundle, from its runs."""
    heads = (
        "bundle",
        "ms",
        "runs apart",
        "sessions",
        "the rest",
        "same",
        "unclear",
        "false",
        "raw apart",
        "doubted",
    )
    print(COLUMNS.format(*heads))
    for runs in bundles:
        logs = [benched.log_ratios for benched in runs]
        rng = np.random.default_rng(0)
        errors = [
            float(np.median(log[rng.integers(len(log), size=(REPLICATES, len(log)))], axis=1).std())
            for log in logs
        ]
        apart = float(np.std([np.median(log) for log in logs], ddof=1))
        within = float(np.mean(np.square(errors)) ** 0.5)
        raw = float(np.std(np.log([benched.measurement.raw_median_ms for benched in runs]), ddof=1))
        answers = [compare_benched(a, b, REGRESSION, ERROR_RATE).verdict for a, b in combinations(runs, 2)]
        counts = [answers.count(Verdict.SAME), answers.count(Verdict.COULD_NOT_TELL)]
        ms = float(np.median([benched.measurement.latency_ms for benched in runs]))
        print(
            COLUMNS.format(
                runs[0].name, f"{ms:.3f}", f"{apart:.2%}", f"{within:.2%}",
                f"{max(apart**2 - within**2, 0) ** 0.5:.2%}", *counts, len(answers) - sum(counts), f"{raw:.2%}",
                f"{sum(bool(benched.doubts) for benched in runs)}/{len(runs)}",
            )
        )  # fmt: skip


if __name__ == "__main__":
    main()
