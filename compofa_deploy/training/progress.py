"""How far a training is, how long the rest will take, and its logs."""

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
"""The latest steps of a phase, from which its speed is taken."""
FEWEST_STEPS = 10
"""Before so many steps of a run nothing is said of the time that is left."""


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Where a training is. ``seconds`` counts time spent training, over all the runs that it took; ``seconds_left`` is
    what the steps that are left will take at the speed of the last ones. ``unreadable`` counts images that were left
    out."""

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
        """One line for people."""
        left = "" if self.seconds_left is None else f", about {format_duration(self.seconds_left)} left"
        return (
            f"{self.phase}, epoch {self.epoch}, step {self.step} of {self.total_steps}: loss {self.loss:.3f}, "
            f"lr {self.lr:.4g}, {self.images_per_second:.0f} images/s{left}"
        )


class Estimator:
    """Tells how long is left, from the wall-clock time of the latest steps and the work of those to come.

    The work of a phase's step is its expected multiply-accumulates times its batch. A phase that has not begun is
    taken to do as much of that a second as the one that runs: small subnets do less, and the estimate is the better
    the nearer the end.
    """

    def __init__(self, work: Sequence[float], steps: Sequence[int]) -> None:
        self.work, self.steps = work, steps
        self._phase = -1
        self._ends: deque[float] = deque(maxlen=WINDOW_STEPS + 1)

    def count(self, phase: int, step: int, now: float) -> float | None:
        """Seconds left after a step of a phase that ended at ``now``; None where too few were seen."""
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
    """``log.jsonl`` for programs, ``train.log`` for people, and TensorBoard's files where they are asked for."""

    def __init__(self, folder: Path, tensorboard: bool = False) -> None:
        self.folder = folder
        self.board = _open_board(folder / "tensorboard") if tensorboard else None

    def write(self, progress: TrainingProgress) -> None:
        """Add a line to each."""
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
        """Write out what TensorBoard's files still wait for."""
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
    """A duration with as much detail as an estimate bears.

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
