"""ResNet50-D (He et al., CVPR 2019) as Once-For-All makes it elastic: in the depth and width of every stage, and in
the width of every bottleneck."""

from __future__ import annotations

from compofa_deploy.space.architecture import IMAGENET_RESOLUTIONS, Architecture
from compofa_deploy.space.blocks import Parts, stride_size
from compofa_deploy.space.elastic_choices import ElasticChoices
from compofa_deploy.space.subnet import Subnet
from latency_tables.layer import Layer, make_divisible

CHOICES = ElasticChoices(
    "resnet50d",
    depths=((0, 2), *((0, 1, 2),) * 4),
    blocks=(0, 4, 4, 6, 4),
    expands=(20, 25, 35),
    expand_scale=100,
    widths=6,
    width_choices=(0, 1, 2),
    example="00000e20202020202020202020w000000@224",
)
"""The first depth is the stem's: at 2 its middle convolution runs.

The first two widths belong to the stem's inner convolutions and to its last one; the others belong to the stages. An
expand ratio is in per cent of a block's output channels.
"""

ARCHITECTURES = (
    Architecture(
        "resnet50d-w1.0-imagenet", 1.0, 1000, 2, IMAGENET_RESOLUTIONS, "resnet50d", elastic_kernel=False
    ),
)

MULTIPLIERS = (0.65, 0.8, 1.0)
"""The width multipliers that the widths 0, 1 and 2 stand for."""

STEM_WIDTH = 64
STAGE_WIDTHS = (256, 512, 1024, 2048)
STAGE_STRIDES = (1, 2, 2, 2)


def list_parts(architecture: Architecture, subnet: Subnet) -> Parts:
    """Return the layers of a subnet."""
    multipliers = [MULTIPLIERS[width] * architecture.width for width in subnet.widths]
    stem = _list_stem(architecture, subnet, multipliers[0], multipliers[1])
    _, *blocks = subnet.stage_blocks()
    channels, size, number = stem[-1].out_channels, stem[-1].out_size, 0
    stages = []
    for stage, chosen in enumerate(blocks):
        out_channels = make_divisible(STAGE_WIDTHS[stage] * multipliers[2 + stage])
        layers = []
        for i, (expand, _) in enumerate(chosen):
            stride = STAGE_STRIDES[stage] if i == 0 else 1
            ratio, out_size = expand / CHOICES.expand_scale, stride_size(size, stride)
            layers.append(
                Layer(
                    f"blocks.{number + i}", "bottleneck", channels, out_channels, size, out_size,
                    mid_channels=make_divisible(round(out_channels * ratio)), expand=ratio, kernel=3, stride=stride,
                    act="relu", skip=i > 0,
                )
            )  # fmt: skip
            channels, size = out_channels, out_size
        stages.append(tuple(layers))
        number += CHOICES.blocks[1 + stage]
    head = (
        Layer("pool", "pool", channels, channels, size, 1),
        Layer("classifier", "linear", channels, architecture.classes, 1, 1, bias=True),
    )
    return Parts(stem, tuple(stages), head)


def _list_stem(architecture: Architecture, subnet: Subnet, inner: float, outer: float) -> tuple[Layer, ...]:
    """Return the layers of the stem.

    Args:
        architecture: The supernet's shape.
        subnet: The subnet, whose first depth says whether the middle convolution runs.
        inner: The width multiplier of the inner convolutions.
        outer: The width multiplier of the last convolution.
    """
    mid = make_divisible(make_divisible(STEM_WIDTH * inner) // 2)
    out = make_divisible(STEM_WIDTH * outer)
    stride = architecture.stem_stride
    size = stride_size(subnet.resolution, stride)
    first = Layer("stem_first", "conv", 3, mid, subnet.resolution, size, kernel=3, stride=stride, act="relu")
    middle = Layer("stem_middle", "conv", mid, mid, size, size, kernel=3, act="relu", skip=True)
    last = Layer("stem_last", "conv", mid, out, size, size, kernel=3, act="relu")
    pool = Layer("max_pool", "max_pool", out, out, size, stride_size(size, 2), kernel=3, stride=2)
    return (first, middle, last, pool) if subnet.depths[0] else (first, last, pool)
