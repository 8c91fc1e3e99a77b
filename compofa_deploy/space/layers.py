"""The layers of a subnet, and the compound subnets."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.families import find_family
from compofa_deploy.space.subnet import COUPLED_EXPAND, DEPTHS, STAGES, Subnet
from latency_tables.errors import MismatchError
from latency_tables.layer import Layer

COMPOUND_DEPTHS = tuple(product(DEPTHS, repeat=STAGES))
"""The 243 members of ``compofa``, smallest first, as five depths each. Arrays over them have this order."""


@lru_cache(maxsize=4096)
def list_layers(architecture: Architecture, subnet: Subnet) -> tuple[Layer, ...]:
    """Return a subnet's layers in the order in which they run.

    MACs, parameters, table keys, torch modules and ONNX graphs all derive from this list.

    Args:
        architecture: The supernet's shape.
        subnet: A subnet of the architecture's family, or a compound subnet of another.

    Raises:
        MismatchError: The subnet is of another family and not compound.
    """
    return find_family(architecture).list_parts(architecture, convert_subnet(subnet, architecture)).join()


def convert_subnet(subnet: Subnet, architecture: Architecture) -> Subnet:
    """Return the subnet of the architecture's family that has the same id.

    A compound id names one subnet of each family that has compound subnets.

    Args:
        subnet: A subnet of any family.
        architecture: An architecture of the wanted family.

    Raises:
        MismatchError: The subnet is of another family and not compound.
    """
    choices = find_family(architecture).CHOICES
    if subnet.choices == choices:
        return subnet
    if subnet.is_compound and choices.fixed_kernels:
        return Subnet.compound(subnet.depths, subnet.resolution, choices)
    raise MismatchError(
        f"{subnet} is a subnet of {subnet.choices.family}, and {architecture.name} is of {choices.family}; "
        f"name one as in {choices.example}"
    )


def count_macs(layers: tuple[Layer, ...]) -> int:
    """Return the multiply-accumulates for one image."""
    return sum(layer.macs for layer in layers)


def count_params(layers: tuple[Layer, ...]) -> int:
    """Return the number of trained parameters; batch-norm statistics are not counted."""
    return sum(layer.params for layer in layers)


def enumerate_compound(resolution: int) -> list[Subnet]:
    """Return all 243 fixed-kernel CompOFA subnets at a resolution in pixels, in the order of ``COMPOUND_DEPTHS``."""
    return [Subnet.compound(depths, resolution) for depths in COMPOUND_DEPTHS]


def largest_subnet(architecture: Architecture, resolution: int) -> Subnet:
    """Return the subnet that holds every weight of its supernet.

    Args:
        architecture: The supernet's shape.
        resolution: The side of the input in pixels.
    """
    choices = find_family(architecture).CHOICES
    if choices.fixed_kernels and not architecture.elastic_kernel:
        return Subnet.compound([max(allowed) for allowed in choices.depths], resolution, choices)
    return Subnet.largest(resolution, choices)


def sample_compound(rng: np.random.Generator, resolution: int) -> Subnet:
    """Return a random member of ``compofa`` at a resolution in pixels."""
    return Subnet.compound(tuple(int(d) for d in rng.choice(list(COUPLED_EXPAND), size=STAGES)), resolution)
