"""Subnets: the members of a supernet, with their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from compofa_deploy.space.elastic_choices import ElasticChoices
from compofa_deploy.space.ofa_config import parse_config, read_config
from latency_tables.errors import InputError

STAGES = 5
MAX_DEPTH = 4
BLOCKS = STAGES * MAX_DEPTH
DEPTHS = (2, 3, 4)
EXPANDS = (3, 4, 6)
KERNELS = (3, 5, 7)

COUPLED_EXPAND = {2: 3, 3: 4, 4: 6}
"""CompOFA's compound choice: the expand ratio of each depth (Sahni et al., ICLR 2021, section 3)."""

FIXED_KERNELS = (3, 5, 3, 3, 5)
"""CompOFA's fixed kernel size of each stage, as in MobileNetV3."""

MBV3_CHOICES = ElasticChoices(
    "mbv3", (DEPTHS,) * STAGES, (MAX_DEPTH,) * STAGES, EXPANDS, KERNELS, FIXED_KERNELS
)
"""MobileNetV3's choices, which a subnet has where no others are given."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """One member of a supernet.

    Equal subnets are equal values, because the settings of blocks that do not run are dropped.

    Attributes:
        depths: The depth of each stage.
        expands: The expand ratio of each block, 0 where the block does not run.
        kernels: The kernel size of each block, 0 where the block does not run.
        resolution: The side of the input in pixels.
        widths: The elastic widths, where the family has them.
        choices: The choices of the family, which fix the lengths and the allowed values of the fields above.
    """

    depths: tuple[int, ...]
    expands: tuple[int, ...]
    kernels: tuple[int, ...]
    resolution: int
    widths: tuple[int, ...] = ()
    choices: ElasticChoices = field(default=MBV3_CHOICES, repr=False, hash=False)

    def __post_init__(self) -> None:
        choices = self.choices
        if len(self.depths) != len(choices.depths) or any(
            depth not in allowed for depth, allowed in zip(self.depths, choices.depths, strict=True)
        ):
            raise InputError(_explain_depths(choices, self.depths))
        if self.resolution < 1:
            raise InputError(f"a subnet's resolution is a positive number of pixels; got {self.resolution}")
        if len(self.widths) != choices.widths or any(
            width not in choices.width_choices for width in self.widths
        ):
            raise InputError(
                f"a subnet of {choices.family} has {choices.widths} widths, each of {choices.width_choices}; "
                f"got {list(self.widths)}"
            )
        object.__setattr__(self, "expands", self._keep_running("expands", self.expands, choices.expands))
        if choices.kernels or self.kernels:
            object.__setattr__(self, "kernels", self._keep_running("kernels", self.kernels, choices.kernels))

    def _keep_running(self, word: str, values: Sequence[int], allowed: Sequence[int]) -> tuple[int, ...]:
        if len(values) != self.choices.block_count:
            raise InputError(f"a subnet has {self.choices.block_count} {word}; got {len(values)}")
        pairs = list(zip(values, self.choices.mask(self.depths), strict=True))
        if any(runs and value not in allowed for value, runs in pairs):
            raise InputError(f"a subnet's {word} are each of {tuple(allowed)}; got {list(values)}")
        return tuple(value if runs else 0 for value, runs in pairs)

    @classmethod
    def compound(
        cls, depths: Sequence[int], resolution: int, choices: ElasticChoices = MBV3_CHOICES
    ) -> Subnet:
        """Return the fixed-kernel CompOFA subnet of these depths. A family's tail gets its largest expand ratio.

        >>> Subnet.compound((2, 3, 3, 4, 4), 192).id
        '23344@192'

        Args:
            depths: The depth of each of the five stages: 2, 3 or 4.
            resolution: The side of the input in pixels.
            choices: The choices of the family.

        Raises:
            InputError: The family has no compound subnets, or the depths are not five of 2, 3 or 4.
        """
        if not choices.fixed_kernels:
            raise InputError(
                f"{choices.family} has no compound subnets; name one with all that it chooses, as in {choices.example}"
            )
        if any(d not in COUPLED_EXPAND for d in depths) or len(depths) != len(choices.depths):
            raise InputError(_explain_depths(choices, depths))
        coupled = [COUPLED_EXPAND[d] for d in depths] + [max(choices.expands)] * bool(choices.tail)
        running = choices.count_running(depths)
        expands, kernels = (
            choices.spread(
                depths, [v for v, count in zip(values, running, strict=True) for _ in range(count)]
            )
            for values in (coupled, choices.fixed_kernels)
        )
        return cls(tuple(depths), expands, kernels, resolution, choices=choices)

    @classmethod
    def largest(cls, resolution: int, choices: ElasticChoices = MBV3_CHOICES) -> Subnet:
        """Return the subnet whose depths, expand ratios, kernels and widths are the largest of the family.

        Args:
            resolution: The side of the input in pixels.
            choices: The choices of the family.
        """
        depths = tuple(max(allowed) for allowed in choices.depths)
        blocks = choices.block_count
        kernels = (max(choices.kernels),) * blocks if choices.kernels else ()
        widths = (max(choices.width_choices),) * choices.widths if choices.widths else ()
        return cls(depths, (max(choices.expands),) * blocks, kernels, resolution, widths, choices)

    @classmethod
    def parse(cls, text: str, choices: ElasticChoices = MBV3_CHOICES) -> Subnet:
        """Read a subnet's id, or OFA's config as JSON.

        Args:
            text: A short id as ``23344@192``; a long id with every expand ratio and kernel size of the blocks that
                run, ``23344e...k...@192``; or a JSON object.
            choices: The choices of the family.

        Raises:
            InputError: The text is none of these.
        """
        if text.lstrip().startswith("{"):
            return cls.from_ofa(parse_config(text), choices=choices)
        match = choices.pattern.fullmatch(text.strip())
        if match is None:
            what = (
                "five depths of 2, 3 or 4 and a resolution, as in"
                if choices.fixed_kernels
                else f"all that a subnet of {choices.family} chooses, as in"
            )
            raise InputError(f"{text!r} is not a subnet id; write {what} {choices.example}")
        found = match.groupdict()
        depths, resolution = tuple(map(int, found["depths"])), int(found["resolution"])
        if found["expands"] is None:
            return cls.compound(depths, resolution, choices)
        digits = choices.expand_digits
        expands = [int(found["expands"][i : i + digits]) for i in range(0, len(found["expands"]), digits)]
        kernels = [int(digit) for digit in found.get("kernels") or ""]
        running = sum(choices.count_running(depths))
        if len(expands) != running or (choices.kernels and len(kernels) != running):
            also = " and as many kernel sizes" if choices.kernels else ""
            raise InputError(f"{text!r} must name {running} expand ratios{also}")
        return cls(
            depths,
            choices.spread(depths, expands),
            choices.spread(depths, kernels) if choices.kernels else (),
            resolution,
            tuple(map(int, found.get("widths") or "")),
            choices,
        )

    @classmethod
    def from_ofa(
        cls,
        config: Mapping[str, Any],
        resolution: int | None = None,
        choices: ElasticChoices = MBV3_CHOICES,
    ) -> Subnet:
        """Read OFA's config of a subnet; see :func:`compofa_deploy.space.ofa_config.read_config`.

        Args:
            config: OFA's config, or a ``net.config``.
            resolution: The resolution in pixels where the config states none.
            choices: The choices of the family.

        Raises:
            InputError: A field is unknown, missing or wrong.
        """
        read = read_config(config, choices, resolution)
        return cls(read.depths, read.expands, read.kernels, read.resolution, read.widths, choices)

    def to_ofa(self) -> dict[str, list[int | float]]:
        """Return OFA's config. Blocks that do not run get the values of the last block that runs in their stage."""
        choices = self.choices
        config: dict[str, list[int | float]] = {}
        if choices.kernels:
            config["ks"] = [*choices.fill(self.depths, self.kernels)]
        expands = choices.fill(self.depths, self.expands)
        config["e"] = [*expands] if choices.expand_scale == 1 else [e / choices.expand_scale for e in expands]
        config["d"] = [*self.depths]
        if choices.widths:
            config["w"] = [*self.widths]
        return {**config, "r": [self.resolution]}

    def stage_blocks(self) -> list[list[tuple[int, int]]]:
        """Return the expand ratio and kernel size of each block that runs, stage by stage, and last the tail.

        A kernel size that is not elastic is 0.
        """
        kernels = self.kernels or (0,) * self.choices.block_count
        stages = zip(self.choices.split(self.expands), self.choices.split(kernels), strict=True)
        return [[(e, k) for e, k in zip(*stage, strict=True) if e] for stage in stages]

    @property
    def is_compound(self) -> bool:
        """Whether the subnet is a member of ``compofa``: its depth and width are coupled and its kernels fixed."""
        return bool(self.choices.fixed_kernels) and self == Subnet.compound(
            self.depths, self.resolution, self.choices
        )

    @property
    def id(self) -> str:
        """The short id of a compound subnet, else the long id; :meth:`parse` reads both."""
        depths = "".join(map(str, self.depths))
        if self.is_compound:
            return f"{depths}@{self.resolution}"
        expands, kernels = ("".join(str(v) for v in values if v) for values in (self.expands, self.kernels))
        chosen = [("e", expands), ("k", kernels), ("w", "".join(map(str, self.widths)))]
        return f"{depths}{''.join(word + digits for word, digits in chosen if digits)}@{self.resolution}"

    def at(self, resolution: int) -> Subnet:
        """Return the subnet at another resolution, in pixels."""
        return replace(self, resolution=resolution)

    def __str__(self) -> str:
        return self.id


def _explain_depths(choices: ElasticChoices, depths: Sequence[int]) -> str:
    allowed = choices.depths[0] if len(set(choices.depths)) == 1 else choices.depths
    return f"a subnet has {len(choices.depths)} depths, each of {allowed}; got {list(depths)}"
