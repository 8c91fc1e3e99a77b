"""A figure of a history: each bundle's median over the runs, and its change relative to the baseline network."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.bench.history import Entry, History
from compofa_deploy.bench.summary import CONFIDENCE, Summary
from compofa_deploy.report.image import LINE, find_kind, render, write_image
from latency_tables.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_INCHES = (8.0, 6.4)
BAND_OPACITY = 0.2
MOST_TICKS = 12
LABEL_CHARACTERS = 10


@dataclass(frozen=True, slots=True)
class Series:
    """The runs of one bundle.

    Attributes:
        name: The bundle's name.
        runs: The places of its runs in the history, (n,).
        found: The numbers of each run.
    """

    name: str
    runs: NDArray[np.int64]
    found: tuple[Summary, ...]

    @property
    def breaks(self) -> list[int]:
        """The places in ``found`` before which the device spec changed. Latencies across a break are not comparable."""
        changed = [a.spec_id != b.spec_id for a, b in pairwise(self.found)]
        return [place for place, is_new in enumerate(changed, start=1) if is_new]


def list_series(history: History) -> list[Series]:
    """The bundles of a history, in the order of their first runs."""
    names = dict.fromkeys(summary.name for entry in history.entries for summary in entry.bundles)
    series = []
    for name in names:
        found = [(i, s) for i, entry in enumerate(history.entries) for s in entry.bundles if s.name == name]
        series.append(Series(name, np.array([i for i, _ in found]), tuple(s for _, s in found)))
    return series


def write_history_figure(history: History, path: Path) -> None:
    """Write the figure in the format of the path's suffix. The same history gives the same bytes.

    Args:
        history: The runs to draw.
        path: The figure, with the suffix .svg or .png.

    Raises:
        InputError: The suffix is not that of an image, the file cannot be written, or there is no run.
    """
    write_image(path, draw_history(history, find_kind(path)))


def draw_history(history: History, kind: str) -> bytes:
    """The figure as an image.

    Args:
        history: The runs.
        kind: ``svg`` or ``png``.
    """
    series = list_series(history)
    if not series:
        raise InputError(
            "the history has no run that can be read, so there is nothing to draw; add one first"
        )

    def fill(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True)
        for number, bundle in enumerate(series):
            colour = f"C{number % 10}"
            _draw_series(upper, bundle, colour, list_medians(bundle))
            _draw_series(lower, bundle, colour, list_changes(bundle))
        upper.set(ylabel="median, ms", ylim=(0, None))
        lower.axhline(0, color=LINE, lw=0.8)
        lower.set(ylabel="relative to the baseline,\nchange since the first run, %")
        upper.legend(frameon=False, loc="best")
        _label_runs(lower, history)
        figure.suptitle(
            f"{len(history.entries)} runs; bands hold the median ({CONFIDENCE:.0%}); a dotted line is another machine "
            "or setting",
            fontsize=9,
        )

    return render(kind, SIZE_INCHES, fill)


def list_medians(series: Series) -> NDArray[np.float64]:
    """(n, 3): the median of each run in ms, and the ends of its interval."""
    return np.array([(found.median_ms, found.low_ms, found.high_ms) for found in series.found])


def list_changes(series: Series) -> NDArray[np.float64]:
    """(n, 3): the change of each run's ratio to the baseline since the first run, in percent, with its interval.

    The ratio is the one that ``compofa bench history`` prints. Its interval is as wide, relatively, as the median's.
    The first run on each machine or setting has the change 0.
    """
    firsts = [0, *series.breaks]
    begun = [max(first for first in firsts if first <= place) for place in range(len(series.found))]
    ratios = np.array([found.baseline_ratio for found in series.found])
    medians = list_medians(series)
    changes: NDArray[np.float64] = 100 * (medians / medians[:, :1] * (ratios / ratios[begun])[:, None] - 1)
    return changes


def _draw_series(axes: Axes, series: Series, colour: str, values: NDArray[np.float64]) -> None:
    middle, low, high = values.T
    edges = [0, *series.breaks, len(series.found)]
    for first, end in pairwise(edges):
        part = slice(first, end)
        label = series.name if first == 0 else None
        axes.fill_between(series.runs[part], low[part], high[part], color=colour, alpha=BAND_OPACITY, lw=0)
        axes.plot(series.runs[part], middle[part], "o-", color=colour, ms=3.5, lw=1, mew=0, label=label)
    for place in series.breaks:
        axes.axvline(series.runs[place] - 0.5, color=LINE, lw=0.8, ls=":")


def _label_runs(axes: Axes, history: History) -> None:
    places = np.unique(np.linspace(0, len(history.entries) - 1, MOST_TICKS).round().astype(int))
    names = [name_run(history.entries[i]) for i in places]
    axes.set_xticks(places, names, rotation=30, ha="right")


def name_run(entry: Entry) -> str:
    """The name of a run under the figure: its label, or else its month, day and time of day."""
    return entry.label[:LABEL_CHARACTERS] or entry.created[5:16].replace("T", " ")
