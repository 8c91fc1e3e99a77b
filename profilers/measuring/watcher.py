"""The base of whatever shows how far long work is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from profilers.measuring.runner import OnProgress, Progress


class Watcher:
    """Is told how far work is. This one shows nothing; a subclass overrides what it shows."""

    def on_step(self, text: str) -> None:
        """Is called when a step begins."""

    def on_note(self, text: str) -> None:
        """Is called with a remark for the user, in one sentence."""

    def on_progress(self, where: str = "") -> OnProgress:
        """Is called when a measurement begins.

        Args:
            where: The target that is measured, where there are several.

        Returns:
            A function that is called with the progress of the measurement.
        """
        return _ignore

    def on_count(self, what: str, done: int, total: int) -> None:
        """Is called whenever a part of any other work is done.

        Args:
            what: A label of the work.
            done: How many parts are done.
            total: How many parts there are.
        """


def _ignore(progress: Progress) -> None:
    """Shows nothing."""


SILENT = Watcher()
