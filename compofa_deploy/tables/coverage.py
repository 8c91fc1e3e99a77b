"""Coverage: the layers that a table needs to predict every subnet of a space."""

from __future__ import annotations

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.subnet import (
    BLOCKS,
    COUPLED_EXPAND,
    DEPTHS,
    EXPANDS,
    KERNELS,
    MAX_DEPTH,
    STAGES,
    Subnet,
)
from latency_tables.errors import InputError
from latency_tables.layer import Layer

FAMILY = "mbv3"
SPACES = ("compofa", "compofa-elastic", "ofa")


def widest_space(architecture: Architecture) -> str:
    """Return the largest space whose subnets an architecture has weights for."""
    return "ofa" if architecture.elastic_kernel else "compofa"


def list_needed(architecture: Architecture, resolution: int, space: str) -> dict[str, tuple[Layer, Subnet]]:
    """Return every layer that a subnet of a space runs, by key, with the first subnet that needs it.

    Args:
        architecture: The supernet's shape, of the family MobileNetV3.
        resolution: The resolution in pixels.
        space: The name of the space.

    Raises:
        InputError: The architecture is of another family, or there is no such space.
    """
    if architecture.family != FAMILY:
        raise InputError(
            f"{architecture.name} is of the family {architecture.family}; tables are imported and exported for {FAMILY}"
        )
    needed: dict[str, tuple[Layer, Subnet]] = {}
    for subnet in _cover(space, resolution):
        for layer in list_layers(architecture, subnet):
            needed.setdefault(layer.key, (layer, subnet))
    return needed


def _cover(space: str, resolution: int) -> list[Subnet]:
    """Return subnets that together run every layer of the space. A layer depends on its own block's setting alone."""
    if space not in SPACES:
        raise InputError(f"no space {space!r}; there are {', '.join(SPACES)}")
    if space == "compofa":
        return [Subnet.compound((depth,) * STAGES, resolution) for depth in DEPTHS]
    settings = [(d, COUPLED_EXPAND[d]) for d in DEPTHS] if space == "compofa-elastic" else [
        (MAX_DEPTH, e) for e in EXPANDS
    ]  # fmt: skip
    return [
        Subnet((depth,) * STAGES, (expand,) * BLOCKS, (kernel,) * BLOCKS, resolution)
        for depth, expand in settings
        for kernel in KERNELS
    ]
