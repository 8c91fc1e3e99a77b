"""The noise of a machine: a network is compared with itself, as two bundles would be.

From the blocks that were measured, this module derives which slowdowns a comparison could detect. It resamples blocks,
as many as fit into a given time, slows them down, and applies the rule of a real comparison. The result holds only
while the machine stays as quiet as it was during the measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.bench.alpha_spending import AlphaSpending, find_last_error
from compofa_deploy.bench.compare_models import MAX_BLOCKS, iterate_blocks, read_blocks
from compofa_deploy.bench.result import ONE_CORE
from compofa_deploy.bench.verdict import ERROR_RATE, Verdict, decide
from compofa_deploy.bench.weighted_sign_test import find_interval
from latency_tables.device import DeviceSpec
from latency_tables.machine import Conditions, list_doubts
from latency_tables.units import NS_PER_MS, NS_PER_S
from profilers.machine.clock import now_ns
from profilers.measuring.paired_worker import Block
from profilers.targets.device import Device, TimedModel

Array = NDArray[np.float64]

MIN_BLOCKS = 20
"""The measurement goes on until it has this many blocks, however slow the network is.

Fewer blocks promise too much: ``python -m benchmarks.noise_power`` shows how often the promise is kept."""
TIMES_S = (5, 10, 20, 60)
"""The durations of comparisons for which the smallest detectable slowdown is derived."""
REGRESSIONS = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5)
DRAWS = 200
POWER = 0.95
"""The share of comparisons that must find a slowdown that is there, and rule it out where it is not."""
SCORED_S = 10
SCORES = ((0.03, "quiet"), (0.1, "usable"))
"""The smallest detectable slowdown within that time, at most, and the word for it. Otherwise the word is "noisy"."""
DISTURBED_FACTOR = 1.1
"""A call is disturbed if it takes at least this many times as long as the fastest call of its block."""
OUTER = (10, 90)
"""The percentiles between which the drift is read."""


@dataclass(frozen=True, slots=True)
class Detectable:
    """The smallest slowdown that a comparison of this length detects.

    Attributes:
        seconds: The comparison's time.
        blocks: The number of blocks that fit into it.
        regression: The slowdown, relative; None where none of :data:`REGRESSIONS` is detected.
    """

    seconds: float
    blocks: int
    regression: float | None


@dataclass(frozen=True, slots=True)
class Noise:
    """How much a machine disturbs a measurement. Shares and spreads are relative.

    Attributes:
        level_ms: The network's fastest calls, in the median of blocks.
        median_spread: How far the median calls of two sessions lie apart, in the median of blocks.
        fastest_spread: How far the fastest calls of two sessions lie apart, in the median of blocks.
        drift: The change of the level between its 10th and 90th percentile over the run.
        disturbed_share: The share of calls that took much longer than the fastest call of their block.
        longest_ms: The longest call.
        steal_share: The time that the host took from one core; None where the system does not tell.
        doubts: Why the figures may not be typical of the machine.
        detectable: The smallest detectable slowdown for each of :data:`TIMES_S`.
    """

    device: str
    cores: int
    seconds: float
    blocks: int
    level_ms: float
    median_spread: float
    fastest_spread: float
    drift: float
    disturbed_share: float
    longest_ms: float
    steal_share: float | None
    doubts: tuple[str, ...]
    detectable: tuple[Detectable, ...]

    @property
    def score(self) -> str:
        """One word for the machine, by what a comparison of :data:`SCORED_S` seconds detects."""
        told = next(d.regression for d in self.detectable if d.seconds == SCORED_S)
        return next((word for most, word in SCORES if told is not None and told <= most), "noisy")

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form."""
        detectable = [asdict(entry) for entry in self.detectable]
        return {"score": self.score, **asdict(self), "doubts": list(self.doubts), "detectable": detectable}


def measure_noise(
    model: TimedModel,
    device: Device,
    limit_s: float,
    rng: np.random.Generator,
    on_seconds: Callable[[float], None] = lambda seconds: None,
) -> Noise:
    """Compare a network with itself.

    Args:
        model: The network.
        device: The device that times it.
        limit_s: How long to measure, in seconds. It takes longer where blocks would be too few.
        rng: Draws the order within blocks, and resamples them.
        on_seconds: Called with the seconds that have passed.

    Raises:
        MeasurementError: The network cannot be loaded or run.
        WorkerDied: The measuring process died.
    """
    begun, conditions = now_ns(), [device.read_conditions()]
    blocks: list[Block] = []
    ended = [0.0]
    with closing(iterate_blocks(model, model, device, rng)) as stream:
        for block in stream:
            blocks.append(block)
            ended.append((now_ns() - begun) / NS_PER_S)
            on_seconds(ended[-1])
            if ended[-1] >= limit_s and len(blocks) >= MIN_BLOCKS:
                break
    conditions.append(device.read_conditions())
    return describe_noise(model.spec, blocks, ended[1:], conditions, rng)


