"""Schedules: the items of a kit that are measured, and the order of their sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from profilers.runtimes.registry import find_runtime

if TYPE_CHECKING:
    import numpy as np

    from latency_tables.device import DeviceSpec
    from latency_tables.item import Item
    from profilers.measuring.kit import Kit
    from profilers.measuring.plan import Plan


def schedule(items: Sequence[Item], plan: Plan, rng: np.random.Generator) -> list[tuple[Item, int]]:
    """All sessions as pairs of an item and the session's number.

    Each round measures every item that has sessions left, in an order of its own, so that drift meets all items alike.
    """
    order = []
    for session in range(max((plan.sessions(item) for item in items), default=0)):
        there = [item for item in items if session < plan.sessions(item)]
        order += [(there[i], session) for i in rng.permutation(len(there))]
    return order


def list_measured(kit: Kit, spec: DeviceSpec) -> tuple[Item, ...]:
    """The items to measure under a device spec.

    A layer is not measured alone where the runtime can profile it within a network. Its time there, among its
    neighbours and with the caches that they leave, is the one that a table needs.
    """
    if not find_runtime(spec.runtime).profiles(spec):
        return kit.measured
    seen = {key for item in kit.measured if item.layer_names for key in item.layers}
    return tuple(item for item in kit.measured if item.kind != "layer" or item.layers[0] not in seen)
