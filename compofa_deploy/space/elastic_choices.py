"""Forms: what the subnets of a family choose, and from what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Form:
    """The choices that make a subnet of a family.

    Stage i has at most ``blocks[i]`` blocks and a depth out of ``depths[i]``: at the largest depth all of them run, and
    each step below leaves one more out, from the end. Behind the stages ``tail`` blocks always run. Each block has an
    expand ratio out of ``expands``, which are whole numbers of 1 / ``expand_scale``, and a kernel size out of
    ``kernels``, where there are any. ``widths`` numbers are each out of ``width_choices``.
    ``fixed_kernels``, one for each stage and for the tail, are those of the compound subnets; without them the family
    has no compound subnets.
    """

    family: str
    depths: tuple[tuple[int, ...], ...]
    blocks: tuple[int, ...]
    expands: tuple[int, ...]
    kernels: tuple[int, ...] = ()
    fixed_kernels: tuple[int, ...] = ()
    tail: int = 0
    expand_scale: int = 1
    widths: int = 0
    width_choices: tuple[int, ...] = ()
    example: str = "23344@192"

    @property
    def block_count(self) -> int:
        """How many blocks have an expand ratio, whether they run or not."""
        return sum(self.blocks) + self.tail

    def count_running(self, depths: Sequence[int]) -> list[int]:
        """How many blocks of each stage run; the tail is the last, where there is one."""
        stages = zip(self.depths, self.blocks, depths, strict=True)
        running = [max(0, most - (max(choices) - depth)) for choices, most, depth in stages]
        return [*running, self.tail] if self.tail else running

    def split(self, values: Sequence[int]) -> list[tuple[int, ...]]:
        """One value for each block, as one tuple for each stage; the tail is the last, where there is one."""
        parts = iter(values)
        return [tuple(next(parts) for _ in range(count)) for count in self._stage_blocks()]

    def mask(self, depths: Sequence[int]) -> Iterator[bool]:
        """For each block, whether it runs."""
        for most, running in zip(self._stage_blocks(), self.count_running(depths), strict=True):
            yield from (i < running for i in range(most))

    def spread(self, depths: Sequence[int], running: Sequence[int]) -> tuple[int, ...]:
        """The values of the blocks that run, with 0 for each block that does not."""
        values = iter(running)
        return tuple(next(values) if runs else 0 for runs in self.mask(depths))

    def fill(self, depths: Sequence[int], values: Sequence[int]) -> list[int]:
        """One value for each block; one that does not run is given that of the last that does in its stage."""
        running = self.count_running(depths)
        stages = zip(self.split(values), running, strict=True)
        return [stage[min(i, count - 1)] for stage, count in stages for i in range(len(stage))]

    @property
    def pattern(self) -> re.Pattern[str]:
        """What an id looks like."""
        return _compile(self)

    @property
    def expand_digits(self) -> int:
        """How many digits an expand ratio has in an id."""
        return len(str(max(self.expands)))

    def _stage_blocks(self) -> tuple[int, ...]:
        return (*self.blocks, self.tail) if self.tail else self.blocks


@lru_cache(maxsize=16)
def _compile(form: Form) -> re.Pattern[str]:
    depths = "".join(f"[{''.join(map(str, choices))}]" for choices in form.depths)
    expands = "|".join(map(str, form.expands))
    parts = [rf"e(?P<expands>(?:{expands})+)"]
    if form.kernels:
        parts.append(rf"k(?P<kernels>[{''.join(map(str, form.kernels))}]+)")
    if form.widths:
        parts.append(rf"w(?P<widths>[{''.join(map(str, form.width_choices))}]{{{form.widths}}})")
    chosen = f"(?:{''.join(parts)})"
    optional = "?" if form.fixed_kernels else ""
    return re.compile(rf"(?P<depths>{depths}){chosen}{optional}@(?P<resolution>[1-9]\d{{0,3}})")
