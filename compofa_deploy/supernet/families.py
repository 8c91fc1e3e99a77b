"""The supernet families there are: one file each, one line here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from compofa_deploy.architecture import Architecture
from compofa_deploy.supernet import mbv3
from latency_tables.errors import InputError
from latency_tables.layer import Layer


class Family(Protocol):
    """How a family lists its layers. All weights and graphs are made from these lists."""

    def list_stem(self, architecture: Architecture, resolution: int) -> list[Layer]:
        """What runs before the first stage."""

    def list_stage(
        self,
        architecture: Architecture,
        stage: int,
        expands: Sequence[int],
        kernels: Sequence[int],
        resolution: int,
    ) -> list[Layer]:
        """The blocks of one stage, one for each expand ratio given."""

    def list_head(self, architecture: Architecture, resolution: int) -> list[Layer]:
        """What runs behind the last stage."""


FAMILIES: dict[str, Family] = {"mbv3": mbv3}


def find_family(architecture: Architecture) -> Family:
    """The architecture's family; :class:`InputError` where there is none of that name."""
    try:
        return FAMILIES[architecture.family]
    except KeyError:
        raise InputError(
            f"architecture {architecture.name!r} is of family {architecture.family!r}; there are {', '.join(FAMILIES)}"
        ) from None
