"""ProxylessNAS's space as Once-For-All builds it: MobileNetV2's blocks with elastic kernels (Cai et al., ICLR 2019 and
2020)."""

from __future__ import annotations

from compofa_deploy.space.architecture import IMAGENET_RESOLUTIONS, Architecture
from compofa_deploy.space.blocks import Parts, Stage, list_blocks, stride_size
from compofa_deploy.space.elastic_choices import ElasticChoices
from compofa_deploy.space.subnet import DEPTHS, EXPANDS, KERNELS, Subnet
from latency_tables.layer import Layer, make_divisible

CHOICES = ElasticChoices(
    "proxyless", (DEPTHS,) * 5, (4,) * 5, EXPANDS, KERNELS, fixed_kernels=(3, 3, 3, 3, 3, 3), tail=1
)
"""The sixth stage has one block, which always runs: the tail."""

ARCHITECTURES = (Architecture("proxyless-w1.3-imagenet", 1.3, 1000, 2, IMAGENET_RESOLUTIONS, "proxyless"),)

FIRST_WIDTHS = (32, 16)
STAGES = (
    Stage(24, 2, "relu6"),
    Stage(40, 2, "relu6"),
    Stage(80, 2, "relu6"),
    Stage(96, 1, "relu6"),
    Stage(192, 2, "relu6"),
    Stage(320, 1, "relu6"),
)
FEATURE_MIX_WIDTH = 1280
EPS = 1e-3
"""Batch norm's epsilon, which the published checkpoint was trained with."""


def list_parts(architecture: Architecture, subnet: Subnet) -> Parts:
    """Return the layers of a subnet. The tail is part of the head."""
    first, second = (make_divisible(base * architecture.width) for base in FIRST_WIDTHS)
    size = stride_size(subnet.resolution, architecture.stem_stride)
    stem = (
        Layer("first_conv", "conv", 3, first, subnet.resolution, size, kernel=3,
              stride=architecture.stem_stride, act="relu6", norm_eps=EPS),
        Layer("blocks.0", "mbconv", first, second, size, size, mid_channels=first, kernel=3, act="relu6",
              norm_eps=EPS),
    )  # fmt: skip
    blocks, most = subnet.stage_blocks(), (*CHOICES.blocks, CHOICES.tail)
    *stages, tail = list_blocks(STAGES, blocks, most, stem[-1], architecture.width, EPS)
    last = tail[-1]
    mixed = make_divisible(FEATURE_MIX_WIDTH * architecture.width)
    head = (
        Layer("feature_mix", "conv", last.out_channels, mixed, last.out_size, last.out_size, act="relu6",
              norm_eps=EPS),
        Layer("pool", "pool", mixed, mixed, last.out_size, 1),
        Layer("classifier", "linear", mixed, architecture.classes, 1, 1, bias=True),
    )  # fmt: skip
    return Parts(stem, tuple(stages), (*tail, *head))
