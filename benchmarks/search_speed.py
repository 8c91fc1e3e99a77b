"""Time of the exact search: 243 subnets x 25 resolutions x 4 device specs, the optimum and the whole front.

    python -m benchmarks.search_speed

Latencies and accuracies are made up from MACs; the time does not depend on them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from compofa_deploy.accuracy.table import SPLITS, AccuracyTable
from compofa_deploy.search.candidate_lists import list_candidates
from compofa_deploy.search.candidates import Candidates
from compofa_deploy.search.constraints import MaxLatency
from compofa_deploy.search.select import best, front
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.stage_units import list_units
from latency_tables.device import DeviceSpec
from latency_tables.layer import Layer
from latency_tables.machine import Machine
from latency_tables.table import LatencyTable
from latency_tables.validation import ErrorSummary

ROUNDS = 30
IMAGES = 10_000


def make_accuracies(architecture: Architecture) -> AccuracyTable:
    """Return accuracies that grow with the MACs, with noise."""
    rng = np.random.default_rng(0)
    macs = np.stack(
        [list_units(architecture, r).sum_over(lambda layer: layer.macs) for r in architecture.resolutions]
    )
    share = 0.7 + 0.08 * np.log(macs / macs.min()) / np.log(macs.max() / macs.min())
    correct = np.rint(IMAGES * share + rng.normal(0, 15, macs.shape)).astype(np.int64)
    return AccuracyTable(
        architecture.name, "none", "none", "made up", architecture.resolutions,
        dict.fromkeys(SPLITS, IMAGES), dict.fromkeys(SPLITS, correct),
    )  # fmt: skip


def make_table(architecture: Architecture, threads: int) -> LatencyTable:
    """Return a latency table with every layer of every resolution."""
    rng = np.random.default_rng(threads)
    costs: dict[str, float] = {}

    def cost(layer: Layer) -> float:
        return costs.setdefault(layer.key, layer.macs / 4e7 / threads * rng.uniform(0.8, 1.2) + 0.005)

    for resolution in architecture.resolutions:
        list_units(architecture, resolution).sum_over(cost)
    machine = Machine("made up", "x86_64", (), 8, None, "Linux")
    spec = DeviceSpec("onnxruntime", "0", "cpu", "f32", threads, 1, True, "all", machine)
    return LatencyTable(
        spec, architecture.to_dict(), "0", "2026-01-01T00:00:00Z", costs, costs, 0.01, architecture.resolutions,
        ErrorSummary(0.01, 1.0, 1.0, 1.0, 40, 0.01), tuple(rng.normal(0, 0.01, 40)), {"50": 1.0}, (), (),
    )  # fmt: skip


def median_ms(action: Callable[[], object]) -> float:
    """Return the median duration in ms over all rounds, after one that is not counted."""
    times = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        action()
        times.append(1e3 * (time.perf_counter() - started))
    return float(np.median(times[1:]))


def main() -> None:
    architecture = find_architecture("mbv3-w1.0-imagenet")
    accuracies = make_accuracies(architecture)
    tables = [make_table(architecture, threads) for threads in (1, 2, 3, 4)]
    started = time.perf_counter()
    candidates = list_candidates(architecture, accuracies, tables)
    first_ms = 1e3 * (time.perf_counter() - started)
    limits = (MaxLatency(8.0),)
    found = candidates.describe(best(candidates, limits))
    assert_exact(candidates, limits[0], found["subnet"])
    print(f"{len(candidates)} candidates; best under 8 ms: {found['subnet']}, checked one by one")
    print(f"{'step':<44}{'median ms':>10}")
    for step, action in {
        "list all candidates (layers listed before)": lambda: list_candidates(
            architecture, accuracies, tables
        ),
        "optimum under a budget": lambda: best(candidates, limits),
        "whole front under a budget": lambda: front(candidates, limits),
        "list, optimum and front": lambda: search(architecture, accuracies, tables, limits[0]),
    }.items():
        print(f"{step:<44}{median_ms(action):>10.2f}")
    print(f"{'list all candidates, the first time':<44}{first_ms:>10.2f}")


def search(
    architecture: Architecture, accuracies: AccuracyTable, tables: list[LatencyTable], limit: MaxLatency
) -> None:
    candidates = list_candidates(architecture, accuracies, tables)
    best(candidates, (limit,))
    front(candidates, (limit,))


def assert_exact(candidates: Candidates, limit: MaxLatency, found: str) -> None:
    """Check every candidate in a plain loop; fail if one is better than the result of the search."""
    exact = max(
        (candidates.accuracy[i], -candidates.latency_ms[i], i)
        for i in range(len(candidates))
        if candidates.latency_ms[i] * (1 + candidates.margin[i]) <= limit.limit_ms
    )
    expected = candidates.subnet(int(exact[2])).id
    if expected != found:
        raise SystemExit(f"the search found {found}; the best is {expected}")


if __name__ == "__main__":
    main()
