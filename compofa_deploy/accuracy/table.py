"""Accuracy tables: the number of images that each subnet of a supernet classifies correctly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.space.layers import COMPOUND_DEPTHS
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import FormatError, InputError, MismatchError
from latency_tables.field_rule import rule
from latency_tables.record import Record, RecordFile

SPLITS = ("validation", "test")
F32 = "f32"
MISSING = -1
"""The count of a subnet that a table lacks."""

_INDEX_OF_DEPTHS = {depths: index for index, depths in enumerate(COMPOUND_DEPTHS)}


@dataclass(frozen=True)
class _Row(Record):
    """The counts of one subnet in the file."""

    refuse_unknown = True

    subnet: str
    validation_correct: int
    test_correct: int
    validation_top5: int | None = field(default=None, metadata=rule(omit=True))
    test_top5: int | None = field(default=None, metadata=rule(omit=True))


@dataclass(frozen=True, kw_only=True)
class _File(RecordFile):
    """The whole file."""

    FORMAT = "compofa-accuracy-table"
    VERSION = 1
    refuse_unknown = True

    architecture: str
    supernet: str
    data: str
    validation_images: int = field(metadata=rule(minimum=1))
    test_images: int = field(metadata=rule(minimum=1))
    made_by: str
    precision: str = field(default=F32, metadata=rule(omit=True))
    runtime: str = field(default="", metadata=rule(omit=True))
    measured_on: str = field(default="", metadata=rule(omit=True))
    seconds: float | None = field(default=None, metadata=rule(omit=True))
    rows: tuple[_Row, ...] = field(metadata=rule(entries=1, advice="the file may be cut off"))


@dataclass(frozen=True)
class AccuracyTable:
    """The images that each compound subnet classifies correctly.

    A search uses the split ``validation`` alone; ``test`` is for reporting.

    Attributes:
        architecture: The name of the architecture.
        supernet: The digest of the supernet.
        data: The name of the images.
        made_by: The command that made the table.
        resolutions: In pixels, ascending.
        images: The number of images of each split.
        correct: For each split (resolutions, 243), in the order of ``COMPOUND_DEPTHS``. The count of a subnet that
            the table lacks is ``MISSING``, which only tables of exported graphs may have.
        precision: The precision that the graphs computed in.
        runtime: The runtime that ran the exported graphs; empty where torch ran the layers.
        measured_on: The device spec of the exported graphs, for people.
        top5: For each split (resolutions, 243), the images whose label is among the five likeliest classes. Older
            tables have none.
        seconds: The time that the evaluation took, added over its processes. Older tables have none.
    """

    architecture: str
    supernet: str
    data: str
    made_by: str
    resolutions: tuple[int, ...]
    images: Mapping[str, int]
    correct: Mapping[str, NDArray[np.int64]]
    precision: str = F32
    runtime: str = ""
    measured_on: str = ""
    top5: Mapping[str, NDArray[np.int64]] | None = None
    seconds: float | None = None

    def accuracy(self, split: str = "validation") -> NDArray[np.float64]:
        """Top-1 accuracy (resolutions, 243) in per cent; NaN for subnets that the table lacks."""
        counts = np.where(self.correct[split] == MISSING, np.nan, self.correct[split])
        percent: NDArray[np.float64] = 100 * counts / self.images[split]
        return percent

    def top5_accuracy(self, split: str = "validation") -> NDArray[np.float64] | None:
        """Top-5 accuracy (resolutions, 243) in per cent; ``None`` where the table has none."""
        return None if self.top5 is None else 100 * self.top5[split] / self.images[split]

    def has(self, subnet: Subnet) -> bool:
        """Whether a subnet was evaluated."""
        if not subnet.is_compound or subnet.resolution not in self.resolutions:
            return False
        at = self.resolutions.index(subnet.resolution), _INDEX_OF_DEPTHS[subnet.depths]
        return bool(self.correct["validation"][at] != MISSING)

    def find(self, subnet: Subnet) -> dict[str, float]:
        """The top-1 accuracy of a subnet in per cent, by split.

        Raises:
            MismatchError: The subnet was not evaluated.
        """
        if not subnet.is_compound or subnet.resolution not in self.resolutions:
            raise MismatchError(
                f"{subnet} is not in the accuracy table of {self.architecture}; its resolutions are "
                f"{', '.join(map(str, self.resolutions))}"
            )
        at = self.resolutions.index(subnet.resolution), _INDEX_OF_DEPTHS[subnet.depths]
        if self.correct["validation"][at] == MISSING:
            raise MismatchError(
                f"{subnet} was not evaluated in {self.precision} on {self.runtime}; evaluate all subnets with compofa "
                f"evaluate --runtime {self.runtime} --precision {self.precision}"
            )
        return {split: float(100 * self.correct[split][at] / self.images[split]) for split in SPLITS}

    def check_supernet(self, digest: str) -> None:
        """:class:`MismatchError` where the table was made from other weights."""
        if digest != self.supernet:
            raise MismatchError(
                f"the accuracy table was made from other weights of {self.architecture} (digest {self.supernet[:12]}, "
                f"not {digest[:12]}); make one with compofa evaluate"
            )

    def save(self, path: Path) -> None:
        """Write the table."""
        columns = {f"{split}_correct": self.correct[split] for split in SPLITS}
        if self.top5 is not None:
            columns |= {f"{split}_top5": self.top5[split] for split in SPLITS}
        rows = tuple(
            _Row(
                Subnet.compound(depths, resolution).id,
                **{name: int(counts[i, j]) for name, counts in columns.items()},
            )
            for i, resolution in enumerate(self.resolutions)
            for j, depths in enumerate(COMPOUND_DEPTHS)
            if self.correct["validation"][i, j] != MISSING
        )
        _File(
            architecture=self.architecture,
            supernet=self.supernet,
            data=self.data,
            validation_images=self.images["validation"],
            test_images=self.images["test"],
            made_by=self.made_by,
            precision=self.precision if self.runtime else F32,
            runtime=self.runtime,
            measured_on=self.measured_on if self.runtime else "",
            seconds=self.seconds,
            rows=rows,
        ).save(path)

    @classmethod
    def load(cls, path: Path) -> AccuracyTable:
        """Read a table.

        Raises:
            InputError: There is no such file.
            FormatError: A subnet is missing or there twice, or its counts are impossible.
        """
        file = _File.load(path)
        images = {"validation": file.validation_images, "test": file.test_images}
        subnets = [_parse_compound(row.subnet, path) for row in file.rows]
        resolutions = tuple(sorted({subnet.resolution for subnet in subnets}))
        correct = {
            split: np.full((len(resolutions), len(COMPOUND_DEPTHS)), MISSING, dtype=np.int64)
            for split in SPLITS
        }
        top5 = {split: counts.copy() for split, counts in correct.items()}
        for row, subnet in zip(file.rows, subnets, strict=True):
            at = resolutions.index(subnet.resolution), _INDEX_OF_DEPTHS[subnet.depths]
            for split, value in (("validation", row.validation_correct), ("test", row.test_correct)):
                if correct[split][at] >= 0 or value > images[split]:
                    raise FormatError(
                        f"{path}: {row.subnet} is there twice, or is correct on more images than there are"
                    )
                correct[split][at] = value
            for split, among in (("validation", row.validation_top5), ("test", row.test_top5)):
                if among is not None and not correct[split][at] <= among <= images[split]:
                    raise FormatError(
                        f"{path}: {row.subnet} has a top-5 count below its top-1 count, or above the number of images"
                    )
                top5[split][at] = -1 if among is None else among
        there = correct["validation"] != MISSING
        for i, j in () if file.runtime else np.argwhere(~there):
            missing = Subnet.compound(COMPOUND_DEPTHS[j], resolutions[i])
            raise FormatError(f"{path}: subnet {missing} is missing; the file may be cut off")
        known = np.concatenate([top5[split][there] for split in SPLITS]) >= 0
        if known.any() and not known.all():
            raise FormatError(f"{path}: has top-5 counts of some subnets and not of others")
        return cls(
            file.architecture,
            file.supernet,
            file.data,
            file.made_by,
            resolutions,
            images,
            correct,
            file.precision,
            file.runtime,
            file.measured_on,
            top5 if known.all() else None,
            file.seconds,
        )


def _parse_compound(text: str, path: Path) -> Subnet:
    try:
        subnet = Subnet.parse(text)
    except InputError as error:
        raise FormatError(f"{path}: {error}") from None
    if not subnet.is_compound:
        raise FormatError(f"{path}: {text} is not a compound subnet; an accuracy table has only those")
    return subnet
