"""What arrays a supernet has: names and shapes, from its architecture alone."""

from __future__ import annotations

from functools import lru_cache

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import largest_subnet, list_layers
from compofa_deploy.supernet.cut import list_shapes
from latency_tables.layer import Layer


@lru_cache(maxsize=64)
def list_supernet_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Name and shape of every array of a supernet, in the order in which its layers run."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in list_layers(architecture, largest_subnet(architecture, architecture.resolutions[-1])):
        parts = list_shapes(layer)
        if architecture.elastic_kernel:
            parts |= list_matrices(layer)
        shapes |= {f"{layer.name}.{part}": shape for part, shape in parts.items()}
    return shapes


def list_matrices(layer: Layer) -> dict[str, tuple[int, ...]]:
    """The matrices that cut the smaller kernels of an elastic layer from its largest (Once-for-All, section 3.3)."""
    if not layer.has_expansion:
        return {}
    return {
        f"depthwise.matrix_{size}to{size - 2}": ((size - 2) ** 2,) * 2 for size in range(layer.kernel, 3, -2)
    }
