"""OFA's one-hot encoding of a subnet, which accuracy predictors read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import gcd

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compofa_deploy.space.subnet import BLOCKS, DEPTHS, EXPANDS, KERNELS, MAX_DEPTH, STAGES, Subnet
from latency_tables.errors import InputError
from latency_tables.field_rule import rule
from latency_tables.record import Record

Array = NDArray[np.float32]

BLOCK_FEATURES = BLOCKS * (len(KERNELS) + len(EXPANDS))


@dataclass(frozen=True)
class Encoding(Record):
    """The resolutions that an encoding has places for.

    A resolution between two places takes the lower one, as in OFA.

    Attributes:
        first: The lowest resolution in pixels.
        step: The distance of the places in pixels.
        count: The number of places.

    Raises:
        InputError: One of the three is below 1.
    """

    first: int = field(metadata=rule(minimum=1))
    step: int = field(metadata=rule(minimum=1))
    count: int = field(metadata=rule(minimum=1))

    def __post_init__(self) -> None:
        if min(self.first, self.step, self.count) < 1:
            raise InputError(f"an encoding's first, step and count are each at least 1; got {self}")

    @classmethod
    def of_resolutions(cls, resolutions: Sequence[int]) -> Encoding:
        """The encoding with the fewest places that distinguishes these resolutions.

        >>> Encoding.of_resolutions([32, 24, 28])
        Encoding(first=24, step=4, count=3)
        """
        first, last = min(resolutions), max(resolutions)
        step = gcd(*(resolution - first for resolution in resolutions)) or 1
        return cls(first, step, (last - first) // step + 1)

    @property
    def size(self) -> int:
        """The number of features of a subnet."""
        return BLOCK_FEATURES + self.count

    @property
    def last(self) -> int:
        """The highest resolution that has a place."""
        return self.first + self.step * self.count - 1

    def check_resolution(self, resolution: int) -> None:
        """:class:`InputError` where the resolution has no place."""
        if not self.first <= resolution <= self.last:
            raise InputError(
                f"the accuracy predictor knows resolutions from {self.first} to {self.last} px, not {resolution}; "
                "choose one of those, or fit a predictor to subnets evaluated at yours"
            )


OFA_ENCODING = Encoding(112, 16, 8)
"""The encoding that OFA's published predictor was trained with."""


def encode(
    ks: ArrayLike, e: ArrayLike, d: ArrayLike, r: ArrayLike, encoding: Encoding = OFA_ENCODING
) -> Array:
    """Encode n subnets as rows of zeros and ones.

    A row has 20 x 3 places for the kernel sizes 3, 5, 7, then 20 x 3 places for the expand ratios 3, 4, 6, then the
    places of the resolutions. The places of a block that does not run are zero.

    Args:
        ks: Kernel sizes (n, 20), block by block. Those of blocks that do not run are ignored.
        e: Expand ratios (n, 20), block by block. Those of blocks that do not run are ignored.
        d: Depths (n, 5).
        r: Resolutions (n,) in pixels.
        encoding: The places of the resolutions.

    Returns:
        Features (n, ``encoding.size``).

    Raises:
        InputError: A value has no place, or an array has another shape.

    >>> encode([[3] * 20], [[6] * 20], [[2] * 5], [224]).nonzero()[1].tolist()[-3:]
    [110, 113, 127]
    """
    kernels, expands, depths, resolutions = (np.asarray(values, np.int64) for values in (ks, e, d, r))
    n = len(resolutions)
    for word, values, shape in (
        ("ks", kernels, (n, BLOCKS)), ("e", expands, (n, BLOCKS)), ("d", depths, (n, STAGES)), ("r", resolutions, (n,)),
    ):  # fmt: skip
        if values.shape != shape:
            raise InputError(f"{n} subnets have {word} of shape {list(shape)}, not {list(values.shape)}")
    _check_members("depths", depths, DEPTHS)
    runs = (np.arange(MAX_DEPTH) < depths[:, :, None]).reshape(n, BLOCKS)
    features = np.zeros((n, encoding.size), np.float32)
    half = BLOCK_FEATURES // 2
    for word, values, choices, start in (
        ("kernel sizes", kernels, KERNELS, 0),
        ("expand ratios", expands, EXPANDS, half),
    ):
        _check_members(word, values[runs], choices)
        hot = (values[:, :, None] == np.array(choices)) & runs[:, :, None]
        features[:, start : start + half] = hot.reshape(n, half)
    if n:
        encoding.check_resolution(int(resolutions.min()))
        encoding.check_resolution(int(resolutions.max()))
    features[np.arange(n), BLOCK_FEATURES + (resolutions - encoding.first) // encoding.step] = 1
    return features


def encode_subnets(subnets: Sequence[Subnet], encoding: Encoding = OFA_ENCODING) -> Array:
    """Encode subnets as features (n, ``encoding.size``); see :func:`encode`."""
    return encode(
        np.array([subnet.kernels for subnet in subnets]).reshape(-1, BLOCKS),
        np.array([subnet.expands for subnet in subnets]).reshape(-1, BLOCKS),
        np.array([subnet.depths for subnet in subnets]).reshape(-1, STAGES),
        np.array([subnet.resolution for subnet in subnets], np.int64),
        encoding,
    )


def _check_members(word: str, values: NDArray[np.int64], allowed: Sequence[int]) -> None:
    wrong = values[~np.isin(values, allowed)]
    if wrong.size:
        raise InputError(f"a subnet's {word} are each of {tuple(allowed)}; got {int(wrong.flat[0])}")
