"""How far results of equal bundles lie apart that were measured at different times.

Run: python -m benchmarks.between_runs [--runs 8] [--pause 60] [--keep FOLDER]
Measures three bundles as ``compofa bench run`` does, again and again with pauses, and holds every result beside every
other as ``compofa bench compare OLD.json NEW.json`` does. Prints by how much a network's ratio to the baseline differs
from run to run (standard deviation, relative), what its sessions within a run explain of that, and the rest, which is
RUN_SPREAD in compofa_deploy/bench/compare_results.py;
then what the comparisons answered: never "slower" or "faster", if the
interval is as wide as it must be. With --keep the results are kept in a folder, and those that are there count too.
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
from profilers.measuring.runner import OnProgress
from profilers.runtimes.registry import find_runtime

BUNDLES = (("22222@24", "onnxruntime"), ("44444@32", "onnxruntime"), ("44444@32", "openvino"))
SAMPLED_MS = 3000.0
REGRESSION = 0.10
COLUMNS = "{:<26}{:>9}{:>12}{:>10}{:>10}{:>8}{:>8}{:>8}{:>10}{:>10}"


class Silent:
    """A watcher that tells nobody."""

    def on_step(self, text: str) -> None:
        """Nothing."""

    def on_progress(self) -> OnProgress:
        """Nobody."""
        return lambda progress: None


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
            result = run_bench(subjects, plan_sampling(SAMPLED_MS), Silent())
            result.save(folder / f"{len(list(folder.glob('*.json'))):03}.json")
        results = [BenchResult.load(path) for path in sorted(folder.glob("*.json"))]
    report([list(found) for found in zip(*(result.bundles for result in results), strict=True)])


def make_bundles(folder: Path) -> list[Subject]:
    """The bundles to measure, written into a folder."""
    supernet = load_supernet()
    for subnet, runtime in BUNDLES:
        exported = export(supernet, Subnet.parse(subnet), find_runtime(runtime).spec())
        write_bundle(folder / f"{subnet} {runtime}", exported.deployment, exported.files)
    return find_subjects([folder / f"{subnet} {runtime}" for subnet, runtime in BUNDLES])


def report(bundles: Sequence[Sequence[BenchmarkedBundle]]) -> None:
    """Print a row for each bundle, of its runs."""
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
