"""The baseline: one network, timed in between whatever is measured, so that other days' results can be held beside.

It is of random weights and of the architecture that ships, so that it needs no file, and fits every runtime. A release
that built another one would make what came before incomparable: a test holds it.
"""

from __future__ import annotations

from dataclasses import replace

from compofa_deploy.graph.form import choose_form
from compofa_deploy.graph.reference_network import make_reference
from compofa_deploy.space.architecture import find_architecture
from latency_tables.device import DeviceSpec
from latency_tables.measurement import Item

ARCHITECTURE = find_architecture("mbv3-w0.75-cifar10")


def make_baseline(spec: DeviceSpec) -> tuple[Item, bytes]:
    """The baseline for a device spec, as the entry of a kit and as a model."""
    form = choose_form(spec.runtime, spec.precision)
    return make_reference(ARCHITECTURE, ARCHITECTURE.resolutions, spec.batch, form)


def is_same_baseline(mine: Item, other: Item) -> bool:
    """Whether two runs timed the same network. The values of its weights, which numpy draws, do not matter."""
    return replace(mine, sha256="") == replace(other, sha256="")
