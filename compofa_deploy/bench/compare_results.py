"""Comparing two results of different times on one machine, through the network that was timed in between in both.

Of a bundle's session counts by how much it took longer than the baseline did around it. That takes out a machine that
has become faster or slower as a whole; it does not take out that not all networks gain and lose alike, and that is why
the interval here is wider than that of bundles that were measured side by side.
"""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.bench.baseline import is_same_baseline
from compofa_deploy.bench.result import MAX_DISTURBED_SHARE, Benched, BenchResult
from compofa_deploy.bench.verdict import Comparison, Verdict, allow_error, decide
from latency_tables.errors import MismatchError
from latency_tables.units import NS_PER_S

Array = NDArray[np.float64]

RUN_SPREAD = 0.015
"""Standard deviation, relative, of a network's ratio to the baseline from run to run of one machine, beyond what its
sessions within a run tell. ``python -m benchmarks.between_runs`` printed at most 1.3 % of six runs."""
REPLICATES = 4000
AGAIN = "measure again on a quieter machine (compofa bench noise)"
BESIDE = "compare the bundles themselves, side by side: compofa bench compare OLD NEW"


def compare_results(old: Path, new: Path, max_regression: float) -> list[Comparison]:
    """The answer for each bundle that both results have, by its name. ``max_regression`` is relative.

    :class:`MismatchError` where the results share no bundle, or one was measured on another machine, runtime version or
    setting, or beside another baseline; :class:`FormatError` or :class:`InputError` where a file is no result.
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


def compare_benched(old: Benched, new: Benched, max_regression: float, error: float) -> Comparison:
    """The answer for two measurements of one device spec; either end of the interval may be wrong so often."""
    olds, news = old.log_ratios, new.log_ratios
    centre, low, high = find_interval(olds, news, error)
    verdict, reason = decide(low, high, max_regression), ""
    if max(old.disturbed_share, new.disturbed_share) > MAX_DISTURBED_SHARE:
        verdict, reason = Verdict.COULD_NOT_TELL, f"too many calls were disturbed; {AGAIN}"
    elif verdict is Verdict.COULD_NOT_TELL:
        reason = f"results of different times lie apart by themselves; {BESIDE}"
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
        seconds=sum(sum(v.samples_ns) for b in (old, new) for v in b.measurement.visits) / NS_PER_S,
        reason=reason,
        notes=tuple(doubts),
    )


def find_interval(old: Array, new: Array, error: float) -> tuple[float, float, float]:
    """The ratio new / old and the ends of its interval, of log-ratios of sessions (n,) and (m,) to the baseline.

    Sessions are drawn anew on both sides; how runs differ beyond their sessions adds to that as independent errors do,
    once for each run.
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


def _check_comparable(which: str, old: Benched, new: Benched) -> None:
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
