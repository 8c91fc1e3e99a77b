"""The baseline: one fixed network, measured beside every bundle, through which results of different days are compared.

It has random weights and the architecture of the supernet that ships. So it needs no file, and fits every runtime. A
test holds it fixed, since a different baseline would make earlier results incomparable.
"""

from __future__ import annotations

from dataclasses import replace

from compofa_deploy.graph.form import choose_form
from compofa_deploy.graph.reference_network import make_reference
from compofa_deploy.space.named_architectures import find_architecture
from latency_tables.device import DeviceSpec
from latency_tables.item import Item

ARCHITECTURE = find_architecture("mbv3-w0.75-cifar10")


def make_baseline(spec: DeviceSpec) -> tuple[Item, bytes]:
    """The baseline for a device spec: its item in a kit, and its model."""
    form = choose_form(spec.runtime, spec.precision)
    return make_reference(ARCHITECTURE, ARCHITECTURE.resolutions, spec.batch, form)


def is_same_baseline(mine: Item, other: Item) -> bool:
    """Whether two runs timed the same network. The values of its weights do not matter, since numpy draws them."""
    return replace(mine, sha256="") == replace(other, sha256="")
