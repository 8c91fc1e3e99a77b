"""Architectures: a supernet's shape, without weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from latency_tables.errors import InputError


@dataclass(frozen=True, slots=True)
class Architecture:
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

    name: str
    width: float
    classes: int
    stem_stride: int
    resolutions: tuple[int, ...]
    family: str = "mbv3"
    elastic_kernel: bool = True

    def __post_init__(self) -> None:
        if self.width <= 0 or self.classes < 1 or self.stem_stride not in (1, 2):
            raise InputError(
                f"architecture {self.name!r}: width must be above 0, classes at least 1, stem stride 1 or 2"
            )
        if not self.resolutions or list(self.resolutions) != sorted(set(self.resolutions)):
            raise InputError(f"architecture {self.name!r}: resolutions must be ascending and not repeat")

    def to_dict(self) -> dict[str, Any]:
        """Return the architecture as JSON-ready values, which :meth:`from_dict` reads."""
        return {**asdict(self), "resolutions": list(self.resolutions)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Architecture:
        """Read the values that :meth:`to_dict` returned.

        Raises:
            InputError: A field is missing, unknown or wrong.
        """
        try:
            return cls(**{**data, "resolutions": tuple(int(r) for r in data["resolutions"])})
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"not an architecture: {error}; write it with Architecture.to_dict") from None


IMAGENET_RESOLUTIONS = tuple(range(128, 225, 4))
"""In pixels: the resolutions that OFA and CompOFA train with on ImageNet."""
