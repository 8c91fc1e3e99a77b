"""Limits on a candidate besides its latency."""

from __future__ import annotations

from dataclasses import dataclass

from compofa_deploy.search.constraints import Constraint, MaxMacs, MaxParams, MaxSize, MinAccuracy


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits on size, cost and accuracy. ``None`` sets no limit.

    Attributes:
        max_size_bytes: The largest model file, in bytes.
        max_macs: The most multiply-accumulates for one image.
        max_params: The most parameters.
        min_accuracy: The lowest validation top-1 accuracy, in per cent.
    """

    max_size_bytes: int | None = None
    max_macs: int | None = None
    max_params: int | None = None
    min_accuracy: float | None = None

    def list_constraints(self) -> list[Constraint]:
        """Returns one constraint for each limit that is set.

        Raises:
            InputError: A limit is not positive, or the accuracy is not between 0 and 100 per cent.
        """
        constraints: list[Constraint] = []
        if self.max_size_bytes is not None:
            constraints.append(MaxSize(self.max_size_bytes))
        if self.max_macs is not None:
            constraints.append(MaxMacs(self.max_macs))
        if self.max_params is not None:
            constraints.append(MaxParams(self.max_params))
        if self.min_accuracy is not None:
            constraints.append(MinAccuracy(self.min_accuracy))
        return constraints
