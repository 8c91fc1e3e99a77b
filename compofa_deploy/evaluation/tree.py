"""Walking the tree of stage prefixes, so that the units that subnets share run once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from compofa_deploy.space.subnet import DEPTHS, STAGES
from compofa_deploy.supernet.statistics import Prefix

T = TypeVar("T")

PREFIXES = sum(len(DEPTHS) ** stages for stages in range(STAGES + 1))
"""The number of units that the whole tree runs at a resolution: the stem, and 363 prefixes of stages."""


def walk(
    run: Callable[[Prefix, T], T],
    inputs: T,
    wanted: Callable[[Prefix], bool] = lambda prefix: True,
) -> Iterator[tuple[Prefix, T]]:
    """Run every prefix of the tree once, 1 + 3 + 9 + 27 + 81 + 243 in all.

    Args:
        run: Is called with a prefix and the output of the unit before it, and runs the unit that ends the prefix. The
            unit of the empty prefix is the stem.
        inputs: The input of the stem.
        wanted: Says of a prefix whether its subtree is walked.

    Yields:
        The choices of every compound subnet with the output of its last unit, smallest subnet first.
    """

    def descend(prefix: Prefix, x: T) -> Iterator[tuple[Prefix, T]]:
        x = run(prefix, x)
        if len(prefix) == STAGES:
            yield prefix, x
            return
        for choice in range(len(DEPTHS)):
            if wanted((*prefix, choice)):
                yield from descend((*prefix, choice), x)

    yield from descend((), inputs)
