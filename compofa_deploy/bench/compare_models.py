"""Comparing two models on one machine, in blocks of fresh sessions of both, until it is clear how they compare.

Each session is represented by its **fastest call**. A disturbance only makes a call longer, by a tenth and more on a
shared machine. Medians of two equal sessions differ several times as much as their fastest calls. The blocks are
represented by their weighted median ratio, in which steadier blocks weigh more (:mod:`.weighted_sign_test`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.bench.alpha_spending import AlphaSpending, is_settled
from compofa_deploy.bench.verdict import Comparison, Verdict, decide, find_floor
from compofa_deploy.bench.weighted_sign_test import Interval, find_interval
from latency_tables.errors import WorkerDied
from latency_tables.machine import list_doubts
from latency_tables.units import NS_PER_MS, NS_PER_S
from profilers.machine.clock import now_ns
from profilers.measuring.paired_worker import Block
from profilers.targets.device import Device, TimedModel

Array = NDArray[np.float64]
OnShare = Callable[[float], None]
"""Is told what share of the time has passed."""

BURST_MS = 14.0
"""Long enough for caches to forget the other model, and short beside what a machine drifts in."""
BURST_CALLS = (6, 400)
"""At least and at most, however slow or fast the model is."""
PILOT_CALLS = 6
MAX_BLOCKS = 160
"""More would make an interval that is narrower than anybody asks for; a model that is so fast needs less time."""
SPREAD_QUANTILE = 1 / 6
"""How far the fastest calls lie apart, up to this share of them, tells how sure the very fastest is."""
ATTEMPTS = 2
"""A measuring process that dies is replaced once."""


def compare_models(
    name: str,
    old: TimedModel,
    new: TimedModel,
    device: Device,
    max_regression: float,
    limit_s: float,
    error: float,
    rng: np.random.Generator,
    on_share: OnShare = lambda share: None,
    notes: Sequence[str] = (),
) -> Comparison:
    """Compare two models on one device.

    Args:
        name: The name of the comparison.
        old: The model that is compared with.
        new: The model that must not be slower.
        device: The device that times them.
        max_regression: The largest acceptable slowdown, relative.
        limit_s: The time limit in seconds. It takes longer where blocks would be too few.
        error: The share of wrong answers that is allowed.
        rng: Draws which model of a block is called first.
        on_share: Called with the share of the time that has passed.
        notes: What the reader must know of how the models differ.

    Raises:
        MeasurementError: A model cannot be loaded or run; the message says which.
        WorkerDied: The measuring process died.
    """
    begun, before = now_ns(), device.read_conditions()
    spending, blocks = AlphaSpending(error), list[Block]()
    interval: Interval | None = None
    with closing(iterate_blocks(old, new, device, rng)) as stream:
        for block in stream:
            blocks.append(block)
            share = _find_share(blocks, (now_ns() - begun) / NS_PER_S, limit_s, spending.fewest_blocks)
            on_share(share)
            if spent := spending.spend(share, len(blocks)):
                interval = find_interval(*read_blocks(blocks), spent)
                if share == 1 or is_settled(interval, max_regression):
                    break
    assert interval is not None
    verdict = decide(interval.low, interval.high, max_regression)
    seconds = (now_ns() - begun) / NS_PER_S
    doubts = list_doubts((before, device.read_conditions()), max(old.spec.threads, new.spec.threads))
    reason = ""
    if verdict is Verdict.COULD_NOT_TELL:
        reason = "; ".join([explain_width(interval, max_regression, seconds), *doubts])
    return Comparison(
        model=name,
        ratio=interval.ratio,
        low=interval.low,
        high=interval.high,
        verdict=verdict,
        max_regression=max_regression,
        old_ms=float(np.median([min(block.old_ns) for block in blocks])) / NS_PER_MS,
        new_ms=float(np.median([min(block.new_ns) for block in blocks])) / NS_PER_MS,
        blocks=len(blocks),
        seconds=seconds,
        reason=reason,
        notes=tuple(notes),
    )


def iterate_blocks(
    old: TimedModel, new: TimedModel, device: Device, rng: np.random.Generator
) -> Generator[Block, None, None]:
    """Measure blocks without end, until the generator is closed.

    A first block tells how many calls make a burst, and is not among the results.

    Args:
        old: One model.
        new: The other model.
        device: The device that times them.
        rng: Draws which model of a block is called first.

    Raises:
        MeasurementError: A model cannot be loaded or run; the message says which.
        WorkerDied: The measuring process died twice.
    """
    with device.compare_models(old, new) as measure_block:
        calls, attempts = 0, 1
        while True:
            try:
                block = measure_block(bool(rng.integers(2)), calls or PILOT_CALLS)
            except WorkerDied:
                if attempts == ATTEMPTS:
                    raise
                attempts += 1
                continue
            if calls:
                yield block
            else:
                calls = choose_calls(block)


def choose_calls(pilot: Block) -> int:
    """How many calls make a burst, by what those of a first block took."""
    call_ms = float(np.median([*pilot.old_ns, *pilot.new_ns])) / NS_PER_MS
    fewest, most = BURST_CALLS
    return min(max(math.ceil(BURST_MS / call_ms), fewest), most)


def read_blocks(blocks: Sequence[Block]) -> tuple[Array, Array]:
    """Return the log-ratio of each block (blocks,), and the spread of its fastest calls (blocks,).

    The log-ratio is that of the new model's fastest call to the old model's. A factor on all calls of one model shifts
    the log-ratio by its logarithm, and does not change the spread.
    """
    olds = [_read_fastest(block.old_ns) for block in blocks]
    news = [_read_fastest(block.new_ns) for block in blocks]
    ratios = [new - old for (old, _), (new, _) in zip(olds, news, strict=True)]
    spreads = [(one + other) / 2 for (_, one), (_, other) in zip(olds, news, strict=True)]
    return np.array(ratios), np.array(spreads)


def explain_width(interval: Interval, max_regression: float, seconds: float) -> str:
    """Why an interval answers nothing, and how much longer would do: what is as wide as the zone between the floor and
    the largest regression cannot hold both, and a width goes with one over the root of the time."""
    width, zone = interval.high - interval.low, max_regression - find_floor(max_regression)
    return (
        f"the interval is {width:.1%} wide, and any of less than {zone:.1%} has an answer; on a machine as busy as "
        f"this that takes about {seconds * (width / zone) ** 2:.0f} s (--limit)"
    )


def _find_share(blocks: Sequence[Block], elapsed_s: float, limit_s: float, fewest: int) -> float:
    """What share of the time has passed; 1 where another block would not fit."""
    share = max((elapsed_s + elapsed_s / len(blocks)) / limit_s, len(blocks) / MAX_BLOCKS)
    if share < 1:
        return share
    return 1.0 if len(blocks) >= fewest else len(blocks) / fewest


def _read_fastest(samples_ns: Sequence[int]) -> tuple[float, float]:
    """The logarithm of the fastest call, and how far the next ones lie above it."""
    fastest, next_ones = np.log(np.quantile(samples_ns, [0, SPREAD_QUANTILE]))
    return float(fastest), float(next_ones - fastest)
