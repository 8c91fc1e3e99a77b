"""Architectures: a supernet's shape, without weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from latency_tables.errors import InputError


@dataclass(frozen=True, slots=True)
class Architecture:
    """A supernet's shape. ``resolutions`` are the sides of its square inputs, in pixels, ascending.

    With ``elastic_kernel`` the depthwise weights are 7x7 and every smaller kernel is cut from them by learned
    matrices; without it each stage has weights of its family's fixed kernel size alone.
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
        """A JSON-ready form, read back by :meth:`from_dict`."""
        return {**asdict(self), "resolutions": list(self.resolutions)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Architecture:
        """Read what :meth:`to_dict` wrote; :class:`InputError` where a field is missing, unknown or wrong."""
        try:
            return cls(**{**data, "resolutions": tuple(int(r) for r in data["resolutions"])})
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"not an architecture: {error}; write it with Architecture.to_dict") from None


IMAGENET_RESOLUTIONS = tuple(range(128, 225, 4))

ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture("mbv3-w1.0-imagenet", 1.0, 1000, 2, IMAGENET_RESOLUTIONS),
        Architecture("mbv3-w1.2-imagenet", 1.2, 1000, 2, IMAGENET_RESOLUTIONS),
        Architecture("mbv3-w1.0-fixed-imagenet", 1.0, 1000, 2, IMAGENET_RESOLUTIONS, elastic_kernel=False),
        Architecture("proxyless-w1.3-imagenet", 1.3, 1000, 2, IMAGENET_RESOLUTIONS, "proxyless"),
        Architecture(
            "resnet50d-w1.0-imagenet", 1.0, 1000, 2, IMAGENET_RESOLUTIONS, "resnet50d", elastic_kernel=False
        ),
        Architecture("mbv3-w0.75-cifar10", 0.75, 10, 1, (24, 28, 32), elastic_kernel=False),
        Architecture("mbv3-w1.0-tiny-imagenet", 1.0, 200, 1, (32, 40, 48, 56, 64), elastic_kernel=False),
    )
}


def find_architecture(name: str) -> Architecture:
    """The architecture of that name; :class:`InputError` lists those there are."""
    try:
        return ARCHITECTURES[name]
    except KeyError:
        raise InputError(f"no architecture {name!r}; there are {', '.join(ARCHITECTURES)}") from None
