"""Error of latency tables on networks that no fit has used, and how often budgets are kept.

    python -m benchmarks.table_accuracy [TABLE ...] [--validate] [--again] [--budgets 10] [--mode full]

Without a TABLE it takes the tables that ship. It prints the validation that each table holds, one line each. These
options measure anew, on the machine of the tables:

--validate measures held-out networks again. --again profiles again and compares the two tables at one speed of the
machine, which the reference network of both runs gives. --budgets measures the picks of a search for budgets spread
over a table's range. The pick is the subnet with the most MACs, which stand in for accuracy, among the subnets whose 90
% interval keeps the budget. Measured latencies are scaled by networks of the table that are measured in the same run,
as in ``compofa tables validate``.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compofa_deploy.search.compound_latency import predict_compound
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import enumerate_compound, list_layers
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.compare import compare
from compofa_deploy.tables.drift_anchors import measure_beside_anchors
from compofa_deploy.tables.profile import PLANS, profile
from compofa_deploy.tables.validate import CONFIDENCE, validate
from latency_tables.table import LatencyTable
from profilers.targets.device import Device
from profilers.targets.local import LocalDevice

SHIPPED = Path(__file__).resolve().parent.parent / "latency_tables" / "data"
ALLOWED_OVER = 0.01
COLUMNS = "{:<44}{:>7}{:>7}{:>7}{:>7}{:>8}{:>8}{:>7}{:>8}{:>9}"


@dataclass(frozen=True, slots=True)
class Pick:
    """The pick of a search for a budget, and its latency, at the machine's speed when the table was made."""

    budget_ms: float
    subnet: Subnet
    predicted_ms: float
    measured_ms: float

    @property
    def kept(self) -> bool:
        """Whether the median is at most 1 % over the budget."""
        return self.measured_ms <= self.budget_ms * (1 + ALLOWED_OVER)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", nargs="*", type=Path, default=sorted(SHIPPED.glob("*.json")))
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--budgets", type=int, default=0)
    parser.add_argument("--mode", choices=sorted(PLANS), default="full")
    given = parser.parse_args()
    heads = ("table", "MAPE", "noise", "<=5%", "<=10%", "rank", "noise", "90%", "again", "budgets")
    print(COLUMNS.format(*heads), flush=True)
    picks: list[Pick] = []
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder))
        device = LocalDevice(cache.journals)
        for path in given.tables:
            table = LatencyTable.load(path)
            again = f"{compare_again(table, device, cache, given.mode):.4f}" if given.again else ""
            if given.validate:
                table = validate(table, device, cache, mode=given.mode)
            found = pick_for_budgets(table, given.budgets, device, cache, given.mode) if given.budgets else []
            print(format_row(path.stem, table, again, found), flush=True)
            picks += found
    for pick in picks:
        print(
            f"{pick.budget_ms:9.3f} ms  {pick.subnet.id:<12}{pick.predicted_ms:9.3f} ms predicted"
            f"{pick.measured_ms:9.3f} ms measured  {pick.measured_ms / pick.budget_ms - 1:+.1%} of the budget"
        )


def compare_again(table: LatencyTable, device: Device, cache: Cache, mode: str) -> float:
    """Return the median ratio of a new table's predictions to this table's, at one speed of the machine."""
    architecture = Architecture.from_dict(table.architecture)
    now = profile(architecture, table.spec, table.resolutions, device, cache, mode)
    return compare(table, now).steady_ratio


def pick_for_budgets(table: LatencyTable, count: int, device: Device, cache: Cache, mode: str) -> list[Pick]:
    """Measure picks for budgets from a tenth above the fastest subnet to the slowest one."""
    architecture = Architecture.from_dict(table.architecture)
    subnets = [subnet for r in table.resolutions for subnet in enumerate_compound(r)]
    predicted = np.concatenate([predict_compound(architecture, table, r) for r in table.resolutions])
    macs = np.array([sum(layer.macs for layer in list_layers(architecture, subnet)) for subnet in subnets])
    upper = predicted * (1 + table.margin(CONFIDENCE))
    budgets = np.geomspace(1.1 * upper.min(), upper.max(), count)
    places = [int(np.argmax(np.where(upper <= budget, macs, -1))) for budget in budgets]
    measured, speed = measure_beside_anchors(
        table, [subnets[place] for place in places], device, cache, PLANS[mode](), "budgets"
    )
    return [
        Pick(float(budget), subnets[place], float(predicted[place]), m.latency_ms / speed)
        for budget, place, m in zip(budgets, places, measured, strict=True)
    ]


def format_row(name: str, table: LatencyTable, again: str, picks: Sequence[Pick]) -> str:
    """Return one line: the validation, the ratio to a new table, and how many budgets were kept."""
    kept = f"{sum(pick.kept for pick in picks)}/{len(picks)}" if picks else ""
    found = table.validation
    if found is None:
        return COLUMNS.format(name, "not validated", *[""] * 6, again, kept)
    error = found.error
    return COLUMNS.format(
        name,
        f"{error.mape:.2%}",
        f"{error.noise_floor:.2%}",
        f"{error.within_5:.0%}",
        f"{error.within_10:.0%}",
        f"{error.rank_correlation:.4f}",
        f"{found.noise_rank_correlation:.4f}",
        f"{found.coverage:.0%}",
        again,
        kept,
    )


if __name__ == "__main__":
    main()
