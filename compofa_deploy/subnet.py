"""Subnets: one member of a supernet, its short id and its OFA-style config."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from latency_tables.errors import InputError

STAGES = 5
MAX_DEPTH = 4
BLOCKS = STAGES * MAX_DEPTH
DEPTHS = (2, 3, 4)
EXPANDS = (3, 4, 6)
KERNELS = (3, 5, 7)

COUPLED_EXPAND = {2: 3, 3: 4, 4: 6}
"""CompOFA's compound choice: the expand ratio that goes with each depth (Sahni et al., ICLR 2021, section 3)."""

FIXED_KERNELS = (3, 5, 3, 3, 5)
"""CompOFA's fixed kernel size of each stage, as in MobileNetV3."""

_ID = re.compile(
    r"(?P<depths>[234]{5})(?:e(?P<expands>[346]{10,20})k(?P<kernels>[357]{10,20}))?@(?P<resolution>[1-9]\d{0,3})"
)


@dataclass(frozen=True, slots=True)
class Subnet:
    """Five depths; twenty expand ratios and kernel sizes, block by block, 0 where the block does not run;
    a resolution in pixels.

    Equal subnets are equal values: what a block that does not run was set to is forgotten.
    """

    depths: tuple[int, ...]
    expands: tuple[int, ...]
    kernels: tuple[int, ...]
    resolution: int

    def __post_init__(self) -> None:
        if len(self.depths) != STAGES or any(d not in DEPTHS for d in self.depths):
            raise InputError(f"a subnet has {STAGES} depths, each of {DEPTHS}; got {list(self.depths)}")
        if self.resolution < 1:
            raise InputError(f"a subnet's resolution is a positive number of pixels; got {self.resolution}")
        for word, values, allowed in (("expands", self.expands, EXPANDS), ("kernels", self.kernels, KERNELS)):
            if len(values) != BLOCKS:
                raise InputError(f"a subnet has {BLOCKS} {word}; got {len(values)}")
            kept = tuple(
                value if block % MAX_DEPTH < self.depths[block // MAX_DEPTH] else 0
                for block, value in enumerate(values)
            )
            wrong = [value for value in kept if value and value not in allowed]
            if wrong or any(
                not kept[stage * MAX_DEPTH + i] for stage, d in enumerate(self.depths) for i in range(d)
            ):
                raise InputError(f"a subnet's {word} are each of {allowed}; got {list(values)}")
            object.__setattr__(self, word, kept)

    @classmethod
    def compound(cls, depths: Sequence[int], resolution: int) -> Subnet:
        """The fixed-kernel CompOFA subnet of these five depths.

        >>> Subnet.compound((2, 3, 3, 4, 4), 192).id
        '23344@192'
        """
        if any(d not in COUPLED_EXPAND for d in depths) or len(depths) != STAGES:
            raise InputError(f"a subnet has {STAGES} depths, each of {DEPTHS}; got {list(depths)}")
        return cls(
            tuple(depths),
            tuple(COUPLED_EXPAND[d] for d in depths for _ in range(MAX_DEPTH)),
            tuple(k for k in FIXED_KERNELS for _ in range(MAX_DEPTH)),
            resolution,
        )

    @classmethod
    def parse(cls, text: str) -> Subnet:
        """Read an id, or OFA's config as JSON. Both forms of ids are read: ``23344@192``, and with every expand
        ratio and kernel size of the blocks that run, ``23344e...k...@192``. :class:`InputError` where the text is
        none of these."""
        if text.lstrip().startswith("{"):
            return cls.from_ofa(_parse_object(text))
        match = _ID.fullmatch(text.strip())
        if match is None:
            raise InputError(
                f"{text!r} is not a subnet id; write five depths of 2, 3 or 4 and a resolution, as in 23344@192"
            )
        depths, resolution = tuple(map(int, match["depths"])), int(match["resolution"])
        if match["expands"] is None:
            return cls.compound(depths, resolution)
        if not len(match["expands"]) == len(match["kernels"]) == sum(depths):
            raise InputError(f"{text!r} must name {sum(depths)} expand ratios and as many kernel sizes")
        expands, kernels = (_spread(depths, match[word]) for word in ("expands", "kernels"))
        return cls(depths, expands, kernels, resolution)

    @classmethod
    def from_ofa(cls, config: Mapping[str, Any], resolution: int | None = None) -> Subnet:
        """Read OFA's ``{"ks": [...20], "e": [...20], "d": [...5], "r": [192]}``; ``r`` may be a number, or
        missing where ``resolution`` is given."""
        try:
            r = config.get("r", resolution)
            r = r[0] if isinstance(r, Sequence) and not isinstance(r, str) else r
            lists = [tuple(int(v) for v in config[word]) for word in ("d", "e", "ks")]
            return cls(lists[0], lists[1], lists[2], int(r))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError(
                f'not an OFA config ({error}); write {{"ks": [20], "e": [20], "d": [5], "r": [1]}}'
            ) from None

    def to_ofa(self) -> dict[str, list[int]]:
        """OFA's config. A block that does not run is given the values of the last one that does in its stage."""
        full = {}
        for word, values in (("ks", self.kernels), ("e", self.expands)):
            full[word] = [
                values[stage * MAX_DEPTH + min(i, depth - 1)]
                for stage, depth in enumerate(self.depths)
                for i in range(MAX_DEPTH)
            ]
        return {**full, "d": list(self.depths), "r": [self.resolution]}

    @property
    def is_compound(self) -> bool:
        """Whether depth and width grow together and every kernel is the fixed one: a member of ``compofa``."""
        return self == Subnet.compound(self.depths, self.resolution)

    @property
    def id(self) -> str:
        """The short id where there is one, else the long one; :meth:`parse` reads both."""
        depths = "".join(map(str, self.depths))
        if self.is_compound:
            return f"{depths}@{self.resolution}"
        expands, kernels = ("".join(str(v) for v in values if v) for values in (self.expands, self.kernels))
        return f"{depths}e{expands}k{kernels}@{self.resolution}"

    def at(self, resolution: int) -> Subnet:
        """The same subnet at another resolution."""
        return replace(self, resolution=resolution)

    def __str__(self) -> str:
        return self.id


def _parse_object(text: str) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"an OFA config must be JSON ({error})") from None
    return config


def _spread(depths: Sequence[int], digits: str) -> tuple[int, ...]:
    values = iter(map(int, digits))
    return tuple(next(values) if i < depth else 0 for depth in depths for i in range(MAX_DEPTH))
