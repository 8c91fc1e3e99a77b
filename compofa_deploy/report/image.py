"""Image files of figures: on a white page, with the same bytes each time, whatever the user's own settings are."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_tables.errors import InputError
from latency_tables.files import replace_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".svg", ".png")
DOTS_PER_INCH = 150
BAND, POINT, LINE = "#c9dbf0", "#1f4e8c", "#555555"
SETTINGS: Any = {
    # Without a fixed salt, the ids within an SVG are random.
    "svg.hashsalt": "compofa",
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def find_kind(path: Path) -> str:
    """The kind of image that a path's suffix names, ``svg`` or ``png``; :class:`InputError` for other suffixes."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: a figure is written as {' or '.join(SUFFIXES)}; name it so")
    return path.suffix.lower().removeprefix(".")


def write_image(path: Path, image: bytes) -> None:
    """Write an image, whole or not at all; :class:`InputError` where the file cannot be written."""
    with replace_file(path) as file:
        file.write(image)


def render(kind: str, size_inches: tuple[float, float], fill: Callable[[Figure], None]) -> bytes:
    """Draw a figure and render it.

    Args:
        kind: ``svg`` or ``png``.
        size_inches: The width and height.
        fill: Draws into an empty figure.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        figure = Figure(figsize=size_inches, dpi=DOTS_PER_INCH, layout="constrained")
        fill(figure)
        image = io.BytesIO()
        undated = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(image, format=kind, metadata=undated)
    return image.getvalue()
