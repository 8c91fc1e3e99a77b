"""Subnets: one member of a supernet, its short id and its OFA-style config."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from compofa_deploy.space.elastic_choices import Form
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

ROUNDING = 1e-6
"""How far from a whole number an expand ratio of a config may be, in the form's unit."""

MBV3 = Form("mbv3", (DEPTHS,) * STAGES, (MAX_DEPTH,) * STAGES, EXPANDS, KERNELS, FIXED_KERNELS)
"""MobileNetV3's form: what a subnet has where no other is given."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """Depths; expand ratios and kernel sizes, block by block, 0 where the block does not run; a resolution in pixels;
    and widths, where the family has them. How many of each, and out of what, is the family's ``form``: without one,
    MobileNetV3's, of five depths and twenty blocks.

    Equal subnets are equal values: what a block that does not run was set to is forgotten.
    """

    depths: tuple[int, ...]
    expands: tuple[int, ...]
    kernels: tuple[int, ...]
    resolution: int
    widths: tuple[int, ...] = ()
    form: Form = field(default=MBV3, repr=False, hash=False)

    def __post_init__(self) -> None:
        form = self.form
        if len(self.depths) != len(form.depths) or any(
            depth not in choices for depth, choices in zip(self.depths, form.depths, strict=True)
        ):
            raise InputError(_explain_depths(form, self.depths))
        if self.resolution < 1:
            raise InputError(f"a subnet's resolution is a positive number of pixels; got {self.resolution}")
        if len(self.widths) != form.widths or any(width not in form.width_choices for width in self.widths):
            raise InputError(
                f"a subnet of {form.family} has {form.widths} widths, each of {form.width_choices}; "
                f"got {list(self.widths)}"
            )
        object.__setattr__(self, "expands", self._keep_running("expands", self.expands, form.expands))
        if form.kernels or self.kernels:
            object.__setattr__(self, "kernels", self._keep_running("kernels", self.kernels, form.kernels))

    def _keep_running(self, word: str, values: Sequence[int], allowed: Sequence[int]) -> tuple[int, ...]:
        if len(values) != self.form.block_count:
            raise InputError(f"a subnet has {self.form.block_count} {word}; got {len(values)}")
        pairs = list(zip(values, self.form.mask(self.depths), strict=True))
        if any(runs and value not in allowed for value, runs in pairs):
            raise InputError(f"a subnet's {word} are each of {tuple(allowed)}; got {list(values)}")
        return tuple(value if runs else 0 for value, runs in pairs)

    @classmethod
    def compound(cls, depths: Sequence[int], resolution: int, form: Form = MBV3) -> Subnet:
        """The fixed-kernel CompOFA subnet of these five depths. The tail of a form is as wide as it can be.

        >>> Subnet.compound((2, 3, 3, 4, 4), 192).id
        '23344@192'
        """
        if not form.fixed_kernels:
            raise InputError(
                f"{form.family} has no compound subnets; name one with all that it chooses, as in {form.example}"
            )
        if any(d not in COUPLED_EXPAND for d in depths) or len(depths) != len(form.depths):
            raise InputError(_explain_depths(form, depths))
        coupled = [COUPLED_EXPAND[d] for d in depths] + [max(form.expands)] * bool(form.tail)
        running = form.count_running(depths)
        expands, kernels = (
            form.spread(depths, [v for v, count in zip(values, running, strict=True) for _ in range(count)])
            for values in (coupled, form.fixed_kernels)
        )
        return cls(tuple(depths), expands, kernels, resolution, form=form)

    @classmethod
    def largest(cls, resolution: int, form: Form = MBV3) -> Subnet:
        """The subnet that is as deep, as wide and of as large kernels as the form allows."""
        depths = tuple(max(choices) for choices in form.depths)
        blocks = form.block_count
        kernels = (max(form.kernels),) * blocks if form.kernels else ()
        widths = (max(form.width_choices),) * form.widths if form.widths else ()
        return cls(depths, (max(form.expands),) * blocks, kernels, resolution, widths, form)

    @classmethod
    def parse(cls, text: str, form: Form = MBV3) -> Subnet:
        """Read an id, or OFA's config as JSON. Both forms of ids are read: ``23344@192``, and with every expand
        ratio and kernel size of the blocks that run, ``23344e...k...@192``. :class:`InputError` where the text is
        none of these."""
        if text.lstrip().startswith("{"):
            return cls.from_ofa(_parse_object(text), form=form)
        match = form.pattern.fullmatch(text.strip())
        if match is None:
            what = (
                "five depths of 2, 3 or 4 and a resolution, as in"
                if form.fixed_kernels
                else f"all that a subnet of {form.family} chooses, as in"
            )
            raise InputError(f"{text!r} is not a subnet id; write {what} {form.example}")
        found = match.groupdict()
        depths, resolution = tuple(map(int, found["depths"])), int(found["resolution"])
        if found["expands"] is None:
            return cls.compound(depths, resolution, form)
        digits = form.expand_digits
        expands = [int(found["expands"][i : i + digits]) for i in range(0, len(found["expands"]), digits)]
        kernels = [int(digit) for digit in found.get("kernels") or ""]
        running = sum(form.count_running(depths))
        if len(expands) != running or (form.kernels and len(kernels) != running):
            also = " and as many kernel sizes" if form.kernels else ""
            raise InputError(f"{text!r} must name {running} expand ratios{also}")
        return cls(
            depths,
            form.spread(depths, expands),
            form.spread(depths, kernels) if form.kernels else (),
            resolution,
            tuple(map(int, found.get("widths") or "")),
            form,
        )

    @classmethod
    def from_ofa(cls, config: Mapping[str, Any], resolution: int | None = None, form: Form = MBV3) -> Subnet:
        """Read OFA's ``{"ks": [...20], "e": [...20], "d": [...5], "r": [192]}``; ``r`` may be a number, or
        missing where ``resolution`` is given. A ResNet has ``w`` instead of ``ks``."""
        try:
            r = config.get("r", resolution)
            r = r[0] if isinstance(r, Sequence) and not isinstance(r, str) else r
            depths = tuple(int(v) for v in config["d"])
            if form.tail and len(depths) == len(form.depths) + 1:
                # OFA draws a depth for the tail too, and then runs its one block.
                depths = depths[:-1]
            expands = tuple(_to_whole(v, form.expand_scale) for v in config["e"])
            kernels = tuple(int(v) for v in config["ks"]) if form.kernels else ()
            widths = tuple(int(v) for v in config["w"]) if form.widths else ()
            return cls(depths, expands, kernels, int(r), widths, form)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            words = [("ks", form.block_count if form.kernels else 0), ("e", form.block_count)]
            words += [("d", len(form.depths)), ("w", form.widths), ("r", 1)]
            shape = ", ".join(f'"{word}": [{count}]' for word, count in words if count)
            raise InputError(f"not an OFA config ({error}); write {{{shape}}}") from None

    def to_ofa(self) -> dict[str, list[int | float]]:
        """OFA's config. A block that does not run is given the values of the last one that does in its stage."""
        form = self.form
        config: dict[str, list[int | float]] = {}
        if form.kernels:
            config["ks"] = [*form.fill(self.depths, self.kernels)]
        expands = form.fill(self.depths, self.expands)
        config["e"] = [*expands] if form.expand_scale == 1 else [e / form.expand_scale for e in expands]
        config["d"] = [*self.depths]
        if form.widths:
            config["w"] = [*self.widths]
        return {**config, "r": [self.resolution]}

    def stage_blocks(self) -> list[list[tuple[int, int]]]:
        """Expand ratio and kernel size of the blocks that run, stage by stage; a kernel size that is not elastic is 0.
        The tail is the last, where there is one."""
        kernels = self.kernels or (0,) * self.form.block_count
        stages = zip(self.form.split(self.expands), self.form.split(kernels), strict=True)
        return [[(e, k) for e, k in zip(*stage, strict=True) if e] for stage in stages]

    @property
    def is_compound(self) -> bool:
        """Whether depth and width grow together and every kernel is the fixed one: a member of ``compofa``."""
        return bool(self.form.fixed_kernels) and self == Subnet.compound(
            self.depths, self.resolution, self.form
        )

    @property
    def id(self) -> str:
        """The short id where there is one, else the long one; :meth:`parse` reads both."""
        depths = "".join(map(str, self.depths))
        if self.is_compound:
            return f"{depths}@{self.resolution}"
        expands, kernels = ("".join(str(v) for v in values if v) for values in (self.expands, self.kernels))
        chosen = [("e", expands), ("k", kernels), ("w", "".join(map(str, self.widths)))]
        return f"{depths}{''.join(word + digits for word, digits in chosen if digits)}@{self.resolution}"

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


def _to_whole(value: float, scale: int) -> int:
    """An expand ratio in whole numbers of 1 / ``scale``; :class:`ValueError` where it is none."""
    whole = round(value * scale)
    if abs(whole - value * scale) > ROUNDING:
        raise ValueError(f"expand ratio {value}")
    return whole


def _explain_depths(form: Form, depths: Sequence[int]) -> str:
    choices = form.depths[0] if len(set(form.depths)) == 1 else form.depths
    return f"a subnet has {len(form.depths)} depths, each of {choices}; got {list(depths)}"
