"""A summary of an accuracy table for each resolution."""

from __future__ import annotations

from dataclasses import dataclass

from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.space.layers import COMPOUND_DEPTHS
from compofa_deploy.space.subnet import Subnet


@dataclass(frozen=True, slots=True)
class ResolutionSummary:
    """Test top-1 accuracies at one resolution, in per cent.

    Attributes:
        resolution: The resolution in pixels.
        best: The id of the subnet that is best on the validation images.
        best_test: The test accuracy of that subnet.
        largest_test: The test accuracy of the largest subnet.
        smallest_test: The test accuracy of the smallest subnet.
        mean_test: The mean test accuracy of all subnets.
    """

    resolution: int
    best: str
    best_test: float
    largest_test: float
    smallest_test: float
    mean_test: float


def summarise_resolutions(accuracies: AccuracyTable) -> list[ResolutionSummary]:
    """Summarises an accuracy table, one entry for each of its resolutions."""
    found = []
    for i, resolution in enumerate(accuracies.resolutions):
        validation, test = (accuracies.accuracy(split)[i] for split in ("validation", "test"))
        best = int(validation.argmax())
        found.append(
            ResolutionSummary(
                resolution,
                Subnet.compound(COMPOUND_DEPTHS[best], resolution).id,
                float(test[best]),
                float(test[-1]),
                float(test[0]),
                float(test.mean()),
            )
        )
    return found
