"""The architectures that have a name, from every family."""

from __future__ import annotations

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.families import FAMILIES
from latency_tables.errors import InputError

ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture for family in FAMILIES.values() for architecture in family.ARCHITECTURES
}


def find_architecture(name: str) -> Architecture:
    """Return the architecture of that name.

    Raises:
        InputError: No architecture has this name; the message lists the names.
    """
    try:
        return ARCHITECTURES[name]
    except KeyError:
        raise InputError(f"no architecture {name!r}; there are {', '.join(ARCHITECTURES)}") from None
