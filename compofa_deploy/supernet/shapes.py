"""The names and shapes of a supernet's arrays, from its architecture alone."""

from __future__ import annotations

from functools import lru_cache

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import largest_subnet, list_layers
from compofa_deploy.supernet.cut import list_shapes
from latency_tables.layer import Layer


@lru_cache(maxsize=64)
def list_supernet_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Return the shape of every array of a supernet by its name, in the order in which the layers run."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in list_layers(architecture, largest_subnet(architecture, architecture.resolutions[-1])):
        parts = list_shapes(layer)
        if architecture.elastic_kernel:
            parts |= list_matrices(layer)
        shapes |= {f"{layer.name}.{part}": shape for part, shape in parts.items()}
    return shapes


def list_matrices(layer: Layer) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the matrices that cut smaller kernels of a layer (Once-for-All, section 3.3), by name."""
    if not layer.has_expansion:
        return {}
    return {
        f"depthwise.matrix_{size}to{size - 2}": ((size - 2) ** 2,) * 2 for size in range(layer.kernel, 3, -2)
    }
