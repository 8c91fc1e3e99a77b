"""Stages of inverted residuals, which several families share. The first block has the stride, later blocks a skip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latency_tables.layer import NORM_EPS, Layer, make_divisible


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: the settings that its blocks share. ``width`` is the output channels at a width multiplier of 1."""

    width: int
    stride: int
    act: str
    se: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """The layers of a subnet: the stem before the stages, each stage, and the head behind them."""

    stem: tuple[Layer, ...]
    stages: tuple[tuple[Layer, ...], ...]
    head: tuple[Layer, ...]

    def join(self) -> tuple[Layer, ...]:
        """Return all layers in the order in which they run."""
        return (*self.stem, *(layer for stage in self.stages for layer in stage), *self.head)


def list_blocks(
    stages: Sequence[Stage],
    blocks: Sequence[Sequence[tuple[int, int]]],
    most: Sequence[int],
    before: Layer,
    multiplier: float,
    eps: float = NORM_EPS,
) -> list[tuple[Layer, ...]]:
    """Return the inverted residuals of each stage.

    Args:
        stages: The settings of each stage.
        blocks: For each stage, the expand ratio and kernel size of each block that runs.
        most: For each stage, the largest number of blocks, by which the blocks are numbered.
        before: The layer before the first stage, which is named ``blocks.0``.
        multiplier: The width multiplier.
        eps: Batch norm's epsilon.
    """
    found = []
    channels, size, number = before.out_channels, before.out_size, 1
    for stage, chosen, count in zip(stages, blocks, most, strict=True):
        out_channels = make_divisible(stage.width * multiplier)
        layers = []
        for i, (expand, kernel) in enumerate(chosen):
            stride = stage.stride if i == 0 else 1
            out_size = stride_size(size, stride)
            layers.append(
                Layer(
                    f"blocks.{number + i}", "mbconv", channels, out_channels, size, out_size,
                    mid_channels=make_divisible(round(channels * expand)), expand=expand, kernel=kernel,
                    stride=stride, act=stage.act, se=stage.se, skip=stride == 1 and channels == out_channels,
                    norm_eps=eps,
                )
            )  # fmt: skip
            channels, size = out_channels, out_size
        found.append(tuple(layers))
        number += count
    return found


def stride_size(size: int, stride: int) -> int:
    """Return the side in pixels of a feature map behind a convolution that pads by half its kernel."""
    return -(-size // stride)
