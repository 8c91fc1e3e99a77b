"""How much a machine disturbs what is measured on it: a network compared with itself, as two bundles would be.

What that could tell apart is derived from the blocks that were seen, by the rule that a comparison answers by: blocks
are drawn anew from them, as many as fit into a time, and made longer by a regression. Blocks of an hour in which the
machine is as it was now, that is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.bench.alpha_spending import LOOKS_AT, Looks
from compofa_deploy.bench.compare_models import MAX_BLOCKS, iterate_blocks, read_blocks
from compofa_deploy.bench.result import ONE_CORE
from compofa_deploy.bench.verdict import ERROR_RATE, Verdict, decide
from compofa_deploy.bench.weighted_sign_test import find_interval
from latency_tables.device import DeviceSpec
from latency_tables.machine import Conditions, list_doubts
from latency_tables.units import NS_PER_MS, NS_PER_S
from profilers.machine.clock import now_ns
from profilers.machine.environment import read_conditions
from profilers.measuring.paired_worker import Block

Array = NDArray[np.float64]

MIN_BLOCKS = 8
"""However slow the network is; fewer say nothing of how blocks differ."""
TIMES_S = (5, 10, 20, 60)
"""How long comparisons take for which it is told what they could tell apart."""
REGRESSIONS = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5)
DRAWS = 200
POWER = 0.95
"""Of the comparisons with a regression that must find it, and of those without that must say so."""
SCORED_S = 10
SCORES = ((0.03, "quiet"), (0.1, "usable"))
"""The largest regression that can be told in that time, and the word for it; beyond the last it is "noisy"."""
DISTURBED_FACTOR = 1.1
"""A call that takes so many times as long as the fastest of its block was disturbed."""
OUTER = (10, 90)
"""Percentiles between which levels, and sessions, lie that count."""


@dataclass(frozen=True, slots=True)
class Detectable:
    """What a comparison of so many blocks and seconds tells from no change at all; ``None`` for nothing up to the
    largest regression that was tried."""

    seconds: float
    blocks: int
    regression: float | None


@dataclass(frozen=True, slots=True)
class Noise:
    """What was seen of a machine. Shares and spreads are relative.

    ``median_spread`` and ``fastest_spread`` are by how much two sessions of the network lay apart, in the median of
    blocks, by their median calls and by their fastest; ``drift`` is how far the level moved over the run, but for its
    outer tenths; ``disturbed_share`` is that of the calls that took much longer than the fastest; ``steal_share`` is
    what the host took of one core, ``None`` where it does not tell.
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
        """In one word, by what can be told in :data:`SCORED_S`."""
        told = next(d.regression for d in self.detectable if d.seconds == SCORED_S)
        return next((word for most, word in SCORES if told is not None and told <= most), "noisy")

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready form."""
        detectable = [asdict(entry) for entry in self.detectable]
        return {"score": self.score, **asdict(self), "doubts": list(self.doubts), "detectable": detectable}


def measure_noise(
    spec: DeviceSpec,
    model: Mapping[str, Any],
    limit_s: float,
    rng: np.random.Generator,
    on_seconds: Callable[[float], None] = lambda seconds: None,
) -> Noise:
    """Compare a network with itself for so long.

    ``model`` is a request of :func:`profilers.measuring.paired_worker.locate`.

    :class:`MeasurementError` or :class:`WorkerDied` where it cannot be loaded or run.
    """
    begun, conditions = now_ns(), [read_conditions()]
    blocks: list[Block] = []
    ended = [0.0]
    with closing(iterate_blocks({"old": model, "new": model}, rng)) as stream:
        for block in stream:
            blocks.append(block)
            ended.append((now_ns() - begun) / NS_PER_S)
            on_seconds(ended[-1])
            if ended[-1] >= limit_s and len(blocks) >= MIN_BLOCKS:
                break
    conditions.append(read_conditions())
    return describe_noise(spec, blocks, ended[1:], conditions, rng)


def describe_noise(
    spec: DeviceSpec,
    blocks: Sequence[Block],
    ended_s: Sequence[float],
    conditions: Sequence[Conditions],
    rng: np.random.Generator,
) -> Noise:
    """What blocks say of the machine, that ended so many seconds after the measurement began."""
    ratios, spreads = read_blocks(blocks)
    medians = np.log([np.median(block.new_ns) / np.median(block.old_ns) for block in blocks])
    levels = np.log([min(*block.old_ns, *block.new_ns) for block in blocks])
    calls = [np.array([*block.old_ns, *block.new_ns]) for block in blocks]
    low, high = np.percentile(levels, OUTER)
    # A first block waits for the process, and for the one that is thrown away.
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
    """The smallest of :data:`REGRESSIONS` that comparisons of so many blocks, drawn anew from what was seen (n,), find
    when it is there and rule out when it is not; ``None`` for none of them."""
    error = ERROR_RATE * (1 - LOOKS_AT[-2] ** 2)
    # Two equal models: whatever was seen to differ was chance.
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
    blocks = min(max(int(fitting), Looks(ERROR_RATE).fewest_blocks), MAX_BLOCKS)
    return Detectable(seconds, blocks, find_regression(ratios, spreads, blocks, rng))


def _find_steal(conditions: Sequence[Conditions], seconds: float) -> float | None:
    first, last = conditions[0].steal_ms, conditions[-1].steal_ms
    return None if first is None or last is None else (last - first) / 1000 / seconds
