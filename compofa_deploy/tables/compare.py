"""Comparing the predictions of two tables of one architecture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from compofa_deploy.search.compound_latency import predict_compound
from compofa_deploy.space.architecture import Architecture
from latency_tables.errors import MismatchError
from latency_tables.fit import rank_correlation
from latency_tables.table import LatencyTable

LOW, HIGH = 5, 95
"""The percentiles over subnets that are stated for the ratios."""


@dataclass(frozen=True, slots=True)
class TableComparison:
    """The ratios second / first of two tables' predictions, over all compound subnets at shared resolutions.

    Attributes:
        resolutions: The shared resolutions in pixels.
        subnets: The number of compared predictions.
        median_ratio: The median ratio.
        low_ratio: The ratio at the percentile ``LOW``.
        high_ratio: The ratio at the percentile ``HIGH``.
        rank_correlation: The rank correlation of the predictions.
        speed: The ratio second / first of the reference network's latency, or None where the device specs differ or a
            table has no reference.
        differences: The fields in which the device specs differ.
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
        """``median_ratio`` without the change of the machine's speed: the tables' own disagreement."""
        return self.median_ratio / (self.speed or 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON-ready values."""
        return {
            **asdict(self),
            "steady_ratio": self.steady_ratio,
            "resolutions": list(self.resolutions),
            "differences": list(self.differences),
        }


def compare(first: LatencyTable, second: LatencyTable) -> TableComparison:
    """Compare the predictions of a second table with those of a first.

    Args:
        first: The table whose predictions are the denominators.
        second: The table whose predictions are the numerators.

    Raises:
        MismatchError: The tables are of different architectures, or share no resolution.
    """
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
