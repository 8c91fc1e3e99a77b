"""Sampling the subnets that a step trains, and their expected cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import count_macs, largest_subnet, list_layers, sample_compound
from compofa_deploy.space.subnet import (
    BLOCKS,
    COUPLED_EXPAND,
    DEPTHS,
    EXPANDS,
    FIXED_KERNELS,
    KERNELS,
    MAX_DEPTH,
    MBV3_CHOICES,
    STAGES,
    Subnet,
)
from compofa_deploy.training.recipe import Phase

_DEPTH_OF = {"largest": max(DEPTHS), "smallest": min(DEPTHS)}


def draw_subnets(
    phase: Phase, architecture: Architecture, resolution: int, rng: np.random.Generator
) -> list[Subnet]:
    """Return the subnets of one step: those that every step trains, in the order of the recipe, then drawn ones.

    Args:
        phase: The phase of the recipe.
        architecture: The supernet's shape.
        resolution: The side of the step's images, in pixels.
        rng: The source of randomness.
    """
    always = [Subnet.compound((_DEPTH_OF[name],) * STAGES, resolution) for name in phase.always]
    drawn = range(phase.subnets_per_step - len(always))
    return always + [draw_subnet(phase, architecture, resolution, rng) for _ in drawn]


def draw_subnet(
    phase: Phase, architecture: Architecture, resolution: int, rng: np.random.Generator
) -> Subnet:
    """Draw a member of the phase's space, uniformly except for the shares of the two extremes.

    Args:
        phase: The phase of the recipe.
        architecture: The supernet's shape.
        resolution: The subnet's resolution, in pixels.
        rng: The source of randomness.
    """
    if phase.subnets == "largest":
        return largest_subnet(architecture, resolution)
    if phase.subnets == "compofa":
        draw = rng.random()
        if draw < phase.largest_share:
            return Subnet.compound((max(DEPTHS),) * STAGES, resolution)
        if draw < phase.largest_share + phase.smallest_share:
            return Subnet.compound((min(DEPTHS),) * STAGES, resolution)
        return sample_compound(rng, resolution)
    blocks = MBV3_CHOICES.block_count
    kernels = tuple(int(k) for k in rng.choice(phase.kernels or KERNELS, size=blocks))
    if phase.subnets == "compofa-elastic":
        coupled = sample_compound(rng, resolution)
        running = MBV3_CHOICES.mask(coupled.depths)
        return replace(
            coupled, kernels=tuple(k if runs else 0 for k, runs in zip(kernels, running, strict=True))
        )
    depths = tuple(int(d) for d in rng.choice(phase.depths or DEPTHS, size=STAGES))
    expands = tuple(int(e) for e in rng.choice(phase.expands or EXPANDS, size=blocks))
    return Subnet(depths, expands, kernels, resolution)


def step_macs(phase: Phase, architecture: Architecture) -> float:
    """Return the expected multiply-accumulates of a step's subnets together, for one image, forward."""
    drawn = (phase.subnets_per_step - len(phase.always)) * mean_macs(phase, architecture)
    always = [
        _count(architecture, Subnet.compound((_DEPTH_OF[name],) * STAGES, side))
        for name in phase.always
        for side in phase.resolutions
    ]
    return drawn + sum(always) / len(phase.resolutions)


def mean_macs(phase: Phase, architecture: Architecture) -> float:
    """Return the expected multiply-accumulates of a drawn subnet for one image, forward, over draws and resolutions."""
    return float(np.mean([_mean_macs_at(phase, architecture, side) for side in phase.resolutions]))


def teacher_macs(phase: Phase, architecture: Architecture) -> float:
    """Return the teacher's multiply-accumulates for one image, forward: the mean over the phase's resolutions."""
    sides = phase.resolutions
    return float(np.mean([_count(architecture, largest_subnet(architecture, side)) for side in sides]))


def _mean_macs_at(phase: Phase, architecture: Architecture, side: int) -> float:
    if phase.subnets == "largest":
        return _count(architecture, largest_subnet(architecture, side))
    if phase.subnets == "ofa":
        pairs = list(product(phase.depths or DEPTHS, phase.expands or EXPANDS))
    else:
        pairs = list(COUPLED_EXPAND.items())
    uniform = _mean_over(pairs, phase, architecture, side)
    largest, smallest = (
        _count(architecture, Subnet.compound((depth,) * STAGES, side)) for depth in (max(DEPTHS), min(DEPTHS))
    )
    extremes = phase.largest_share * largest + phase.smallest_share * smallest
    return (1 - phase.largest_share - phase.smallest_share) * uniform + extremes


def _mean_over(
    pairs: Sequence[tuple[int, int]], phase: Phase, architecture: Architecture, side: int
) -> float:
    """Return the exact expectation over uniform draws.

    A block costs the same whatever the other blocks are, so that the expectation is a sum over blocks. ``pairs`` are
    the depths and expand ratios that a stage draws from.
    """
    full = (MAX_DEPTH,) * STAGES
    kernels = [(kernel,) * BLOCKS for kernel in phase.kernels or KERNELS]
    if phase.subnets == "compofa":
        kernels = [MBV3_CHOICES.spread(full, [k for k in FIXED_KERNELS for _ in range(MAX_DEPTH)])]
    total, around = 0.0, 0.0
    for expand in {expand for _, expand in pairs}:
        reached = [depth for depth, e in pairs if e == expand]
        for sizes in kernels:
            layers = list_layers(architecture, Subnet(full, (expand,) * BLOCKS, sizes, side))
            blocks = {layer.name: layer.macs for layer in layers}
            own = [blocks.pop(f"blocks.{1 + i}") for i in range(BLOCKS)]
            around = sum(blocks.values())
            running = (sum(depth > i % MAX_DEPTH for depth in reached) for i in range(BLOCKS))
            total += sum(m * r for m, r in zip(own, running, strict=True)) / len(pairs) / len(kernels)
    return total + around


def _count(architecture: Architecture, subnet: Subnet) -> float:
    return float(count_macs(list_layers(architecture, subnet)))
