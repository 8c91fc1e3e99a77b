"""What families of inverted residuals share: stages whose first block strides and whose later ones skip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from latency_tables.layer import NORM_EPS, Layer, make_divisible


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: what its blocks have in common. ``width`` is that of a width multiplier of 1."""

    width: int
    stride: int
    act: str
    se: bool = False


@dataclass(frozen=True, slots=True)
class Parts:
    """A subnet's layers by where they are: those before the stages, those of each stage, those behind."""

    stem: tuple[Layer, ...]
    stages: tuple[tuple[Layer, ...], ...]
    head: tuple[Layer, ...]

    def join(self) -> tuple[Layer, ...]:
        """All of them, in the order in which they run."""
        return (*self.stem, *(layer for stage in self.stages for layer in stage), *self.head)


def list_blocks(
    stages: Sequence[Stage],
    blocks: Sequence[Sequence[tuple[int, int]]],
    most: Sequence[int],
    before: Layer,
    multiplier: float,
    eps: float = NORM_EPS,
) -> list[tuple[Layer, ...]]:
    """The inverted residuals of each stage, behind the layer ``before``, which is named ``blocks.0``.

    ``blocks`` are the expand ratio and kernel size of those that run; ``most``, how many a stage has at most, counts
    the names.
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
    """The side of a feature map behind a convolution that pads by half its kernel."""
    return -(-size // stride)
