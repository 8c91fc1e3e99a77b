"""A figure of the subnets of a supernet: accuracy against multiply-accumulates, with the Pareto front."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.report.image import LINE, POINT, find_kind, render, write_image
from compofa_deploy.search.pareto import find_front
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.stage_units import list_units
from latency_tables.errors import MismatchError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE_INCHES = (6.4, 4.8)
SPLIT = "validation"
"""The front is drawn for the images that the search uses."""


def write_front_figure(table: AccuracyTable, architecture: Architecture, path: Path) -> None:
    """Write the figure in the format of the path's suffix. The same table gives the same bytes.

    Raises:
        InputError: The suffix is not that of an image, or the file cannot be written.
        MismatchError: The table is of another architecture.
    """
    write_image(path, draw_front(table, architecture, find_kind(path)))


def draw_front(table: AccuracyTable, architecture: Architecture, kind: str) -> bytes:
    """The figure as an image of the kind ``svg`` or ``png``."""
    if table.architecture != architecture.name:
        raise MismatchError(
            f"the accuracy table is of {table.architecture}, not of {architecture.name}; make one with compofa evaluate"
        )
    macs = count_millions(table, architecture)
    accuracy = table.accuracy(SPLIT)

    def fill(figure: Figure) -> None:
        axes = figure.subplots()
        shades = np.linspace(0.25, 0.75, len(table.resolutions))
        for shade, side, x, y in zip(shades, table.resolutions, macs, accuracy, strict=True):
            axes.plot(x, y, ".", color=str(shade), ms=3, label=f"{side} px")
        front = find_front(macs.ravel(), accuracy.ravel())
        axes.plot(
            macs.ravel()[front], accuracy.ravel()[front], "o-", color=POINT, ms=3.5, lw=1, label="front"
        )
        axes.grid(color=LINE, alpha=0.2, lw=0.5)
        axes.set(xlabel="multiply-accumulates, millions", ylabel=f"{SPLIT} top-1, %")
        axes.legend(frameon=False, loc="lower right", fontsize=7, ncols=1 + len(table.resolutions) // 10)
        axes.set_title(
            f"{table.architecture} on {table.data}: {accuracy.size} subnets, {len(front)} on the front, mean "
            f"{accuracy.mean():.2f} %, {table.images[SPLIT]} images",
            fontsize=9,
        )

    return render(kind, SIZE_INCHES, fill)


def count_millions(table: AccuracyTable, architecture: Architecture) -> NDArray[np.float64]:
    """The multiply-accumulates of every subnet of a table, in millions, (resolutions, 243)."""
    return np.stack([
        list_units(architecture, side).sum_over(lambda layer: layer.macs) / 1e6 for side in table.resolutions
    ])  # fmt: skip
