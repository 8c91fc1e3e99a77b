"""Building the kit of an architecture: every layer alone, and whole networks that cover the space."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from compofa_deploy.graph.form import PLAIN, GraphForm
from compofa_deploy.graph.network import build_layer
from compofa_deploy.graph.random_weights import draw_repeating_weights
from compofa_deploy.graph.reference_network import make_network, make_reference
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.stage_units import list_units
from compofa_deploy.space.subnet import DEPTHS, STAGES, Subnet
from latency_tables.errors import InputError
from latency_tables.item import Item
from latency_tables.layer import Layer
from profilers.measuring.kit import Kit, make_item, write_kit


def choose_networks(resolutions: Sequence[int]) -> list[Subnet]:
    """Return the networks that calibrate a table: 27 subnets, and the smallest and largest at each resolution.

    The 27 are a linear orthogonal array of strength 2 (Bose and Bush, 1952): each pair of stages takes each pair of
    choices three times. The resolutions in pixels are spread over them about equally often.
    """
    subnets = []
    for a, b, c in product(range(3), repeat=3):
        levels = (a, b, c, (a + b + c) % 3, (a + 2 * b) % 3)
        # Three resolutions are one more column of the array; these factors spread any other number of them as well.
        turn = (4 * a + 13 * b + 11 * c) % len(resolutions)
        subnets.append(Subnet.compound([DEPTHS[level] for level in levels], resolutions[turn]))
    extremes = [Subnet.compound((d,) * STAGES, r) for r in resolutions for d in (min(DEPTHS), max(DEPTHS))]
    return list(dict.fromkeys([*subnets, *extremes]))


def build_kit(
    architecture: Architecture,
    resolutions: Sequence[int],
    batch: int,
    folder: Path,
    form: GraphForm = PLAIN,
) -> Kit:
    """Write the kit of an architecture. Its weights are random, since latency does not depend on them.

    Args:
        architecture: The architecture.
        resolutions: The resolutions in pixels, at least one.
        batch: The batch size.
        folder: A new or empty folder.
        form: The graph's form, which is that of the runtime to be measured.

    Raises:
        InputError: There is no resolution.
    """
    if not resolutions:
        raise InputError("a kit needs at least one resolution")
    rng = np.random.default_rng(0)
    items: list[tuple[Item, bytes]] = []
    for number, layer in enumerate(_list_distinct(architecture, resolutions)):
        layer = replace(layer, name=f"layer{number}")
        model = build_layer(layer, draw_repeating_weights([layer], rng), batch, form)
        items.append(
            (
                make_item(
                    f"layer-{number}",
                    "layer",
                    model,
                    layers=(layer.key,),
                    label=layer.key,
                    input_shape=(batch, layer.in_channels, layer.in_size, layer.in_size),
                ),
                model,
            )
        )
    items += _make_networks(
        architecture, choose_networks(resolutions), resolutions, batch, form, timed_by_layer=True
    )
    return write_kit(folder, architecture.to_dict(), items)


def build_network_kit(
    architecture: Architecture,
    subnets: Sequence[Subnet],
    resolutions: Sequence[int],
    batch: int,
    folder: Path,
    form: GraphForm = PLAIN,
) -> Kit:
    """Write a kit of networks alone, with the reference network.

    Args:
        architecture: The architecture.
        subnets: The networks.
        resolutions: The resolutions in pixels, whose middle is the reference network's.
        batch: The batch size.
        folder: A new or empty folder.
        form: The graph's form, which is that of the runtime to be measured.
    """
    items = _make_networks(architecture, subnets, resolutions, batch, form)
    return write_kit(folder, architecture.to_dict(), items)


def _make_networks(
    architecture: Architecture,
    subnets: Iterable[Subnet],
    resolutions: Sequence[int],
    batch: int,
    form: GraphForm,
    timed_by_layer: bool = False,
) -> list[tuple[Item, bytes]]:
    """Return the networks and last the reference network. ``timed_by_layer``: their time is divided over layers."""
    items = [make_network(architecture, subnet, batch, "network", form, timed_by_layer) for subnet in subnets]
    return [*items, make_reference(architecture, resolutions, batch, form)]


def _list_distinct(architecture: Architecture, resolutions: Iterable[int]) -> list[Layer]:
    """Return every layer that a compound subnet may have, once for each key."""
    found: dict[str, Layer] = {}
    for resolution in resolutions:
        units = list_units(architecture, resolution)
        stages = [layer for stage in units.stages for unit in stage for layer in unit]
        for layer in (*units.stem, *stages, *units.head):
            found.setdefault(layer.key, layer)
    return list(found.values())
