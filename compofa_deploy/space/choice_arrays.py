"""Spaces too large to list: a subnet as an array of choices, one for each block."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.space.subnet import (
    BLOCKS,
    COUPLED_EXPAND,
    DEPTHS,
    EXPANDS,
    FIXED_KERNELS,
    KERNELS,
    MAX_DEPTH,
    STAGES,
    Subnet,
)
from latency_tables.errors import InputError

Choices = NDArray[np.int64]
"""(n, 20): what each block is set to, as an index of ``SETTINGS``, or ``ABSENT`` where it does not run."""

SETTINGS = tuple(product(KERNELS, EXPANDS))
"""Kernel size and expand ratio of a block that runs."""

ABSENT = len(SETTINGS)
OPTIONS = ABSENT + 1
POSITIONS = np.arange(BLOCKS)
RUNS_AT_DEPTH = np.arange(MAX_DEPTH) < np.array(DEPTHS)[:, None]
"""(depths, 4): which blocks of a stage run."""

_KERNEL_OF = np.array([kernel for kernel, _ in SETTINGS] + [0])
_EXPAND_OF = np.array([expand for _, expand in SETTINGS] + [0])
_PLACES = OPTIONS ** np.arange(MAX_DEPTH - 1, -1, -1)


@dataclass(frozen=True, eq=False)
class Space:
    """A set of subnets: ``allowed`` is (stages, depths, settings), what a block may be set to in a stage that has the
    depth, in the orders of ``DEPTHS`` and ``SETTINGS``."""

    name: str
    allowed: NDArray[np.bool_]

    @cached_property
    def free_depth(self) -> bool:
        """Whether a stage's depth leaves its blocks' settings alone."""
        return bool((self.allowed == self.allowed[:, :1]).all())

    @property
    def size(self) -> int:
        """How many subnets there are at one resolution."""
        settings = self.allowed.sum(axis=2).tolist()
        return prod(
            sum(count**depth for count, depth in zip(stage, DEPTHS, strict=True)) for stage in settings
        )

    def contains(self, choices: Choices) -> NDArray[np.bool_]:
        """(n,): which rows are members."""
        codes = choices.reshape(-1, STAGES, MAX_DEPTH) @ _PLACES
        member: NDArray[np.bool_] = self._members[np.arange(STAGES), codes].all(axis=1)
        return member

    @cached_property
    def _members(self) -> NDArray[np.bool_]:
        """(stages, 10^4): whether a stage may have four blocks whose choices are the digits of an index."""
        digits = np.arange(OPTIONS**MAX_DEPTH)[:, None] // _PLACES % OPTIONS
        members = np.zeros((STAGES, len(digits)), bool)
        for depth, allowed in zip(DEPTHS, self.allowed.swapaxes(0, 1), strict=True):
            absent = (digits[:, depth:] == ABSENT).all(axis=1)
            members |= absent & np.pad(allowed, ((0, 0), (0, 1)))[:, digits[:, :depth]].all(axis=2)
        return members

    def sample(self, rng: np.random.Generator, count: int) -> Choices:
        """Random members: every depth that a stage may have is as likely as another, and so is every setting that the
        depth allows."""
        possible = self.allowed.any(axis=2)
        depth = np.where(possible, rng.random((count, STAGES, len(DEPTHS))), -1).argmax(axis=2)
        allowed = self.allowed[np.arange(STAGES), depth][:, :, None]
        settings = np.where(allowed, rng.random((count, STAGES, MAX_DEPTH, ABSENT)), -1).argmax(axis=3)
        return np.where(RUNS_AT_DEPTH[depth], settings, ABSENT).reshape(count, BLOCKS)


def decode(choices: Choices) -> dict[str, NDArray[np.int64]]:
    """OFA's words for rows of choices: ``ks`` and ``e``, (n, 20), 0 where a block does not run; ``d``, (n, 5)."""
    depths = (choices.reshape(-1, STAGES, MAX_DEPTH) != ABSENT).sum(axis=2)
    return {"ks": _KERNEL_OF[choices], "e": _EXPAND_OF[choices], "d": depths}


def to_subnet(choices: Choices, resolution: int) -> Subnet:
    """The subnet of one row of choices, (20,)."""
    config = decode(choices[None])
    depths, expands, kernels = (tuple(config[word][0].tolist()) for word in ("d", "e", "ks"))
    return Subnet(depths, expands, kernels, resolution)


def from_subnet(subnet: Subnet) -> Choices:
    """(20,): what a subnet's blocks are set to."""
    pairs = zip(subnet.kernels, subnet.expands, strict=True)
    return np.array([SETTINGS.index(pair) if all(pair) else ABSENT for pair in pairs])


def _allow(coupled: bool, fixed: bool) -> NDArray[np.bool_]:
    return np.array(
        [
            [
                [
                    (not coupled or expand == COUPLED_EXPAND[depth]) and (not fixed or kernel == fixed_kernel)
                    for kernel, expand in SETTINGS
                ]
                for depth in DEPTHS
            ]
            for fixed_kernel in FIXED_KERNELS
        ]
    )


SPACES = {
    space.name: space
    for space in (
        Space("compofa", _allow(coupled=True, fixed=True)),
        Space("compofa-elastic", _allow(coupled=True, fixed=False)),
        Space("ofa", _allow(coupled=False, fixed=False)),
    )
}


def find_space(name: str) -> Space:
    """The space of that name; :class:`InputError` lists those there are."""
    try:
        return SPACES[name]
    except KeyError:
        raise InputError(f"no space {name!r}; there are {', '.join(SPACES)}") from None
