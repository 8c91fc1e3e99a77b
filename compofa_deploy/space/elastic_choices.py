"""The choices that make a subnet of a family: depths, expand ratios, kernel sizes, widths."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class ElasticChoices:
    """The choices that make a subnet of a family, and the values that each choice allows.

    Attributes:
        family: The family's name.
        depths: For each stage, the depths that it may have. At the largest depth all blocks of the stage run; each
            step below leaves one more block out, from the end.
        blocks: For each stage, the largest number of blocks.
        expands: The expand ratios of a block, in units of 1 / ``expand_scale``.
        kernels: The kernel sizes of a block; empty where kernels are not elastic.
        fixed_kernels: The kernel size of each stage, and of the tail, in the compound subnets. A family without
            them has no compound subnets.
        tail: The number of blocks behind the stages, which always run.
        expand_scale: The number by which an expand ratio is multiplied to be whole.
        widths: The number of elastic widths.
        width_choices: The values of an elastic width.
        example: A subnet's id, for messages.
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
        """The number of blocks that have an expand ratio, including blocks that may not run."""
        return sum(self.blocks) + self.tail

    def count_running(self, depths: Sequence[int]) -> list[int]:
        """Return how many blocks of each stage run at these depths, and last the tail where there is one."""
        stages = zip(self.depths, self.blocks, depths, strict=True)
        running = [max(0, most - (max(allowed) - depth)) for allowed, most, depth in stages]
        return [*running, self.tail] if self.tail else running

    def split(self, values: Sequence[int]) -> list[tuple[int, ...]]:
        """Split one value for each block into one tuple for each stage, and last the tail where there is one."""
        parts = iter(values)
        return [tuple(next(parts) for _ in range(count)) for count in self._stage_blocks()]

    def mask(self, depths: Sequence[int]) -> Iterator[bool]:
        """Yield for each block whether it runs at these depths."""
        for most, running in zip(self._stage_blocks(), self.count_running(depths), strict=True):
            yield from (i < running for i in range(most))

    def spread(self, depths: Sequence[int], running: Sequence[int]) -> tuple[int, ...]:
        """Return one value for each block: the next value of ``running`` where it runs at these depths, else 0."""
        values = iter(running)
        return tuple(next(values) if runs else 0 for runs in self.mask(depths))

    def fill(self, depths: Sequence[int], values: Sequence[int]) -> list[int]:
        """Return the values with those of blocks that do not run replaced.

        Each such block gets the value of the last block that runs in its stage.

        Args:
            depths: The depth of each stage.
            values: One value for each block.
        """
        running = self.count_running(depths)
        stages = zip(self.split(values), running, strict=True)
        return [stage[min(i, count - 1)] for stage, count in stages for i in range(len(stage))]

    @property
    def pattern(self) -> re.Pattern[str]:
        """The regular expression of the family's ids."""
        return _compile(self)

    @property
    def expand_digits(self) -> int:
        """The number of digits of an expand ratio in an id."""
        return len(str(max(self.expands)))

    def _stage_blocks(self) -> tuple[int, ...]:
        return (*self.blocks, self.tail) if self.tail else self.blocks


@lru_cache(maxsize=16)
def _compile(choices: ElasticChoices) -> re.Pattern[str]:
    depths = "".join(f"[{''.join(map(str, allowed))}]" for allowed in choices.depths)
    expands = "|".join(map(str, choices.expands))
    parts = [rf"e(?P<expands>(?:{expands})+)"]
    if choices.kernels:
        parts.append(rf"k(?P<kernels>[{''.join(map(str, choices.kernels))}]+)")
    if choices.widths:
        parts.append(rf"w(?P<widths>[{''.join(map(str, choices.width_choices))}]{{{choices.widths}}})")
    chosen = f"(?:{''.join(parts)})"
    optional = "?" if choices.fixed_kernels else ""
    return re.compile(rf"(?P<depths>{depths}){chosen}{optional}@(?P<resolution>[1-9]\d{{0,3}})", re.ASCII)
