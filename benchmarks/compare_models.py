"""Compare the latency of two models as ``compofa bench compare`` does: side by side, in fresh sessions."""

from __future__ import annotations

import statistics
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.bench.compare_models import iterate_blocks, read_blocks
from latency_tables.device import DeviceSpec
from latency_tables.units import NS_PER_MS
from profilers.machine.clock import now_ns
from profilers.measuring.model_files import ModelFiles
from profilers.measuring.timing import sample, warm_up
from profilers.runtimes.onnxruntime.runtime import OnnxRuntime
from profilers.targets.device import TimedModel
from profilers.targets.local import LocalDevice

SAMPLE_CALLS = 15
SAMPLE_MS = 20.0
RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of latencies with the bounds of its 95 % interval."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3f} [{self.low:.3f}, {self.high:.3f}]"


def compare(model: bytes, base: bytes, image: NDArray[np.float32], blocks: int) -> NDArray[np.float64]:
    """Return the log-ratios (blocks,) of a model's latency to a base's; each block has two fresh sessions."""
    spec = OnnxRuntime().spec()
    old, new = (TimedModel(ModelFiles(content, b"", image.shape), spec) for content in (base, model))
    with closing(iterate_blocks(old, new, LocalDevice(Path()), np.random.default_rng())) as stream:
        return read_blocks(list(islice(stream, blocks)))[0]


def time_session(model: bytes, image: NDArray[np.float32], spec: DeviceSpec) -> float:
    """Return the median latency in ms of one fresh session that was warmed up until it is steady."""
    runtime = OnnxRuntime()
    with runtime.open(model, spec) as session:
        session.bind({session.inputs[0].name: image})
        warm_up(session.call, now_ns)
        samples = sample(
            session.call,
            now_ns,
            min_calls=SAMPLE_CALLS,
            min_ms=SAMPLE_MS,
            max_calls=1000,
            max_ms=10 * SAMPLE_MS,
        )
    return statistics.median(samples.ns) / NS_PER_MS


def run_once(model: bytes, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a model's only output for its only input."""
    runtime = OnnxRuntime()
    with runtime.open(model, runtime.spec()) as session:
        (output,) = session.run({session.inputs[0].name: image}).values()
    return output


def summarise(log_ratios: list[NDArray[np.float64]], rng: np.random.Generator) -> Ratio:
    """Return the geometric mean over networks of each network's median ratio, with a bootstrap interval.

    The bootstrap draws blocks anew within each network. One network gives its median.
    """
    centre = np.mean([np.median(ratios) for ratios in log_ratios])
    draws = np.mean(
        [
            np.median(ratios[rng.integers(len(ratios), size=(RESAMPLES, len(ratios)))], axis=1)
            for ratios in log_ratios
        ],
        axis=0,
    )
    low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Ratio(*(float(np.exp(value)) for value in (centre, low, high)))
