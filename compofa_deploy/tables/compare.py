"""Comparing two tables of one architecture by what they predict."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from compofa_deploy.search.candidates import predict_compound
from compofa_deploy.space.architecture import Architecture
from latency_tables.errors import MismatchError
from latency_tables.fit import rank_correlation
from latency_tables.table import LatencyTable

LOW, HIGH = 5, 95
"""Percentiles over subnets that bound the ratios."""


@dataclass(frozen=True, slots=True)
class TableComparison:
    """Ratios of the second table's predictions to the first's, over all compound subnets at shared resolutions.

    ``speed`` is how much longer the reference took in the second table's run, and ``None`` where the tables are not of
    one device spec, or do not say: what is left of ``median_ratio`` without it is the tables' own disagreement.
    """

    resolutions: tuple[int, ...]
    subnets: int
    median_ratio: float
    low_ratio: float
    high_ratio: float
    rank_correlation: float
    speed: float | None
    differences: tuple[str, ...]

    @property
    def steady_ratio(self) -> float:
        """``median_ratio`` at one speed of the machine."""
        return self.median_ratio / (self.speed or 1)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return {
            **asdict(self),
            "steady_ratio": self.steady_ratio,
            "resolutions": list(self.resolutions),
            "differences": list(self.differences),
        }


def compare(first: LatencyTable, second: LatencyTable) -> TableComparison:
    """:class:`MismatchError` where the tables are of different architectures, or share no resolution."""
    if first.architecture != second.architecture:
        raise MismatchError(
            f"{first.source} is of {first.architecture.get('name')} and {second.source} of another architecture, "
            f"{second.architecture.get('name')}; compare tables of one architecture"
        )
    shared = tuple(sorted(set(first.resolutions) & set(second.resolutions)))
    if not shared:
        raise MismatchError(
            f"{first.source} is of resolutions {', '.join(map(str, first.resolutions))} and {second.source} of "
            f"{', '.join(map(str, second.resolutions))}; profile one that they share"
        )
    architecture = Architecture.from_dict(first.architecture)
    mine, theirs = (
        np.concatenate([predict_compound(architecture, table, resolution) for resolution in shared])
        for table in (first, second)
    )
    ratios = theirs / mine
    return TableComparison(
        resolutions=shared,
        subnets=len(ratios),
        median_ratio=float(np.median(ratios)),
        low_ratio=float(np.percentile(ratios, LOW)),
        high_ratio=float(np.percentile(ratios, HIGH)),
        rank_correlation=rank_correlation(mine, theirs),
        speed=_find_speed(first, second),
        differences=tuple(first.spec.list_differences(second.spec)),
    )


def _find_speed(first: LatencyTable, second: LatencyTable) -> float | None:
    if first.spec != second.spec or not first.reference_ms or not second.reference_ms:
        return None
    return second.reference_ms / first.reference_ms
