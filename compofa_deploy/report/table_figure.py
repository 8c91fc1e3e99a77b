"""A figure of a latency table: predicted against measured latencies, with the interval."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.report.image import BAND, LINE, POINT, find_kind, render, write_image
from latency_tables.errors import FormatError, InputError
from latency_tables.table import LatencyTable
from latency_tables.validation import ErrorSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

CONFIDENCE = 0.9
"""The confidence of the interval that the band shows."""
SIZE_INCHES = (6.4, 6.4)
MARGIN = 0.05
"""How far the axes reach beyond the fastest and the slowest network, relative."""
MANY = 8
"""With more resolutions than this, the title names the first and the last only."""


@dataclass(frozen=True, slots=True)
class Points:
    """Networks that did not take part in their own prediction.

    Attributes:
        predicted_ms: Predicted latencies, (n,).
        measured_ms: Measured latencies, (n,).
        error: The summary of their errors.
        what: Which networks these are, in a few words.
    """

    predicted_ms: Array
    measured_ms: Array
    error: ErrorSummary
    what: str

    @property
    def relative_errors(self) -> Array:
        """Measured minus predicted, relative to predicted, (n,)."""
        return self.measured_ms / self.predicted_ms - 1


def find_points(table: LatencyTable) -> Points:
    """The networks that validated a table. Without a validation, the calibrating networks, each left out of the fit.

    Raises:
        InputError: The table states no error.
        FormatError: The table has not one residual for each network.
    """
    if table.error is None:
        raise InputError(
            f"{table.source} states no error and has no measured network, so there is nothing to draw; profile the "
            "device for a table that has"
        )
    if table.validation is not None:
        networks = table.validation.networks
        predicted = np.array([network.predicted_ms for network in networks])
        measured = np.array([network.first_ms for network in networks])
        return Points(predicted, measured, table.validation.error, "held out, none used in the fit")
    measured = np.array([network.ms for network in table.networks])
    if len(measured) != len(table.residuals):
        raise FormatError(
            f"{table.source}, residuals: are {len(table.residuals)} of {len(measured)} networks; profile again"
        )
    predicted = measured / (1 + np.array(table.residuals))
    return Points(predicted, measured, table.error, "of the fit, left out one by one")


def write_figure(table: LatencyTable, path: Path) -> None:
    """Write the figure in the format of the path's suffix. The same table gives the same bytes.

    Raises:
        InputError: The suffix is not that of an image, or the file cannot be written.
    """
    write_image(path, draw(table, find_kind(path)))


def draw(table: LatencyTable, kind: str) -> bytes:
    """The figure as an image of the kind ``svg`` or ``png``."""
    points = find_points(table)

    def fill(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.2))
        margin = table.margin(CONFIDENCE)
        _draw_latencies(upper, points, margin)
        _draw_errors(lower, points, margin)
        _write_title(figure, table, points)

    return render(kind, SIZE_INCHES, fill)


def _draw_latencies(axes: Axes, points: Points, margin: float) -> None:
    both = np.concatenate([points.predicted_ms, points.measured_ms])
    ends = np.array([both.min() * (1 - MARGIN), both.max() * (1 + MARGIN)])
    axes.fill_between(
        ends, ends * (1 - margin), ends * (1 + margin), color=BAND, lw=0, label=f"{CONFIDENCE:.0%} interval"
    )
    axes.plot(ends, ends, color=LINE, lw=0.8, label="predicted = measured")
    axes.plot(points.predicted_ms, points.measured_ms, "o", color=POINT, ms=3.5, mew=0, label="a network")
    axes.set(ylabel="measured, ms", xlim=(float(ends[0]), float(ends[1])))
    axes.legend(frameon=False, loc="upper left")


def _draw_errors(axes: Axes, points: Points, margin: float) -> None:
    axes.axhspan(-100 * margin, 100 * margin, color=BAND, lw=0)
    axes.axhline(0, color=LINE, lw=0.8)
    axes.plot(points.predicted_ms, 100 * points.relative_errors, "o", color=POINT, ms=3.5, mew=0)
    limit = 100 * 1.2 * max(margin, float(np.abs(points.relative_errors).max()))
    axes.set(xlabel="predicted, ms", ylabel="measured - predicted, %", ylim=(-limit, limit))


def _write_title(figure: Figure, table: LatencyTable, points: Points) -> None:
    error = points.error
    covered = float(np.mean(np.abs(points.relative_errors) <= table.margin(CONFIDENCE)))
    sides = ", ".join(map(str, table.resolutions))
    if len(table.resolutions) > MANY:
        sides = f"{table.resolutions[0]} to {table.resolutions[-1]}"
    figure.suptitle(
        f"{table.architecture['name']} at {sides} px\n{table.spec.describe()}\n"
        f"{error.n} networks {points.what}\n"
        f"MAPE {error.mape:.2%}; {CONFIDENCE:.0%} interval of ±{table.margin(CONFIDENCE):.1%} held {covered:.0%}; "
        f"noise floor {error.noise_floor:.2%}",
        fontsize=9,
    )
