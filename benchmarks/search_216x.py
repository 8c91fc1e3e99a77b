"""CompOFA's claim that its space is searched 216 times as fast (75 s instead of 4.5 h), from one table and predictor.

    python -m benchmarks.search_216x --table note10.json --accuracy acc_predictor.pth [--seeds 5]
        [--latencies 15,20,25,30] [--resolutions 160,176,192,208,224]

Four searches run under each latency limit: Once-For-All's evolutionary search over the space ofa; the evolutionary
search over compofa; our exact search over compofa; our local search over ofa. The measured quantity is the processor
time of the search alone: finding the latencies of layers, predicting, and everything between. Reading files is not
counted.

The evolutionary search is not handicapped. Its latencies are sums over lists, where the published code formats a name
for each layer, and its generations are encoded at once. All searches have the same resolutions. Each seed is a search
of its own; the exact search does not depend on it. The output has the median time, the accuracies of the worst and the
best seed, and the latency of the best one.

The exit code is 1 if one seed of our local search is less accurate than the same seed of the evolutionary search, or if
our search takes more than a tenth of its time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.evolution import Evolution
from compofa_deploy.accuracy.predictions import PredictedAccuracies
from compofa_deploy.accuracy.source import load_predictor
from compofa_deploy.search.additive import AdditiveCosts
from compofa_deploy.search.candidate_lists import list_candidates
from compofa_deploy.search.constraints import MaxLatency
from compofa_deploy.search.large_spaces import find_candidates
from compofa_deploy.search.select import best
from compofa_deploy.search.space_latency import list_latencies
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.choice_arrays import SPACES
from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import InputError
from latency_tables.table import LatencyTable

SHARE_OF_TIME = 0.1
"""The largest share of the evolutionary search's time that our local search may take."""
EVOLUTION, LOCAL = "evolution, ofa", "our local search, ofa"

Search = Callable[[float, int], tuple[Subnet, float]]


@dataclass(frozen=True)
class Measured:
    """Processor seconds of a search, and its result."""

    seconds: float
    subnet: Subnet
    accuracy: float


@dataclass(frozen=True)
class Searches:
    """The inputs of every search, and the searches: each maps a limit and a seed to a subnet and its accuracy."""

    table: LatencyTable
    accuracies: PredictedAccuracies

    def evolve(self, limit_ms: float, seed: int) -> tuple[Subnet, float]:
        return self._evolve("ofa", limit_ms, seed)

    def evolve_compound(self, limit_ms: float, seed: int) -> tuple[Subnet, float]:
        return self._evolve("compofa", limit_ms, seed)

    def list_all(self, limit_ms: float, seed: int) -> tuple[Subnet, float]:
        candidates = list_candidates(self.accuracies.architecture, self.accuracies, [self.table])
        index = best(candidates, [MaxLatency(limit_ms)])
        return candidates.subnet(index), float(candidates.accuracy[index])

    def search_locally(self, limit_ms: float, seed: int) -> tuple[Subnet, float]:
        candidates, _ = find_candidates(SPACES["ofa"], self.accuracies, [self.table], limit_ms, seed)
        return candidates.subnet(0), float(candidates.accuracy[0])

    def predict_ms(self, subnet: Subnet) -> float:
        layers = list_layers(self.accuracies.architecture, subnet)
        return self.table.at(subnet.resolution).predict_ms(layer.key for layer in layers)

    def _evolve(self, space: str, limit_ms: float, seed: int) -> tuple[Subnet, float]:
        latency = list_latencies(
            self.accuracies.architecture, self.table, SPACES[space], self.table.resolutions
        )
        if not isinstance(latency, AdditiveCosts):
            raise InputError("OFA's evolution adds up latencies; name a table without cache contention")
        return Evolution(self.accuracies.predictor, latency, limit_ms, space == "compofa", seed).run()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--accuracy", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--latencies", default="15,20,25,30")
    parser.add_argument("--resolutions", default="160,176,192,208,224")
    given = parser.parse_args()
    searches = prepare(given.table, given.accuracy, [int(r) for r in given.resolutions.split(",")])
    rows: dict[str, Search] = {
        EVOLUTION: searches.evolve,
        "evolution, compofa": searches.evolve_compound,
        "exact, compofa": searches.list_all,
        LOCAL: searches.search_locally,
    }
    searches.search_locally(1e9, 0)
    searches.list_all(1e9, 0)
    misses, total = 0, dict.fromkeys(rows, 0.0)
    print(
        f"{'limit':>6}  {'search':<20}{'time s':>9}{'x faster':>10}{'worst %':>9}{'best %':>9}{'its ms':>8}"
    )
    for limit_ms in map(float, given.latencies.split(",")):
        found: dict[str, list[Measured]] = {name: [] for name in rows}
        # One seed after the other, so that a machine that drifts drifts for all searches alike.
        for seed in range(given.seeds):
            for name, search in rows.items():
                found[name].append(measure(search, limit_ms, seed))
        seconds = {name: float(np.median([one.seconds for one in ones])) for name, ones in found.items()}
        for name, ones in found.items():
            top, total[name] = max(ones, key=lambda one: one.accuracy), total[name] + seconds[name]
            worst = min(one.accuracy for one in ones)
            print(f"{limit_ms:>6g}  {name:<20}{seconds[name]:>9.3f}{seconds[EVOLUTION] / seconds[name]:>10.1f}"
                  f"{worst:>9.3f}{top.accuracy:>9.3f}{searches.predict_ms(top.subnet):>8.3f}", flush=True)  # fmt: skip
        pairs = zip(found[LOCAL], found[EVOLUTION], strict=True)
        misses += sum(ours.accuracy < theirs.accuracy for ours, theirs in pairs)
        misses += seconds[LOCAL] > SHARE_OF_TIME * seconds[EVOLUTION]
    print("time of all limits, evolution over ofa / the other:")
    for name in list(rows)[1:]:
        print(f"  {name:<20}{total[EVOLUTION] / total[name]:>8.1f}")
    if misses:
        raise SystemExit(
            f"{misses} times our local search was worse than the evolution, or took over a tenth of its time"
        )


def prepare(table_file: Path, accuracy_file: Path, resolutions: list[int]) -> Searches:
    """Return the table and the predictor, both restricted to these resolutions."""
    table = LatencyTable.load(table_file)
    narrowed = Architecture.from_dict({**table.architecture, "resolutions": resolutions})
    costs = {resolution: table.at(resolution).costs_ms for resolution in resolutions}
    table = replace(
        table, architecture=narrowed.to_dict(), resolutions=narrowed.resolutions, costs_at=costs, costs_ms={}
    )
    return Searches(table, PredictedAccuracies(load_predictor(accuracy_file), narrowed, accuracy_file.name))


def measure(search: Search, limit_ms: float, seed: int) -> Measured:
    """Run a search."""
    started = time.process_time()
    subnet, accuracy = search(limit_ms, seed)
    return Measured(time.process_time() - started, subnet, accuracy)


if __name__ == "__main__":
    main()
