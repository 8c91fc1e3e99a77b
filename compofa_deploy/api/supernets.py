"""Supernets that ship, and the size of a supernet's subnets."""

from __future__ import annotations

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import count_params, largest_subnet, list_layers
from compofa_deploy.supernet.stored import built_in_folder


def list_supernets() -> dict[str, int]:
    """Lists the supernets that ship.

    Returns:
        The size of each supernet's file in bytes, by the supernet's name.
    """
    return {path.stem: path.stat().st_size for path in sorted(built_in_folder().glob("*.safetensors"))}


def count_largest_params(architecture: Architecture) -> int:
    """Counts the parameters of an architecture's largest subnet."""
    largest = largest_subnet(architecture, architecture.resolutions[-1])
    return count_params(list_layers(architecture, largest))
