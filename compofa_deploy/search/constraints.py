"""Constraints on candidates, one small class each. A constraint holds where its excess is at most 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.search.candidates import Candidates
from latency_tables.errors import InputError


class Constraint(Protocol):
    """A limit that a candidate must keep."""

    def excess(self, candidates: Candidates) -> NDArray[np.float64]:
        """Return (n,): by how much each candidate exceeds the limit; at most 0 where it keeps the limit."""

    def describe(self) -> str:
        """Return the limit in a few words, for messages."""


@dataclass(frozen=True, slots=True)
class MaxLatency:
    """The upper end of the predicted interval is at most ``limit_ms``."""

    limit_ms: float

    def __post_init__(self) -> None:
        _check_positive(self.limit_ms, "a latency budget")

    def excess(self, candidates: Candidates) -> NDArray[np.float64]:
        upper: NDArray[np.float64] = candidates.latency_ms * (1 + candidates.margin) - self.limit_ms
        return upper

    def describe(self) -> str:
        return f"latency at most {self.limit_ms:g} ms"


@dataclass(frozen=True, slots=True)
class MaxSize:
    """The model file's size is at most ``limit_bytes``."""

    limit_bytes: int

    def __post_init__(self) -> None:
        _check_positive(self.limit_bytes, "a size limit")

    def excess(self, candidates: Candidates) -> NDArray[np.float64]:
        return (candidates.size_bytes - self.limit_bytes).astype(np.float64)

    def describe(self) -> str:
        return f"size at most {self.limit_bytes / 1e6:g} MB"


@dataclass(frozen=True, slots=True)
class MaxMacs:
    """The multiply-accumulates for one image are at most ``limit``."""

    limit: int

    def __post_init__(self) -> None:
        _check_positive(self.limit, "a limit on MACs")

    def excess(self, candidates: Candidates) -> NDArray[np.float64]:
        return (candidates.macs - self.limit).astype(np.float64)

    def describe(self) -> str:
        return f"at most {self.limit / 1e6:g} million MACs"


@dataclass(frozen=True, slots=True)
class MaxParams:
    """The parameters are at most ``limit``."""

    limit: int

    def __post_init__(self) -> None:
        _check_positive(self.limit, "a limit on parameters")

    def excess(self, candidates: Candidates) -> NDArray[np.float64]:
        return (candidates.params - self.limit).astype(np.float64)

    def describe(self) -> str:
        return f"at most {self.limit / 1e6:g} million parameters"


@dataclass(frozen=True, slots=True)
class MinAccuracy:
    """The validation top-1 is at least ``percent``."""

    percent: float

    def __post_init__(self) -> None:
        if not 0 <= self.percent <= 100:
            raise InputError(f"an accuracy is between 0 and 100 per cent; got {self.percent:g}")

    def excess(self, candidates: Candidates) -> NDArray[np.float64]:
        missing: NDArray[np.float64] = self.percent - candidates.accuracy
        return missing

    def describe(self) -> str:
        return f"accuracy at least {self.percent:g} %"


def _check_positive(value: float, what: str) -> None:
    if not value > 0:
        raise InputError(f"{what} must be above 0; got {value:g}")
