"""MobileNetV3 as Once-For-All builds it (Cai et al., ICLR 2020): the layers of its subnets."""

from __future__ import annotations

from compofa_deploy.space.architecture import IMAGENET_RESOLUTIONS, Architecture
from compofa_deploy.space.blocks import Parts, Stage, list_blocks, stride_size
from compofa_deploy.space.subnet import MBV3_CHOICES, Subnet
from latency_tables.layer import Layer, make_divisible

CHOICES = MBV3_CHOICES
ARCHITECTURES = (
    Architecture("mbv3-w1.0-imagenet", 1.0, 1000, 2, IMAGENET_RESOLUTIONS),
    Architecture("mbv3-w1.2-imagenet", 1.2, 1000, 2, IMAGENET_RESOLUTIONS),
    Architecture("mbv3-w1.0-fixed-imagenet", 1.0, 1000, 2, IMAGENET_RESOLUTIONS, elastic_kernel=False),
    Architecture("mbv3-w0.75-cifar10", 0.75, 10, 1, (24, 28, 32), elastic_kernel=False),
    Architecture("mbv3-w1.0-tiny-imagenet", 1.0, 200, 1, (32, 40, 48, 56, 64), elastic_kernel=False),
)
FIRST_WIDTH = 16
STAGES = (
    Stage(24, 2, "relu"),
    Stage(40, 2, "relu", se=True),
    Stage(80, 2, "h_swish"),
    Stage(112, 1, "h_swish", se=True),
    Stage(160, 2, "h_swish", se=True),
)
FINAL_EXPAND_WIDTH = 960
FEATURE_MIX_WIDTH = 1280


def list_parts(architecture: Architecture, subnet: Subnet) -> Parts:
    """Return the layers of a subnet."""
    width = make_divisible(FIRST_WIDTH * architecture.width)
    size = stride_size(subnet.resolution, architecture.stem_stride)
    stem = (
        Layer("first_conv", "conv", 3, width, subnet.resolution, size, kernel=3,
              stride=architecture.stem_stride, act="h_swish"),
        Layer("blocks.0", "mbconv", width, width, size, size, mid_channels=width, kernel=3, act="relu", skip=True),
    )  # fmt: skip
    stages = list_blocks(STAGES, subnet.stage_blocks(), CHOICES.blocks, stem[-1], architecture.width)
    last = stages[-1][-1]
    expanded, mixed = (
        make_divisible(base * architecture.width) for base in (FINAL_EXPAND_WIDTH, FEATURE_MIX_WIDTH)
    )
    head = (
        Layer(
            "final_expand", "conv", last.out_channels, expanded, last.out_size, last.out_size, act="h_swish"
        ),
        Layer("pool", "pool", expanded, expanded, last.out_size, 1),
        Layer("feature_mix", "conv", expanded, mixed, 1, 1, act="h_swish", norm=False),
        Layer("classifier", "linear", mixed, architecture.classes, 1, 1, bias=True),
    )
    return Parts(stem, tuple(stages), head)
