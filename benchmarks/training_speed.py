"""The training speed of sampled subnets, compared with plain training of the largest one by hand-written torch.

Run: python -m benchmarks.training_speed [--blocks 10] [--steps 4] [--batch 128] [--arch mbv3-w0.75-cifar10]
Blocks of steps of both take turns. The first ratio is the multiply-accumulates a second of the sampled subnets, divided
by those of the largest one. The second ratio compares the sampled subnets with the same ones trained plainly. It shows
the cost of the supernet; the rest is the subnets' own, since a small one has more memory traffic for each
multiply-accumulate. With --processor-time, one thread is timed by its processor seconds, to which other work on the
machine adds little. The input is timed alone as well: where it is many times as fast, it is not the bottleneck.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.compare_models import Ratio, summarise
from compofa_deploy.data.labelled import LabelledImages
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import count_macs, largest_subnet, list_layers
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.torch_process.allocator import tune_allocator
from compofa_deploy.torch_process.device import find_device
from compofa_deploy.training.machine import Machine
from compofa_deploy.training.recipe import Recipe
from compofa_deploy.training.trainer import Trainer
from latency_tables.layer import Layer

IMAGES = 1024
BAR = 0.95


class PlainExcitation(nn.Module):
    """Squeeze-and-excitation of torch's own modules."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * F.hardsigmoid(self.expand(F.relu(self.reduce(x.mean((2, 3), keepdim=True)))))


class PlainBlock(nn.Module):
    """Layers, with a skip around them where the block has one."""

    def __init__(self, skip: bool, *layers: nn.Module) -> None:
        super().__init__()
        self.skip, self.layers = skip, nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.skip else y


def build_plain(layers: Sequence[Layer]) -> nn.Sequential:
    """Build a subnet of torch's own modules."""
    return nn.Sequential(*(_build_layer(layer) for layer in layers))


