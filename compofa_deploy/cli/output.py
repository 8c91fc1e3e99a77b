"""What people and machines are shown: results on stdout, progress and warnings on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBar

    from profilers.measuring.runner import OnProgress, Progress


def print_json(value: Any) -> None:
    """One JSON object on stdout."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout; columns that begin with ``>`` are aligned to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title or None,
        title_justify="left",
        box=None,
        pad_edge=False,
        header_style="bold",
        show_header=any(columns),
    )
    for column in columns:
        table.add_column(
            column.removeprefix(">"), justify="right" if column.startswith(">") else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*map(Text, row))
    Console(soft_wrap=False).print(table)


def warn(text: str) -> None:
    """A warning on stderr."""
    click.echo(f"Warning: {text}", err=True)


class ProgressDisplay:
    """Steps as lines, measurements as bars, all on stderr; lines alone where that is no terminal."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar
        self._step = ""

    def on_step(self, text: str) -> None:
        """A step begins."""
        self._step = text
        self._bar.console.print(f"> {text}", highlight=False, markup=False)

    def on_progress(self, where: str = "") -> OnProgress:
        """A bar for the measurement that begins now, of ``where`` if there are several; it is removed when the
        measurement is done."""
        what = f"measuring {where}".rstrip()
        task = self._bar.add_task(what, total=None)

        def show(progress: Progress) -> None:
            resumed = f", {progress.resumed} from an earlier run" if progress.resumed else ""
            if progress.note:
                self._bar.console.print(f"  note: {progress.note}", highlight=False, markup=False)
            self._bar.update(
                task,
                total=progress.total,
                completed=progress.done,
                description=f"{what} ({progress.done}/{progress.total} sessions{resumed})",
                visible=progress.done < progress.total,
            )

        return show

    def on_count(self, what: str, done: int, total: int) -> None:
        """A count of anything else: one bar for each ``what``."""
        known = {task.description: task.id for task in self._bar.tasks}
        if what not in known:
            known[what] = self._bar.add_task(what, total=total)
        self._bar.update(known[what], completed=done, visible=done < total)


@contextmanager
def show_progress() -> Iterator[ProgressDisplay]:
    """Progress on stderr while the block runs."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield ProgressDisplay(bar)


def format_ms(ms: float) -> str:
    """A latency with a unit and three digits that count.

    >>> format_ms(0.0123), format_ms(1.5), format_ms(2345.6)
    ('12.3 us', '1.50 ms', '2346 ms')
    """
    if ms < 0.1:
        return f"{ms * 1000:.3g} us"
    return f"{ms:.3f} ms" if ms < 1 else f"{ms:.2f} ms" if ms < 100 else f"{ms:.0f} ms"
