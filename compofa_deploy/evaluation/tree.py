"""Walking the tree of stage prefixes, so that what subnets share runs once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from compofa_deploy.space.subnet import DEPTHS, STAGES
from compofa_deploy.supernet.statistics import Prefix

T = TypeVar("T")

PREFIXES = sum(len(DEPTHS) ** stages for stages in range(STAGES + 1))
"""How many units the whole tree runs at a resolution: the stem, and the 363 prefixes of stages."""


def walk(
    run: Callable[[Prefix, T], T],
    inputs: T,
    wanted: Callable[[Prefix], bool] = lambda prefix: True,
) -> Iterator[tuple[Prefix, T]]:
    """Yield every compound subnet's choices and what ``run`` made of the inputs along them, smallest first.

    ``run(prefix, x)`` runs the unit that ends a prefix (the stem for the empty one) on what the unit before it gave;
    it is called once for each prefix: 1 + 3 + 9 + 27 + 81 + 243 times. Prefixes that are not ``wanted`` are left out
    with all that follows from them.
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
