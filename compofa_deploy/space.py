"""Spaces of subnets, and the one function that lists a subnet's layers."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np

from compofa_deploy.architecture import Architecture
from compofa_deploy.subnet import BLOCKS, COUPLED_EXPAND, DEPTHS, EXPANDS, KERNELS, MAX_DEPTH, STAGES, Subnet
from compofa_deploy.supernet.families import find_family
from latency_tables.layer import Layer

COMPOUND_DEPTHS = tuple(product(DEPTHS, repeat=STAGES))
"""The 243 members of ``compofa``, smallest first, as five depths each; the order that every array over them has."""


@lru_cache(maxsize=4096)
def list_layers(architecture: Architecture, subnet: Subnet) -> tuple[Layer, ...]:
    """The plan of a subnet, in the order in which it runs.

    MACs, parameters, table keys, torch modules and ONNX graphs all derive from this list.
    """
    family = find_family(architecture)
    layers = family.list_stem(architecture, subnet.resolution)
    for stage, depth in enumerate(subnet.depths):
        blocks = slice(stage * MAX_DEPTH, stage * MAX_DEPTH + depth)
        layers += family.list_stage(
            architecture, stage, subnet.expands[blocks], subnet.kernels[blocks], subnet.resolution
        )
    return tuple(layers + family.list_head(architecture, subnet.resolution))


def count_macs(layers: tuple[Layer, ...]) -> int:
    """Multiply-accumulates for one image."""
    return sum(layer.macs for layer in layers)


def count_params(layers: tuple[Layer, ...]) -> int:
    """Trained numbers; batch-norm statistics are not counted."""
    return sum(layer.params for layer in layers)


def enumerate_compound(resolution: int) -> list[Subnet]:
    """All 243 fixed-kernel CompOFA subnets at a resolution, in the order of ``COMPOUND_DEPTHS``."""
    return [Subnet.compound(depths, resolution) for depths in COMPOUND_DEPTHS]


def largest_subnet(architecture: Architecture, resolution: int) -> Subnet:
    """The subnet that holds every weight of its supernet."""
    if not architecture.elastic_kernel:
        return Subnet.compound((max(DEPTHS),) * STAGES, resolution)
    return Subnet((max(DEPTHS),) * STAGES, (max(EXPANDS),) * BLOCKS, (max(KERNELS),) * BLOCKS, resolution)


def sample_compound(rng: np.random.Generator, resolution: int) -> Subnet:
    """A random member of ``compofa``."""
    return Subnet.compound(tuple(int(d) for d in rng.choice(list(COUPLED_EXPAND), size=STAGES)), resolution)


def sample_ofa(rng: np.random.Generator, resolution: int) -> Subnet:
    """A random member of ``ofa``: every depth, expand ratio and kernel size drawn on its own."""
    return Subnet(
        tuple(int(d) for d in rng.choice(DEPTHS, size=STAGES)),
        tuple(int(e) for e in rng.choice(EXPANDS, size=BLOCKS)),
        tuple(int(k) for k in rng.choice(KERNELS, size=BLOCKS)),
        resolution,
    )
