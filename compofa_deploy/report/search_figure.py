"""A figure of a search: accuracy against latency of every candidate, the front, the budget and the pick."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from compofa_deploy.report.image import LINE, POINT, find_kind, render, write_image
from compofa_deploy.search.candidates import Candidates
from compofa_deploy.search.pareto import find_front

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_INCHES = (6.4, 4.2)
PICK = "#c0392b"
MOST_SHADES = 8
"""The legend names the resolutions where there are no more than this."""


def write_search_figure(candidates: Candidates, pick: int, budget_ms: float | None, path: Path) -> None:
    """Write the figure of a search; the same candidates give the same bytes.

    Args:
        candidates: all candidates that were searched, not only the front.
        pick: the index of the candidate that the search picked.
        budget_ms: the largest latency in ms, or None where the search had no budget.
        path: the image, with the suffix .svg or .png.

    Raises:
        InputError: the suffix is another one, or the file cannot be written.
    """
    write_image(path, draw_search(candidates, pick, budget_ms, find_kind(path)))


def draw_search(candidates: Candidates, pick: int, budget_ms: float | None, kind: str) -> bytes:
    """Return the figure as an image.

    Args:
        candidates: all candidates that were searched.
        pick: the index of the candidate that the search picked.
        budget_ms: the largest latency in ms, or None.
        kind: "svg" or "png".
    """

    def fill(figure: Figure) -> None:
        axes = figure.subplots()
        _draw_candidates(axes, candidates)
        if budget_ms is not None:
            axes.axvline(budget_ms, color=PICK, lw=1, ls="--", label=f"budget {budget_ms:.4g} ms")
        _draw_pick(axes, candidates, pick)
        axes.grid(color=LINE, alpha=0.2, lw=0.5)
        axes.set(xlabel="predicted latency, ms", ylabel="accuracy, %")
        axes.legend(frameon=False, loc="lower right", fontsize=8)
        axes.set_title(_describe(candidates), fontsize=9)

    return render(kind, SIZE_INCHES, fill)


def _draw_candidates(axes: Axes, candidates: Candidates) -> None:
    resolutions = np.unique(candidates.resolution)
    named = len(resolutions) <= MOST_SHADES
    for shade, resolution in zip(np.linspace(0.45, 0.8, len(resolutions)), resolutions[::-1], strict=True):
        mine = candidates.resolution == resolution
        label = f"{resolution} px" if named else "_"
        axes.plot(
            candidates.latency_ms[mine], candidates.accuracy[mine], ".", color=str(shade), ms=3, label=label
        )
    front = find_front(candidates.latency_ms, candidates.accuracy)
    axes.plot(
        candidates.latency_ms[front], candidates.accuracy[front], "o-", color=POINT, ms=3, lw=1, label="front"
    )


def _draw_pick(axes: Axes, candidates: Candidates, pick: int) -> None:
    """The pick with the upper end of its interval, which is the part that the budget limits."""
    latency, accuracy = float(candidates.latency_ms[pick]), float(candidates.accuracy[pick])
    upper = latency * (1 + float(candidates.margin[pick]))
    axes.plot([latency, upper], [accuracy, accuracy], color=PICK, lw=1.5)
    subnet = candidates.subnet(pick)
    axes.plot(
        latency, accuracy, "*", color=PICK, ms=11, label=f"{subnet.id}: {accuracy:.2f} %, {latency:.3g} ms"
    )


def _describe(candidates: Candidates) -> str:
    specs = [table.spec.describe() for table in candidates.tables]
    where = specs[0] if len(specs) == 1 else f"{len(specs)} device specs"
    return f"{len(candidates)} candidates on\n{where}"
