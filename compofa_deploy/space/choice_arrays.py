"""Spaces that are too large to list: a subnet as an array of choices, one for each block."""

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

ChoiceArray = NDArray[np.int64]
"""(n, 20): the setting of each block as an index of ``SETTINGS``, or ``ABSENT`` where the block does not run."""

SETTINGS = tuple(product(KERNELS, EXPANDS))
"""The pairs of kernel size and expand ratio that a block may have."""

ABSENT = len(SETTINGS)
OPTIONS = ABSENT + 1
POSITIONS = np.arange(BLOCKS)
RUNS_AT_DEPTH = np.arange(MAX_DEPTH) < np.array(DEPTHS)[:, None]
"""(depths, 4): whether each block of a stage runs."""

_KERNEL_OF = np.array([kernel for kernel, _ in SETTINGS] + [0])
_EXPAND_OF = np.array([expand for _, expand in SETTINGS] + [0])
_PLACES = OPTIONS ** np.arange(MAX_DEPTH - 1, -1, -1)


@dataclass(frozen=True, eq=False)
class Space:
    """A set of subnets.

    Attributes:
        name: The space's name.
        allowed: (stages, depths, settings): whether a block of the stage may have the setting where the stage has
            the depth, in the orders of ``DEPTHS`` and ``SETTINGS``.
    """

    name: str
    allowed: NDArray[np.bool_]

    @cached_property
    def free_depth(self) -> bool:
        """Whether the allowed settings of a stage's blocks are the same at every depth."""
        return bool((self.allowed == self.allowed[:, :1]).all())

    @property
    def size(self) -> int:
        """The number of subnets at one resolution."""
        settings = self.allowed.sum(axis=2).tolist()
        return prod(
            sum(count**depth for count, depth in zip(stage, DEPTHS, strict=True)) for stage in settings
        )

    def contains(self, choices: ChoiceArray) -> NDArray[np.bool_]:
        """Return (n,): whether each row is a member."""
        codes = choices.reshape(-1, STAGES, MAX_DEPTH) @ _PLACES
        member: NDArray[np.bool_] = self._members[np.arange(STAGES), codes].all(axis=1)
        return member

    @cached_property
    def _members(self) -> NDArray[np.bool_]:
        """(stages, 10^4): whether a stage may have the four choices that are the digits of the index."""
        digits = np.arange(OPTIONS**MAX_DEPTH)[:, None] // _PLACES % OPTIONS
        members = np.zeros((STAGES, len(digits)), bool)
        for depth, allowed in zip(DEPTHS, self.allowed.swapaxes(0, 1), strict=True):
            absent = (digits[:, depth:] == ABSENT).all(axis=1)
            members |= absent & np.pad(allowed, ((0, 0), (0, 1)))[:, digits[:, :depth]].all(axis=2)
        return members

    def sample(self, rng: np.random.Generator, count: int) -> ChoiceArray:
        """Return (count, 20): random members, uniform over each stage's depths and then over each block's settings.

        Args:
            rng: The random generator.
            count: The number of members.
        """
        possible = self.allowed.any(axis=2)
        depth = np.where(possible, rng.random((count, STAGES, len(DEPTHS))), -1).argmax(axis=2)
        allowed = self.allowed[np.arange(STAGES), depth][:, :, None]
        settings = np.where(allowed, rng.random((count, STAGES, MAX_DEPTH, ABSENT)), -1).argmax(axis=3)
        return np.where(RUNS_AT_DEPTH[depth], settings, ABSENT).reshape(count, BLOCKS)


def decode(choices: ChoiceArray) -> dict[str, NDArray[np.int64]]:
    """Return OFA's config of rows of choices: ``ks`` and ``e`` (n, 20), 0 where a block does not run; ``d`` (n, 5)."""
    depths = (choices.reshape(-1, STAGES, MAX_DEPTH) != ABSENT).sum(axis=2)
    return {"ks": _KERNEL_OF[choices], "e": _EXPAND_OF[choices], "d": depths}


def to_subnet(choices: ChoiceArray, resolution: int) -> Subnet:
    """Return the subnet of one row of choices, (20,), at a resolution in pixels."""
    config = decode(choices[None])
    depths, expands, kernels = (tuple(config[word][0].tolist()) for word in ("d", "e", "ks"))
    return Subnet(depths, expands, kernels, resolution)


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
    """Return the space of that name.

    Raises:
        InputError: There is no such space; the message lists the spaces.
    """
    try:
        return SPACES[name]
    except KeyError:
        raise InputError(f"no space {name!r}; there are {', '.join(SPACES)}") from None
