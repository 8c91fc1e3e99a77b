"""The supernet families there are: one file each, one line here."""

from __future__ import annotations

from typing import Protocol

from compofa_deploy.space import mbv3, proxyless, resnet50d
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.blocks import Parts
from compofa_deploy.space.elastic_choices import Form
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import InputError


class Family(Protocol):
    """What a family is: what its subnets choose, and the layers that follow. All weights and graphs are made from
    these."""

    @property
    def FORM(self) -> Form:  # noqa: N802
        """What its subnets choose."""

    def list_parts(self, architecture: Architecture, subnet: Subnet) -> Parts:
        """A subnet's layers."""


FAMILIES: dict[str, Family] = {"mbv3": mbv3, "proxyless": proxyless, "resnet50d": resnet50d}


def find_family(architecture: Architecture) -> Family:
    """The architecture's family; :class:`InputError` where there is none of that name."""
    try:
        return FAMILIES[architecture.family]
    except KeyError:
        raise InputError(
            f"architecture {architecture.name!r} is of family {architecture.family!r}; there are {', '.join(FAMILIES)}"
        ) from None
