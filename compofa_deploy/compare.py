"""Comparing two tables of one architecture by what they predict."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from compofa_deploy.architecture import Architecture
from compofa_deploy.search.candidates import predict_all
from latency_tables.errors import MismatchError
from latency_tables.fit import rank_correlation
from latency_tables.table import LatencyTable

LOW, HIGH = 5, 95
"""Percentiles over subnets that bound the ratios."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ratios of the second table's predictions to the first's, over all compound subnets at shared resolutions."""

    resolutions: tuple[int, ...]
    subnets: int
    median_ratio: float
    low_ratio: float
    high_ratio: float
    rank_correlation: float
    differences: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return {
            **asdict(self),
            "resolutions": list(self.resolutions),
            "differences": list(self.differences),
        }


def compare(first: LatencyTable, second: LatencyTable) -> Comparison:
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
        np.concatenate([predict_all(architecture, table, resolution) for resolution in shared])
        for table in (first, second)
    )
    ratios = theirs / mine
    return Comparison(
        resolutions=shared,
        subnets=len(ratios),
        median_ratio=float(np.median(ratios)),
        low_ratio=float(np.percentile(ratios, LOW)),
        high_ratio=float(np.percentile(ratios, HIGH)),
        rank_correlation=rank_correlation(mine, theirs),
        differences=tuple(first.spec.list_differences(second.spec)),
    )
