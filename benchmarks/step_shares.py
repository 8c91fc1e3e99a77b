"""Where the processor time of a training step goes: convolutions, batch norm, activations, optimizer, Python.

Run: python -m benchmarks.step_shares [--steps 20] [--batch 128] [--arch mbv3-w0.75-cifar10]
One thread trains subnets of the sampled mix. Every torch operation is timed in processor seconds of that thread, which
other work on the machine adds little to. The remainder of a step, measured without the timing of operations, is Python
and autograd. The timing itself adds to operations, so that a small remainder can come out below 0.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from benchmarks.training_speed import make_trainer
from compofa_deploy.data.labelled import LabelledImages
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.torch_process.allocator import tune_allocator
from compofa_deploy.training.augment import Augment
from compofa_deploy.training.trainer import Trainer

KINDS: Mapping[str, tuple[str, ...]] = {
    "convolutions": ("convolution", "convolution_backward", "addmm", "mm"),
    "batch norm": ("native_batch_norm", "native_batch_norm_backward", "_batch_norm_impl_index"),
    "activations": (
        "relu_", "relu", "clamp_min", "threshold_backward", "hardswish", "hardswish_backward", "hardsigmoid",
        "hardsigmoid_backward",
    ),
    "skips": ("add", "add_"),
    "pooling and excitation": ("mean", "mul", "div", "sum", "expand", "native_dropout", "native_dropout_backward"),
}  # fmt: skip
"""The operations of each part of a step. Those that are not here, such as views of cut weights, are listed as other."""
OPTIMIZER, INPUT, OTHER, PYTHON = "optimizer", "input", "other operations", "Python and autograd"
PARTS = (*KINDS, OPTIMIZER, INPUT, OTHER)
WARM_UP_STEPS = 10
REPEATS = 3


class OperationClock(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the processor seconds of torch operations by the part of the step that they belong to."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seconds: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        self._part_of = {name: part for part, names in KINDS.items() for name in names}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        part = self._part_of.get(function.overloadpacket.__name__, OTHER)
        return self._time(part, function, *args, **(kwargs or {}))

    def count_whole(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that calls ``call`` and counts all of its time as one part's."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            with _disable_current_modes():
                return self._time(part, call, *args, **kwargs)

        return counted

    def _time(self, part: str, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        began = time.thread_time()
        result = call(*args, **kwargs)
        self.seconds[part] += time.thread_time() - began
        return result


def profile(trainer: Trainer, steps: int) -> tuple[dict[str, float], float]:
    """Time operations over some steps, and the same steps without the timing of operations.

    Each step is run ``REPEATS`` times both ways, and the fastest run counts.

    Returns:
        Processor seconds of operations by part, and of whole steps, summed over the steps.
    """
    assert isinstance(trainer.images, LabelledImages)
    pixels, labels = (
        torch.from_numpy(array[: trainer.phase.batch])
        for array in (trainer.images.pixels, trainer.images.labels)
    )
    total, whole = dict.fromkeys(PARTS, 0.0), 0.0
    for _ in range(WARM_UP_STEPS):
        trainer.train_step(pixels, labels)
    for _ in range(steps):
        state = trainer.rng.bit_generator.state
        plain, timed = [], []
        for _ in range(REPEATS):
            trainer.rng.bit_generator.state = state
            began = time.thread_time()
            trainer.train_step(pixels, labels)
            plain.append(time.thread_time() - began)
            trainer.rng.bit_generator.state = state
            timed.append(_time_operations(trainer, pixels, labels))
        whole += min(plain)
        fastest = min(timed, key=lambda seconds: sum(seconds.values()))
        for part, value in fastest.items():
            total[part] += value
    return total, whole


def _time_operations(trainer: Trainer, pixels: Tensor, labels: Tensor) -> dict[str, float]:
    clock = OperationClock()
    augment = clock.count_whole(INPUT, Augment.__call__)
    update = clock.count_whole(OPTIMIZER, trainer.optimizer.step)
    with (
        patch.object(Augment, "__call__", lambda self, *given: augment(self, *given)),
        patch.object(trainer.optimizer, "step", update),
        clock,
    ):
        trainer.train_step(pixels, labels)
    return clock.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--arch", default="mbv3-w0.75-cifar10")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tune_allocator()
    architecture = find_architecture(arguments.arch)
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(architecture, arguments.batch, torch.device("cpu"), Path(folder))
        seconds, whole = profile(trainer, arguments.steps)
    seconds[PYTHON] = whole - sum(seconds.values())
    print(
        f"{arguments.arch} at {architecture.resolutions[-1]} px, batch {arguments.batch}, {arguments.steps} steps: "
        f"{1000 * whole / arguments.steps:.0f} ms of processor time a step"
    )
    for part, value in sorted(seconds.items(), key=lambda item: -item[1]):
        print(f"{part:<28}{1000 * value / arguments.steps:>8.1f} ms{100 * value / whole:>7.1f} %")


if __name__ == "__main__":
    main()
