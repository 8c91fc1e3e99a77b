"""The most promising changes of one or two blocks of a subnet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.space.choice_arrays import OPTIONS, POSITIONS, ChoiceArray, Space
from compofa_deploy.space.subnet import BLOCKS

Floats = NDArray[np.float64]

_BLOCK_OF = np.repeat(POSITIONS, OPTIONS)
_SETTING_OF = np.tile(np.arange(OPTIONS), BLOCKS)


def list_swaps(
    choices: ChoiceArray, gains: Floats, costs: Floats, slack: float, space: Space, count: int
) -> ChoiceArray:
    """Return (at most ``count``, 20): the changes of one or two blocks with the largest sums of gains.

    A setting is skipped where it is dominated in gain and cost by another setting of its block, or by no change.

    Args:
        choices: (20,): the row to change.
        gains: (20, 10): the gain of each setting of each block.
        costs: (20, 10): the cost of each setting of each block.
        slack: The largest increase of the cost.
        space: The space, of which all returned rows are members.
        count: The largest number of rows.
    """
    extra = costs - costs[POSITIONS, choices][:, None]
    moved = np.repeat(choices[None], len(_BLOCK_OF) + 1, axis=0)
    moved[np.arange(len(_BLOCK_OF)), _BLOCK_OF] = _SETTING_OF
    member = space.contains(moved[:-1]).reshape(BLOCKS, OPTIONS)
    gains = np.where(member, gains, -np.inf)
    no_worse = (gains[:, None] >= gains[..., None]) & (extra[:, None] <= extra[..., None])
    beaten = (no_worse & ~no_worse.transpose(0, 2, 1)).any(axis=2) | (choices[:, None] == np.arange(OPTIONS))
    # Behind the moves that are left stands that of no block, so that a pair may be a single swap.
    kept = np.append(np.flatnonzero(member & ~beaten), len(_BLOCK_OF))
    gain, cost = np.append(gains.ravel(), 0)[kept], np.append(extra.ravel(), 0)[kept]
    block = np.append(_BLOCK_OF, BLOCKS)[kept]
    first, second = np.nonzero((block[:, None] < block) & (cost[:, None] + cost <= slack))
    sums = gain[first] + gain[second]
    if len(sums) > count:
        top = np.argpartition(-sums, count)[:count]
        first, second = first[top], second[top]
    swapped = np.where(moved[kept[first]] != choices, moved[kept[first]], moved[kept[second]])
    members: ChoiceArray = swapped[space.contains(swapped)]
    return members
