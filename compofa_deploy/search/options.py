"""What a search is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from compofa_deploy.search.constraints import Constraint, MaxLatency
from compofa_deploy.search.limits import Limits
from compofa_deploy.space.space_names import LISTED_SPACE
from latency_tables.errors import InputError


@dataclass(frozen=True, kw_only=True)
class SearchOptions(Limits):
    """The limits on a candidate and the way to search.

    Attributes:
        latency_ms: The largest latency, in ms, that the upper end of the predicted interval may reach.
        percentile: The percentile of the latency: 50, 90, 95 or 99.
        confidence: The confidence of the predicted interval, between 0 and 1.
        space: The space to search: ``compofa`` is compared as a whole; larger spaces are searched from random starts.
        seed: The seed of the random starts.
        evaluations: The most subnets, for each table, whose accuracy a search of a larger space predicts; ``None`` for
            :data:`compofa_deploy.search.local_search.EVALUATIONS`.
    """

    latency_ms: float | None = None
    percentile: int = 50
    confidence: float = 0.9
    space: str = LISTED_SPACE
    seed: int = 0
    evaluations: int | None = None

    @property
    def is_listed(self) -> bool:
        """Whether every subnet of the space is compared."""
        return self.space == LISTED_SPACE

    def list_constraints(self) -> list[Constraint]:
        """Returns all constraints, the latency first.

        Raises:
            InputError: A limit is not positive, or the accuracy is not between 0 and 100 per cent.
        """
        latency: list[Constraint] = [] if self.latency_ms is None else [MaxLatency(self.latency_ms)]
        return [*latency, *super().list_constraints()]

    def check_large_space(self, whole_front: bool) -> None:
        """Checks that a space too large to list is asked for its best subnet under a latency alone.

        Args:
            whole_front: Whether the whole front is wanted.

        Raises:
            InputError: Another limit or the front is asked for; the message names the command-line option.
        """
        set_options = {
            "--max-size": self.max_size_bytes,
            "--max-macs": self.max_macs,
            "--max-params": self.max_params,
            "--min-accuracy": self.min_accuracy,
            "--front": True if whole_front else None,
        }
        for option, value in set_options.items():
            if value is not None:
                raise InputError(
                    f"{option}: the space {self.space} is searched for the best subnet under --latency; leave {option} "
                    f"out, or search --space {LISTED_SPACE}"
                )
