"""The supernet families: each file of this folder is one family, and adding a file adds a family."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.blocks import Parts
from compofa_deploy.space.elastic_choices import ElasticChoices
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import InputError


class Family(Protocol):
    """The contents of a family's file. All weights and graphs are derived from the listed layers."""

    @property
    def CHOICES(self) -> ElasticChoices:  # noqa: N802
        """The choices that make a subnet of the family."""

    @property
    def ARCHITECTURES(self) -> tuple[Architecture, ...]:  # noqa: N802
        """The family's named architectures."""

    def list_parts(self, architecture: Architecture, subnet: Subnet) -> Parts:
        """Return the layers of a subnet, grouped into stem, stages and head."""


FAMILIES: dict[str, Family] = {
    module.name: cast(Family, import_module(f"{__name__}.{module.name}")) for module in iter_modules(__path__)
}
"""Each family by the name of its file, in alphabetical order."""


def find_family(architecture: Architecture) -> Family:
    """Return the family of an architecture.

    Raises:
        InputError: There is no such family; the message lists the families.
    """
    try:
        return FAMILIES[architecture.family]
    except KeyError:
        raise InputError(
            f"architecture {architecture.name!r} is of family {architecture.family!r}; there are {', '.join(FAMILIES)}"
        ) from None


def is_single_network(architecture: Architecture) -> bool:
    """Whether an architecture has one subnet, whose batch-norm statistics are the checkpoint's."""
    choices = find_family(architecture).CHOICES
    options = (*choices.depths, choices.expands, choices.kernels or (0,), choices.width_choices or (0,))
    return all(len(values) == 1 for values in options)