def _convolve(inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> nn.Module:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


def _activate(act: str) -> nn.Module:
    return {"relu": nn.ReLU, "h_swish": nn.Hardswish}[act](inplace=True)


def _build_layer(layer: Layer) -> nn.Module:
    if layer.kind == "pool":
        return nn.AdaptiveAvgPool2d(1)
    if layer.kind == "linear":
        return nn.Sequential(nn.Flatten(), nn.Dropout(0.1), nn.Linear(layer.in_channels, layer.out_channels))
    if layer.kind == "conv":
        parts = [_convolve(layer.in_channels, layer.out_channels, layer.kernel, layer.stride)]
        parts += [nn.BatchNorm2d(layer.out_channels)] if layer.norm else []
        return nn.Sequential(*parts, _activate(layer.act))
    mid = layer.mid_channels
    parts = []
    if layer.has_expansion:
        parts += [_convolve(layer.in_channels, mid, 1, 1), nn.BatchNorm2d(mid), _activate(layer.act)]
    parts += [_convolve(mid, mid, layer.kernel, layer.stride, mid), nn.BatchNorm2d(mid), _activate(layer.act)]
    parts += [PlainExcitation(mid, layer.se_channels)] if layer.se else []
    parts += [_convolve(mid, layer.out_channels, 1, 1), nn.BatchNorm2d(layer.out_channels)]
    return PlainBlock(layer.skip, *parts)


class Plain:
    """Trains one subnet by torch alone, on the same images and augmentation."""

    def __init__(self, trainer: Trainer, subnet: Subnet) -> None:
        self.trainer, self.subnet = trainer, subnet
        layers = list_layers(trainer.supernet.architecture, subnet)
        self.network = build_plain(layers).to(trainer.machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.SGD(
            self.network.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=3e-5
        )

    def step(self, pixels: Tensor, labels: Tensor, rng: np.random.Generator) -> None:
        """Train one step."""
        draws = self.trainer.augment.draw(len(pixels), rng)
        images = self.trainer.augment(pixels, self.subnet.resolution, draws)
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.network(images), labels, label_smoothing=0.1)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        loss.item()


def make_trainer(architecture: Architecture, batch: int, device: torch.device, folder: Path) -> Trainer:
    """Return a trainer that trains one of all 243 subnets a step, on random images in memory."""
    side, rng = architecture.resolutions[-1], np.random.default_rng(0)
    phase = {
        "name": "mix",
        "subnets": "compofa",
        "epochs": 1000,
        "batch": batch,
        "lr": 0.01,
        "resolutions": [side],
    }
    data = {"validation_images": 1, "mean": [0.5] * 3, "std": [0.25] * 3}
    recipe = Recipe.model_validate({
        "name": "speed", "architecture": architecture.to_dict(), "data": data, "phases": [phase]
    })  # fmt: skip
    images = LabelledImages(
        rng.integers(0, 256, (IMAGES, side, side, 3), dtype=np.uint8),
        rng.integers(0, architecture.classes, IMAGES),
        tuple(map(str, range(architecture.classes))),
    )
    trainer = Trainer(recipe, images, folder, Machine(device))
    trainer.supernet.train()
    return trainer


def time_call(
    call: Callable[[], None], device: torch.device, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return the seconds of a call, including what it started on a GPU.

    Args:
        call: The work.
        device: Where it runs.
        clock: Returns seconds, of the wall or of the processor.
    """
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = clock()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - started


class Comparison:
    """Times blocks of sampled subnets, of the largest, of the sampled trained plainly, and of the input."""

    def __init__(self, trainer: Trainer, steps: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self.trainer, self.steps, self.clock = trainer, steps, clock
        self.rng = np.random.default_rng(1)
        self.drawn: list[Subnet] = []
        assert isinstance(trainer.images, LabelledImages)
        batch, device = trainer.phase.batch, trainer.machine.device
        self.pixels = torch.from_numpy(trainer.images.pixels[:batch]).to(device)
        self.labels = torch.from_numpy(trainer.images.labels[:batch]).to(device)
        self.side = trainer.supernet.architecture.resolutions[-1]
        self.largest = Plain(trainer, largest_subnet(trainer.supernet.architecture, self.side))

    def run_mix(self) -> None:
        """Run the trainer's steps."""
        for _ in range(self.steps):
            self.trainer.train_step(self.pixels, self.labels)
            self.drawn += self.trainer.drawn

    def run_plain(self, networks: Sequence[Plain]) -> None:
        """Run one step of each network."""
        for network in networks:
            network.step(self.pixels, self.labels, self.rng)

    def run_input(self) -> None:
        """Make a batch out of pixels, once for each step."""
        for _ in range(self.steps):
            draws = self.trainer.augment.draw(len(self.pixels), self.rng)
            self.trainer.augment(self.pixels, self.side, draws)

    def count(self, subnets: Sequence[Subnet]) -> int:
        """Return the multiply-accumulates of one image, summed over the subnets."""
        architecture = self.trainer.supernet.architecture
        return sum(count_macs(list_layers(architecture, subnet)) for subnet in subnets)

    def run(self, blocks: int) -> tuple[Ratio, Ratio, float, float]:
        """Run blocks of everything in turn.

        Returns:
            The ratio to the largest subnet by multiply-accumulates, the ratio to the same subnets trained plainly, and
            the images a second of the largest subnet and of the input alone.
        """
        device, largest = self.trainer.machine.device, [self.largest] * self.steps
        self.run_mix()
        self.run_plain(largest)
        by_macs, by_plain, largest_s, input_s = [], [], 0.0, 0.0
        for block in range(blocks):
            self.drawn.clear()
            works: list[Callable[[], None]] = [partial(self.run_plain, largest), self.run_mix]
            seconds = [0.0, 0.0]
            for which in (0, 1) if block % 2 else (1, 0):
                seconds[which] = time_call(works[which], device, self.clock)
            alone = [Plain(self.trainer, subnet) for subnet in self.drawn]
            alone_s = time_call(partial(self.run_plain, alone), device, self.clock)
            plain_speed = self.steps * self.count([self.largest.subnet]) / seconds[0]
            by_macs.append(math.log(self.count(self.drawn) / seconds[1] / plain_speed))
            by_plain.append(math.log(alone_s / seconds[1]))
            largest_s += seconds[0]
            input_s += time_call(self.run_input, device, self.clock)
        rng, images = np.random.default_rng(0), blocks * self.steps * len(self.pixels)
        ratios = [summarise([np.array(logs)], rng) for logs in (by_macs, by_plain)]
        return ratios[0], ratios[1], images / largest_s, images / input_s


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--blocks", type=int, default=10)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--arch", default="mbv3-w0.75-cifar10")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--processor-time", action="store_true", help="Time one thread of the CPU.")
    arguments = parser.parse_args()
    clock = time.perf_counter
    if arguments.processor_time:
        torch.set_num_threads(1)
        arguments.device, clock = "cpu", time.process_time
    tune_allocator()
    architecture, device = find_architecture(arguments.arch), find_device(arguments.device)
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(architecture, arguments.batch, device, Path(folder))
        by_macs, by_plain, plain_rate, input_rate = Comparison(trainer, arguments.steps, clock).run(
            arguments.blocks
        )
    print(
        f"{arguments.arch} at {architecture.resolutions[-1]} px on {device}, {torch.get_num_threads()} threads, batch "
        f"{arguments.batch}, {arguments.blocks} blocks of {arguments.steps} steps"
        f"{', processor time' if arguments.processor_time else ''}"
    )
    print(f"{'plain training of the largest subnet':<58}{plain_rate:>8.0f} images/s")
    print(f"{'input alone, in memory: crop, flip, normalise':<58}{input_rate:>8.0f} images/s")
    print(f"{f'the sampled mix, of what its MACs allow (bar {BAR})':<58}{by_macs!s:>8}")
    print(f"{'the sampled mix, beside the same subnets trained plainly':<58}{by_plain!s:>8}")


if __name__ == "__main__":
    main()
