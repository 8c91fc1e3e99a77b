"""What people and machines are shown: results on stdout, progress and warnings on stderr."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from compofa_deploy.cli.safe_text import clean
from profilers.measuring.watcher import Watcher

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBar

    from profilers.measuring.runner import OnProgress, Progress

PIPE_COLUMNS = 10_000
"""The width of tables that no terminal shows: no row is cut or folded."""


def echo(text: object = "") -> None:
    """Prints text on stdout; characters that would control a terminal are shown as escapes."""
    click.echo(clean(str(text)))


def print_json(value: Any) -> None:
    """Prints one JSON object on stdout."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table on stdout. Rows are folded to the width of a terminal, and whole elsewhere.

    Args:
        title: The line above the table; empty for none.
        columns: The headings; one that begins with ``>`` is aligned to the right.
        rows: One text for each column.
    """
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
        table.add_row(*(Text(clean(cell)) for cell in row))
    shown = sys.stdout.isatty()
    drawn = io.StringIO()
    width = None if shown else PIPE_COLUMNS
    Console(file=drawn, force_terminal=shown, width=width, soft_wrap=False).print(table)
    click.echo("\n".join(line.rstrip() for line in drawn.getvalue().splitlines()))


def warn(text: str) -> None:
    """Prints a warning on stderr."""
    click.echo(f"Warning: {clean(text)}", err=True)


def note(text: str) -> None:
    """Prints a remark on stderr."""
    click.echo(clean(text), err=True)


class ProgressDisplay(Watcher):
    """Steps as lines, measurements as bars, all on stderr; lines alone where that is no terminal."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar

    def on_step(self, text: str) -> None:
        """Prints a step that begins."""
        self._bar.console.print(f"> {clean(text)}", highlight=False, markup=False, soft_wrap=True)

    def on_note(self, text: str) -> None:
        """Prints a remark."""
        self._bar.console.print(clean(text), highlight=False, markup=False, soft_wrap=True)

    def on_progress(self, where: str = "") -> OnProgress:
        """Shows a bar for a measurement that begins, and removes it at the end.

        Args:
            where: The target that is measured, where there are several.
        """
        label = clean(f"measuring {where}".rstrip())
        task = self._bar.add_task(label, total=None)

        def show(progress: Progress) -> None:
            resumed = f", {progress.resumed} from an earlier run" if progress.resumed else ""
            if progress.note:
                self._bar.console.print(f"  note: {clean(progress.note)}", highlight=False, markup=False)
            self._bar.update(
                task,
                total=progress.total,
                completed=progress.done,
                description=f"{label} ({progress.done}/{progress.total} sessions{resumed})",
                visible=progress.done < progress.total,
            )

        return show

    def on_count(self, what: str, done: int, total: int) -> None:
        """Shows one bar for each label.

        Args:
            what: The label.
            done: How many parts are done.
            total: How many parts there are.
        """
        known = {task.description: task.id for task in self._bar.tasks}
        if what not in known:
            known[what] = self._bar.add_task(what, total=total)
        self._bar.update(known[what], completed=done, visible=done < total)


@contextmanager
def show_progress() -> Iterator[ProgressDisplay]:
    """Shows progress on stderr while the block runs."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("  {task.description}", markup=False),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield ProgressDisplay(bar)


def format_ms(ms: float) -> str:
    """Formats a latency with a unit and three significant digits.

    >>> format_ms(0.0123), format_ms(1.5), format_ms(2345.6)
    ('12.3 us', '1.50 ms', '2346 ms')

    Args:
        ms: The latency in ms.
    """
    if ms < 0.1:
        return f"{ms * 1000:.3g} us"
    return f"{ms:.3f} ms" if ms < 1 else f"{ms:.2f} ms" if ms < 100 else f"{ms:.0f} ms"
