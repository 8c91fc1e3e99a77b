"""MobileNetV3 as Once-For-All builds it (Cai et al., ICLR 2020): the layers of its subnets."""

from __future__ import annotations

from collections.abc import Sequence

from compofa_deploy.architecture import Architecture
from compofa_deploy.subnet import MAX_DEPTH, STAGES
from latency_tables.layer import Layer, make_divisible

FIRST_WIDTH = 16
STAGE_WIDTHS = (24, 40, 80, 112, 160)
STAGE_STRIDES = (2, 2, 2, 1, 2)
STAGE_ACTS = ("relu", "relu", "h_swish", "h_swish", "h_swish")
STAGE_SE = (False, True, False, True, True)
FINAL_EXPAND_WIDTH = 960
FEATURE_MIX_WIDTH = 1280


def list_stem(architecture: Architecture, resolution: int) -> list[Layer]:
    """What runs before the first stage."""
    width = make_divisible(FIRST_WIDTH * architecture.width)
    size = _strided(resolution, architecture.stem_stride)
    return [
        Layer("first_conv", "conv", 3, width, resolution, size, kernel=3,
              stride=architecture.stem_stride, act="h_swish"),
        Layer("blocks.0", "mbconv", width, width, size, size, mid_channels=width, kernel=3, act="relu", skip=True),
    ]  # fmt: skip


def list_stage(
    architecture: Architecture, stage: int, expands: Sequence[int], kernels: Sequence[int], resolution: int
) -> list[Layer]:
    """The blocks of one stage, one for each expand ratio given, in a network of input ``resolution``."""
    size = _strided(resolution, architecture.stem_stride)
    for stride in STAGE_STRIDES[:stage]:
        size = _strided(size, stride)
    before = FIRST_WIDTH if stage == 0 else STAGE_WIDTHS[stage - 1]
    in_channels = make_divisible(before * architecture.width)
    out_channels = make_divisible(STAGE_WIDTHS[stage] * architecture.width)
    layers = []
    for i, (expand, kernel) in enumerate(zip(expands, kernels, strict=True)):
        stride = STAGE_STRIDES[stage] if i == 0 else 1
        out_size = _strided(size, stride)
        layers.append(
            Layer(
                f"blocks.{1 + stage * MAX_DEPTH + i}", "mbconv", in_channels, out_channels, size, out_size,
                mid_channels=make_divisible(round(in_channels * expand)), expand=expand, kernel=kernel,
                stride=stride, act=STAGE_ACTS[stage], se=STAGE_SE[stage],
                skip=stride == 1 and in_channels == out_channels,
            )
        )  # fmt: skip
        in_channels, size = out_channels, out_size
    return layers


def list_head(architecture: Architecture, resolution: int) -> list[Layer]:
    """What runs behind the last stage."""
    size = _strided(resolution, architecture.stem_stride)
    for stride in STAGE_STRIDES:
        size = _strided(size, stride)
    last = make_divisible(STAGE_WIDTHS[STAGES - 1] * architecture.width)
    expanded = make_divisible(FINAL_EXPAND_WIDTH * architecture.width)
    mixed = make_divisible(FEATURE_MIX_WIDTH * architecture.width)
    return [
        Layer("final_expand", "conv", last, expanded, size, size, act="h_swish"),
        Layer("pool", "pool", expanded, expanded, size, 1),
        Layer("feature_mix", "conv", expanded, mixed, 1, 1, act="h_swish", norm=False),
        Layer("classifier", "linear", mixed, architecture.classes, 1, 1, bias=True),
    ]


def _strided(size: int, stride: int) -> int:
    return -(-size // stride)
