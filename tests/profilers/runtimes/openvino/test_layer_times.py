"""What OpenVINO's operators take, from what it tells of its calls."""

import statistics
from datetime import timedelta
from itertools import count
from types import SimpleNamespace

import pytest

from profilers.runtimes.openvino.layer_times import profile_calls, profile_windows


class SlowToBegin:
    """A request that tells the mean over all of its calls, as OpenVINO does on a CPU, or what the last one took. The
    first takes a thousand times as long, and the 15th of one operator was disturbed."""

    def __init__(self, means: bool) -> None:
        self.means = means
        self.took: dict[str, list[float]] = {"conv": [], "norm": []}

    def infer(self) -> None:
        call = len(self.took["conv"]) + 1
        slower = 1000 if call == 1 else 1
        self.took["conv"].append(20e-6 * slower)
        self.took["norm"].append((5e-3 if call == 15 else 5e-6) * slower)

    def get_profiling_info(self) -> list[SimpleNamespace]:
        told = {name: statistics.mean(took) if self.means else took[-1] for name, took in self.took.items()}
        return [
            SimpleNamespace(node_name=name, real_time=timedelta(microseconds=round(1e6 * seconds)))
            for name, seconds in told.items()
        ]


@pytest.mark.parametrize("means", [True, False], ids=["means", "the last call"])
def test_what_operators_take_is_not_told_by_the_first_call_nor_a_disturbed_one(means: bool) -> None:
    ticks, request = count(step=1_000_000), SlowToBegin(means)
    operators, windows = profile_windows(request, lambda: next(ticks)) if means else profile_calls(request)
    assert operators == ["conv", "norm"]
    took = [statistics.median(times) for times in zip(*windows, strict=True)]
    assert took == pytest.approx([20e-6, 5e-6], abs=2e-6)