def describe_noise(
    spec: DeviceSpec,
    blocks: Sequence[Block],
    ended_s: Sequence[float],
    conditions: Sequence[Conditions],
    rng: np.random.Generator,
) -> Noise:
    """The noise that blocks show.

    Args:
        spec: The device spec that was measured.
        blocks: The blocks.
        ended_s: When each block ended, in seconds since the measurement began.
        conditions: The machine's conditions before and after.
        rng: Resamples the blocks.
    """
    ratios, spreads = read_blocks(blocks)
    medians = np.log([np.median(block.new_ns) / np.median(block.old_ns) for block in blocks])
    levels = np.log([min(*block.old_ns, *block.new_ns) for block in blocks])
    calls = [np.array([*block.old_ns, *block.new_ns]) for block in blocks]
    low, high = np.percentile(levels, OUTER)
    # The first block includes the start of the process and the pilot block.
    block_s = float(np.median(np.diff(ended_s)))
    start_s = max(ended_s[0] - block_s, 0.0)
    doubts = list(list_doubts(conditions, spec.threads))
    if spec.machine.cores == 1:
        doubts.append(ONE_CORE)
    doubts += sorted({flag for block in blocks for flag in block.flags})
    return Noise(
        device=spec.describe(),
        cores=spec.machine.cores,
        seconds=ended_s[-1],
        blocks=len(blocks),
        level_ms=float(np.exp(np.median(levels))) / NS_PER_MS,
        median_spread=float(np.median(np.abs(medians))),
        fastest_spread=float(np.median(np.abs(ratios))),
        drift=float(np.expm1(high - low)),
        disturbed_share=float(np.mean(np.concatenate([c > DISTURBED_FACTOR * c.min() for c in calls]))),
        longest_ms=float(max(c.max() for c in calls)) / NS_PER_MS,
        steal_share=_find_steal(conditions, ended_s[-1]),
        doubts=tuple(doubts),
        detectable=tuple(
            _find_detectable(ratios, spreads, seconds, (seconds - start_s) / block_s, rng)
            for seconds in TIMES_S
        ),
    )


def find_regression(ratios: Array, spreads: Array, blocks: int, rng: np.random.Generator) -> float | None:
    """The smallest of :data:`REGRESSIONS` that resampled comparisons detect, and rule out where it is absent.

    Args:
        ratios: Each block's log of new / old, (n,).
        spreads: How far the calls within each block lie apart, relative, (n,).
        blocks: The number of blocks of a comparison.
        rng: Resamples the blocks.

    Returns:
        The slowdown, relative; None where none of them is detected.
    """
    error = find_last_error(ERROR_RATE)
    # The two models are equal, so every difference between them is chance.
    centred = ratios - np.median(ratios)
    chosen = rng.integers(len(ratios), size=(DRAWS, blocks))
    intervals = [find_interval(centred[places], spreads[places], error) for places in chosen]

    def is_told(regression: float) -> bool:
        found = [decide((1 + regression) * i.low, (1 + regression) * i.high, regression) for i in intervals]
        equal = [decide(i.low, i.high, regression) for i in intervals]
        return min(found.count(Verdict.SLOWER), equal.count(Verdict.SAME)) >= POWER * DRAWS

    return next((regression for regression in REGRESSIONS if is_told(regression)), None)


def _find_detectable(
    ratios: Array, spreads: Array, seconds: float, fitting: float, rng: np.random.Generator
) -> Detectable:
    blocks = min(max(int(fitting), AlphaSpending(ERROR_RATE).fewest_blocks), MAX_BLOCKS)
    return Detectable(seconds, blocks, find_regression(ratios, spreads, blocks, rng))


def _find_steal(conditions: Sequence[Conditions], seconds: float) -> float | None:
    first, last = conditions[0].steal_ms, conditions[-1].steal_ms
    return None if first is None or last is None else (last - first) / 1000 / seconds
