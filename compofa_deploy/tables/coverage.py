"""Which layers a table must have for every subnet of a space to be predicted."""

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
    """The largest space that an architecture has subnets for."""
    return "ofa" if architecture.elastic_kernel else "compofa"


def list_needed(architecture: Architecture, resolution: int, space: str) -> dict[str, tuple[Layer, Subnet]]:
    """Every layer that a subnet of the space runs at a resolution, by key, with the first subnet that needs it.

    :class:`InputError` where the architecture is no MobileNetV3, or there is no such space.
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


def list_fixed(architecture: Architecture, resolution: int) -> set[str]:
    """The keys of the layers that every subnet runs, once each: what is before the stages and behind them."""
    plans = [list_layers(architecture, subnet) for subnet in _cover("compofa", resolution)]
    return set.intersection(*({layer.key for layer in plan} for plan in plans))


def _cover(space: str, resolution: int) -> list[Subnet]:
    """Subnets that run every layer of the space: what a block costs depends on its own setting alone."""
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
