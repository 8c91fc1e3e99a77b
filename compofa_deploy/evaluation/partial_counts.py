"""What an evaluation has found so far, shard by shard: kept in a file, joined over processes, added up at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.evaluation.checkpoint import Done
from compofa_deploy.evaluation.count import TOP
from compofa_deploy.evaluation.shards import LEAVES, SHARD_STAGES, SHARDS, Part, locate_leaves
from compofa_deploy.space.layers import COMPOUND_DEPTHS
from compofa_deploy.supernet.statistics import Choices
from latency_tables.errors import FormatError

Place: TypeAlias = tuple[int, str, Choices]
"""A resolution, a split and a shard."""

Findings: TypeAlias = dict[Place, dict[tuple[int, int], list[int]]]
"""At each place and range of images: milliseconds, then right answers of the shard's subnets, then those with the label
among five."""

NUMBERS = 1 + len(TOP) * LEAVES


def add(findings: Findings, part: Part, milliseconds: int, counts: NDArray[np.int64]) -> None:
    """Take in a part's counts, (2, subnets of a shard), as one with those of images right before or after."""
    ranges = findings.setdefault((part.resolution, part.split, part.shard), {})
    start, stop, numbers = part.start, part.stop, [milliseconds, *counts.ravel().tolist()]
    for known in [known for known in ranges if known[1] == start or known[0] == stop]:
        numbers = [mine + theirs for mine, theirs in zip(numbers, ranges.pop(known), strict=True)]
        start, stop = min(start, known[0]), max(stop, known[1])
    ranges[start, stop] = numbers


def join(several: Iterable[Findings]) -> Findings:
    """What any of them has."""
    joined: Findings = {}
    for findings in several:
        for place, ranges in findings.items():
            joined.setdefault(place, {}).update(ranges)
    return joined


def is_known(findings: Findings, part: Part) -> bool:
    """Whether a part is done."""
    ranges = findings.get((part.resolution, part.split, part.shard), {})
    return any(start <= part.start and part.stop <= stop for start, stop in ranges)


def list_ranges(findings: Findings, resolution: int, split: str) -> list[tuple[int, int]]:
    """Every range of images of which something is known there."""
    places = [findings.get((resolution, split, shard), {}) for shard in SHARDS]
    return sorted({known for ranges in places for known in ranges})


def total(findings: Findings, split: str, resolutions: Sequence[int], images: int) -> NDArray[np.int64]:
    """(2, resolutions, 243): right answers on all of a split's images.

    :class:`FormatError` where what is known is not of every image once.
    """
    counts = np.zeros((len(TOP), len(resolutions), len(COMPOUND_DEPTHS)), dtype=np.int64)
    for i, resolution in enumerate(resolutions):
        for shard in SHARDS:
            ranges = findings.get((resolution, split, shard), {})
            known = sorted(ranges)
            if [0, *(stop for _, stop in known)] != [*(start for start, _ in known), images]:
                raise FormatError(
                    f"what was kept of {resolution} px is not of every image once; remove it to begin anew"
                )
            numbers = np.sum(list(ranges.values()), axis=0)
            counts[:, i, locate_leaves(shard)] = numbers[1:].reshape(len(TOP), LEAVES)
    return counts


def count_seconds(findings: Findings, resolutions: Sequence[int]) -> float:
    """Seconds that all of it took, those of several processes added."""
    return sum(
        numbers[0] / 1000
        for (resolution, _, _), ranges in findings.items()
        if resolution in resolutions
        for numbers in ranges.values()
    )


def to_done(findings: Findings) -> Done:
    """As :class:`compofa_deploy.evaluation.checkpoint.Partial` keeps it."""
    return {
        f"{resolution}/{split}/{''.join(map(str, shard))}": {
            f"{start}-{stop}": numbers for (start, stop), numbers in ranges.items()
        }
        for (resolution, split, shard), ranges in findings.items()
    }


def from_done(done: Mapping[str, Mapping[str, list[int]]], where: str) -> Findings:
    """Read what :func:`to_done` wrote; :class:`FormatError` where it is not that."""
    findings: Findings = {}
    try:
        for place, ranges in done.items():
            resolution, split, digits = place.split("/")
            shard = tuple(map(int, digits))
            if shard not in SHARDS or len(shard) != SHARD_STAGES:
                raise ValueError(digits)
            read = {}
            for text, numbers in ranges.items():
                start, stop = map(int, text.split("-"))
                if len(numbers) != NUMBERS or any(type(n) is not int or n < 0 for n in numbers):
                    raise ValueError(text)
                read[start, stop] = list(numbers)
            findings[int(resolution), split, shard] = read
    except (AttributeError, TypeError, ValueError) as error:
        raise FormatError(f"{where}: does not say what was done ({error}); remove it to begin anew") from None
    return findings
