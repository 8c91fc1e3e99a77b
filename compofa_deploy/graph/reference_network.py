"""Networks of random weights as items of a kit, among them the reference network that is timed beside all others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compofa_deploy.graph.form import PLAIN, GraphForm
from compofa_deploy.graph.network import build_network
from compofa_deploy.graph.random_weights import draw_repeating_weights
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.families import find_family
from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.subnet import STAGES, Subnet
from latency_tables.item import Item
from profilers.measuring.kit import make_item

MIDDLE_DEPTHS = (3,) * STAGES


def middle_subnet(architecture: Architecture, resolutions: Sequence[int]) -> Subnet:
    """Return the subnet of the reference network: the middle of every choice, at the middle resolution.

    Args:
        architecture: The architecture.
        resolutions: The resolutions in pixels.
    """
    choices = find_family(architecture).CHOICES
    resolution = _find_middle(resolutions)
    if choices.fixed_kernels:
        return Subnet.compound(MIDDLE_DEPTHS, resolution)
    return Subnet(
        tuple(_find_middle(allowed) for allowed in choices.depths),
        (_find_middle(choices.expands),) * choices.block_count,
        (_find_middle(choices.kernels),) * choices.block_count if choices.kernels else (),
        resolution,
        (_find_middle(choices.width_choices),) * choices.widths if choices.widths else (),
        choices,
    )


def _find_middle(values: Sequence[int]) -> int:
    return sorted(values)[len(values) // 2]


def build_reference(architecture: Architecture, batch: int, form: GraphForm = PLAIN) -> bytes:
    """Return the ONNX model of the reference network at the architecture's own resolutions.

    Args:
        architecture: The architecture.
        batch: The batch size.
        form: The graph's form.
    """
    return make_reference(architecture, architecture.resolutions, batch, form)[1]


def make_reference(
    architecture: Architecture, resolutions: Sequence[int], batch: int, form: GraphForm = PLAIN
) -> tuple[Item, bytes]:
    """Return the reference network of a kit: its entry and its ONNX model.

    Args:
        architecture: The architecture.
        resolutions: The kit's resolutions in pixels.
        batch: The batch size.
        form: The graph's form.
    """
    return make_network(architecture, middle_subnet(architecture, resolutions), batch, "reference", form)


def make_network(
    architecture: Architecture,
    subnet: Subnet,
    batch: int,
    kind: str,
    form: GraphForm,
    timed_by_layer: bool = False,
) -> tuple[Item, bytes]:
    """Return a network of random weights: its entry in a kit and its ONNX model.

    Args:
        architecture: The architecture.
        subnet: The subnet.
        batch: The batch size.
        kind: The entry's kind, ``network`` or ``reference``.
        form: The graph's form.
        timed_by_layer: Whether the network's time is to be divided over its layers.
    """
    layers = list_layers(architecture, subnet)
    model = build_network(
        layers, draw_repeating_weights(layers, np.random.default_rng(0)), batch=batch, form=form
    )
    side = subnet.resolution
    item = make_item(
        f"{kind}-{subnet.id}",
        kind,
        model,
        layers=tuple(layer.key for layer in layers),
        label=subnet.id,
        input_shape=(batch, 3, side, side),
        layer_names=tuple(layer.name for layer in layers) if timed_by_layer else (),
    )
    return item, model
