"""Architectures: a supernet's shape, without weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from latency_tables.errors import InputError
from latency_tables.field_rule import rule
from latency_tables.record import Record


@dataclass(frozen=True)
class Architecture(Record):
    """The shape of a supernet.

    Attributes:
        name: The architecture's name, as in ``mbv3-w1.0-imagenet``.
        width: The width multiplier.
        classes: The number of classes.
        stem_stride: The stride of the first convolution, 1 or 2.
        resolutions: The sides of the square inputs in pixels, ascending.
        family: The name of the family's file in ``space/families``.
        elastic_kernel: Whether smaller kernels are cut from 7x7 weights by learned matrices. Without them each
            stage has weights of its fixed kernel size alone.
    """

    refuse_unknown = True

    name: str
    # A whole number stays whole as it is read, since digests of supernets cover it.
    width: int | float
    classes: int
    stem_stride: int
    resolutions: tuple[int, ...] = field(metadata=rule(minimum=1))
    family: str = field(default="mbv3", metadata=rule(optional=True))
    elastic_kernel: bool = field(default=True, metadata=rule(optional=True))

    def __post_init__(self) -> None:
        if self.width <= 0 or self.classes < 1 or self.stem_stride not in (1, 2):
            raise InputError(
                f"architecture {self.name!r}: width must be above 0, classes at least 1, stem stride 1 or 2"
            )
        if not self.resolutions or list(self.resolutions) != sorted(set(self.resolutions)):
            raise InputError(f"architecture {self.name!r}: resolutions must be ascending and not repeat")

    @classmethod
    def from_dict(cls, data: Any, where: str = "not an architecture") -> Architecture:
        """Read the values that :meth:`to_dict` returned.

        Args:
            data: A JSON value.
            where: Its name in errors.

        Raises:
            FormatError: A field is missing, unknown or wrong.
        """
        return super().from_dict(data, where)


IMAGENET_RESOLUTIONS = tuple(range(128, 225, 4))
"""In pixels: the resolutions that OFA and CompOFA train with on ImageNet."""
