"""The progress of a training, the time that is left, and the logs."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from latency_tables.errors import InputError
from profilers.machine.clock import read_local_time

WINDOW_STEPS = 500
"""The speed is that of so many latest steps of the phase."""
FEWEST_STEPS = 10
"""The time that is left is estimated from so many steps of a run on."""


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """The state of a training after a step.

    ``seconds`` is the time spent training, summed over all runs. ``seconds_left`` is the estimated time of the steps
    that are left. ``unreadable`` counts the images that were left out.
    """

    phase: str
    epoch: int
    step: int
    total_steps: int
    loss: float
    lr: float
    images_per_second: float
    seconds: float
    seconds_left: float | None = None
    unreadable: int = 0

    def describe(self) -> str:
        """Return one line for people."""
        left = "" if self.seconds_left is None else f", about {format_duration(self.seconds_left)} left"
        return (
            f"{self.phase}, epoch {self.epoch}, step {self.step} of {self.total_steps}: loss {self.loss:.3f}, "
            f"lr {self.lr:.4g}, {self.images_per_second:.0f} images/s{left}"
        )


class Estimator:
    """Estimates the time that is left, from the duration of the latest steps and the work of later ones.

    The work of a step is its expected multiply-accumulates times its batch. A later phase is assumed to do as much work
    a second as the current one. Small subnets do less, so that the estimate improves towards the end.

    Args:
        work: The work of a step, for each phase.
        steps: How many steps each phase has.
    """

    def __init__(self, work: Sequence[float], steps: Sequence[int]) -> None:
        self.work, self.steps = work, steps
        self._phase = -1
        self._ends: deque[float] = deque(maxlen=WINDOW_STEPS + 1)

    def count(self, phase: int, step: int, now: float) -> float | None:
        """Count a step that ended, and return the estimated seconds that are left.

        Args:
            phase: The index of the phase.
            step: How many steps of the phase are done.
            now: The time in seconds, by any clock.

        Returns:
            Seconds; None after too few steps.
        """
        if phase != self._phase:
            self._phase = phase
            self._ends.clear()
        self._ends.append(now)
        if len(self._ends) <= FEWEST_STEPS:
            return None
        per_step = (self._ends[-1] - self._ends[0]) / (len(self._ends) - 1)
        later = range(phase + 1, len(self.steps))
        work = self.work[phase] * (self.steps[phase] - step)
        work += sum(self.work[i] * self.steps[i] for i in later)
        return per_step * work / self.work[phase]


class TrainingLog:
    """Writes ``log.jsonl`` for programs, ``train.log`` for people, and TensorBoard's files on request."""

    def __init__(self, folder: Path, tensorboard: bool = False) -> None:
        self.folder = folder
        self.board = _open_board(folder / "tensorboard") if tensorboard else None

    def write(self, progress: TrainingProgress) -> None:
        """Add a line to each log."""
        self._append("log.jsonl", json.dumps(asdict(progress)))
        self.say(progress.describe())
        if self.board is not None:
            values = {"loss": progress.loss, "lr": progress.lr, "images/s": progress.images_per_second}
            for name, value in values.items():
                self.board.add_scalar(f"train/{name}", value, progress.step)

    def say(self, text: str) -> None:
        """Add a line, with the time, to the log for people."""
        self._append("train.log", f"{read_local_time()}  {text}")

    def close(self) -> None:
        """Write out what TensorBoard still holds in memory."""
        if self.board is not None:
            self.board.close()

    def _append(self, name: str, line: str) -> None:
        path = self.folder / name
        try:
            with open(path, "a", encoding="utf-8") as log:
                log.write(f"{line}\n")
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror}); make room and go on") from None


def _open_board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise InputError(
            "TensorBoard's files need the package tensorboard; pip install '.[tensorboard]'"
        ) from None
    return SummaryWriter(str(folder))


def format_duration(seconds: float) -> str:
    """Return a duration in words, in two units at most.

    >>> format_duration(42), format_duration(7320), format_duration(200_000)
    ('42 s', '2 h 2 min', '2 d 8 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(minutes / 60)
    return f"{hours // 24} d {hours % 24} h"
