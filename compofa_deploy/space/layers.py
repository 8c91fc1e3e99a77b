"""Spaces of subnets, and the one function that lists a subnet's layers."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.elastic_choices import Form
from compofa_deploy.space.families import find_family
from compofa_deploy.space.subnet import COUPLED_EXPAND, DEPTHS, MBV3, STAGES, Subnet
from latency_tables.errors import MismatchError
from latency_tables.layer import Layer

COMPOUND_DEPTHS = tuple(product(DEPTHS, repeat=STAGES))
"""The 243 members of ``compofa``, smallest first, as five depths each; the order that every array over them has."""


@lru_cache(maxsize=4096)
def list_layers(architecture: Architecture, subnet: Subnet) -> tuple[Layer, ...]:
    """The plan of a subnet, in the order in which it runs.

    MACs, parameters, table keys, torch modules and ONNX graphs all derive from this list.
    """
    return find_family(architecture).list_parts(architecture, adapt(subnet, architecture)).join()


def adapt(subnet: Subnet, architecture: Architecture) -> Subnet:
    """The subnet as one of the architecture's family: a compound id names a subnet of each that has compound ones.

    :class:`MismatchError` where it is of another family and no compound one.
    """
    form = find_family(architecture).FORM
    if subnet.form == form:
        return subnet
    if subnet.is_compound and form.fixed_kernels:
        return Subnet.compound(subnet.depths, subnet.resolution, form)
    raise MismatchError(
        f"{subnet} is a subnet of {subnet.form.family}, and {architecture.name} is of {form.family}; "
        f"name one as in {form.example}"
    )


def count_macs(layers: tuple[Layer, ...]) -> int:
    """Multiply-accumulates for one image."""
    return sum(layer.macs for layer in layers)


def count_params(layers: tuple[Layer, ...]) -> int:
    """Trained numbers; batch-norm statistics are not counted."""
    return sum(layer.params for layer in layers)


def enumerate_compound(resolution: int) -> list[Subnet]:
    """All 243 fixed-kernel CompOFA subnets at a resolution, in the order of ``COMPOUND_DEPTHS``."""
    return [Subnet.compound(depths, resolution) for depths in COMPOUND_DEPTHS]


def largest_subnet(architecture: Architecture, resolution: int) -> Subnet:
    """The subnet that holds every weight of its supernet."""
    form = find_family(architecture).FORM
    if form.kernels and not architecture.elastic_kernel:
        return Subnet.compound([max(choices) for choices in form.depths], resolution, form)
    return Subnet.largest(resolution, form)


def sample_compound(rng: np.random.Generator, resolution: int) -> Subnet:
    """A random member of ``compofa``."""
    return Subnet.compound(tuple(int(d) for d in rng.choice(list(COUPLED_EXPAND), size=STAGES)), resolution)


def sample_ofa(rng: np.random.Generator, resolution: int, form: Form = MBV3) -> Subnet:
    """A random member of ``ofa``: every choice of a form drawn on its own."""
    kernels = rng.choice(form.kernels, size=form.block_count) if form.kernels else ()
    widths = rng.choice(form.width_choices, size=form.widths) if form.widths else ()
    return Subnet(
        tuple(int(rng.choice(choices)) for choices in form.depths),
        tuple(int(e) for e in rng.choice(form.expands, size=form.block_count)),
        tuple(int(k) for k in kernels),
        resolution,
        tuple(int(w) for w in widths),
        form,
    )
