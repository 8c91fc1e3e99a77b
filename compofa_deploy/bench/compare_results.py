"""Comparing two results that one machine gave at different times, through the baseline network measured in both.

Each session is represented by its ratio to the baseline around it. This ratio removes a machine that became faster or
slower as a whole. It does not remove that networks react differently to a change of the machine. So the interval is
wider than that of two bundles measured side by side.
"""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.bench.baseline import is_same_baseline
from compofa_deploy.bench.result import MAX_DISTURBED_SHARE, BenchmarkedBundle, BenchResult
from compofa_deploy.bench.verdict import Comparison, Verdict, allow_error, decide
from latency_tables.errors import MismatchError
from latency_tables.units import NS_PER_S

Array = NDArray[np.float64]

RUN_SPREAD = 0.015
"""The standard deviation, between runs on one machine, of a network's ratio to the baseline, relative.

It excludes the variation of sessions within a run. ``python -m benchmarks.between_runs`` printed at most 1.3 % for six
runs."""
REPLICATES = 4000
AGAIN = "measure again on a quieter machine (compofa bench noise)"
BESIDE = "compare the bundles themselves, side by side: compofa bench compare OLD NEW"


def compare_results(old: Path, new: Path, max_regression: float) -> list[Comparison]:
    """The answer for each bundle that both results hold under one name.

    Args:
        old: The file of the old result.
        new: The file of the new result.
        max_regression: The largest acceptable slowdown, relative.

    Raises:
        MismatchError: The results share no bundle, or one bundle was measured on another machine, with another runtime
            version or setting, or beside another baseline.
        FormatError: A file is not a result.
        InputError: A file cannot be read.
    """
    olds = {benched.name: benched for benched in BenchResult.load(old).bundles}
    news = {benched.name: benched for benched in BenchResult.load(new).bundles}
    shared = [name for name in olds if name in news]
    if not shared:
        raise MismatchError(
            f"{old} is of {', '.join(olds)} and {new} of {', '.join(news)}; bundles go by their folders' names: "
            "measure both under one"
        )
    for name in shared:
        _check_comparable(f"{name} in {old} and {new}", olds[name], news[name])
    error = allow_error(len(shared))
    return [compare_benched(olds[name], news[name], max_regression, error) for name in shared]


def compare_benched(
    old: BenchmarkedBundle, new: BenchmarkedBundle, max_regression: float, error: float
) -> Comparison:
    """The answer for two measurements of one device spec.

    Args:
        old: The old measurement.
        new: The new measurement.
        max_regression: The largest acceptable slowdown, relative.
        error: The largest probability that one end of the interval is on the wrong side of the truth.
    """
    olds, news = old.log_ratios, new.log_ratios
    centre, low, high = bootstrap_interval(olds, news, error)
    verdict, reason = decide(low, high, max_regression), ""
    if max(old.disturbed_share, new.disturbed_share) > MAX_DISTURBED_SHARE:
        verdict, reason = Verdict.COULD_NOT_TELL, f"too many calls were disturbed; {AGAIN}"
    elif verdict is Verdict.COULD_NOT_TELL:
        reason = f"results of different times differ even for one model; {BESIDE}"
    doubts = [
        f"{when}: {doubt}" for when, benched in (("old", old), ("new", new)) for doubt in benched.doubts
    ]
    return Comparison(
        model=new.name,
        ratio=centre,
        low=low,
        high=high,
        verdict=verdict,
        max_regression=max_regression,
        old_ms=old.measurement.latency_ms,
        new_ms=new.measurement.latency_ms,
        blocks=min(len(olds), len(news)),
        seconds=sum(sum(v.samples_ns) for b in (old, new) for v in b.measurement.sessions) / NS_PER_S,
        reason=reason,
        notes=tuple(doubts),
    )


def bootstrap_interval(old: Array, new: Array, error: float) -> tuple[float, float, float]:
    """A bootstrap interval of the ratio new / old.

    The bootstrap resamples the sessions of both sides. The spread between runs, :data:`RUN_SPREAD`, is added as an
    independent error, once for each run.

    Args:
        old: The old sessions' log-ratios to the baseline, (n,).
        new: The new sessions' log-ratios to the baseline, (m,).
        error: The largest probability that one end of the interval is on the wrong side of the truth.

    Returns:
        The ratio, and the lower and upper end of its interval.
    """
    rng = np.random.default_rng(0)
    centre = float(np.median(new) - np.median(old))
    drawn = [
        np.median(logs[rng.integers(len(logs), size=(REPLICATES, len(logs)))], axis=1) for logs in (old, new)
    ]
    low, high = np.quantile(drawn[1] - drawn[0], [error, 1 - error])
    between = NormalDist().inv_cdf(1 - error) * RUN_SPREAD * 2**0.5
    ends = centre - np.hypot(max(centre - low, 0), between), centre + np.hypot(max(high - centre, 0), between)
    return float(np.exp(centre)), float(np.exp(ends[0])), float(np.exp(ends[1]))


def _check_comparable(which: str, old: BenchmarkedBundle, new: BenchmarkedBundle) -> None:
    differences = old.spec.list_differences(new.spec)
    if differences:
        raise MismatchError(
            f"{which} was not measured on the same: {'; '.join(differences)}; measure both there, or {BESIDE}"
        )
    if not is_same_baseline(old.baseline, new.baseline):
        raise MismatchError(
            f"{which} was measured beside different baselines, by different releases; measure the old one again, or "
            f"{BESIDE}"
        )
