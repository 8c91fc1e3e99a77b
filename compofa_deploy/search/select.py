"""Selecting candidates: the best, the ranking, the whole front."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.search.candidates import Candidates
from compofa_deploy.search.constraints import Constraint
from compofa_deploy.search.pareto import find_front
from latency_tables.errors import InfeasibleError


def keep_feasible(candidates: Candidates, constraints: Sequence[Constraint]) -> NDArray[np.intp]:
    """Return the indices of the candidates that keep every constraint.

    Args:
        candidates: The candidates.
        constraints: The limits, the most important first.

    Raises:
        InfeasibleError: No candidate keeps all limits; the message names the closest candidate, which is the fastest
            where the first limit is the latency.
    """
    holds = np.ones(len(candidates), dtype=bool)
    for constraint in constraints:
        holds &= constraint.excess(candidates) <= 0
    feasible = np.flatnonzero(holds)
    if not len(feasible):
        raise InfeasibleError(_explain(candidates, constraints))
    return feasible


def best(candidates: Candidates, constraints: Sequence[Constraint]) -> int:
    """Return the index of the best candidate, the first of :func:`rank`; errors as of :func:`keep_feasible`."""
    feasible = keep_feasible(candidates, constraints)
    accuracy = candidates.accuracy[feasible]
    most_accurate = feasible[accuracy == accuracy.max()]
    return int(most_accurate[candidates.take(most_accurate).order()[0]])


def rank(candidates: Candidates, constraints: Sequence[Constraint]) -> NDArray[np.intp]:
    """Return the indices of the feasible candidates, best first; errors as of :func:`keep_feasible`."""
    feasible = keep_feasible(candidates, constraints)
    order: NDArray[np.intp] = feasible[candidates.take(feasible).order()]
    return order


def front(candidates: Candidates, constraints: Sequence[Constraint] = ()) -> NDArray[np.intp]:
    """Return the indices of the feasible candidates that are Pareto-optimal in latency and accuracy, fastest first.

    Of equal candidates the first is kept. Errors are those of :func:`keep_feasible`.
    """
    feasible = keep_feasible(candidates, constraints)
    return feasible[find_front(candidates.latency_ms[feasible], candidates.accuracy[feasible])]


def _explain(candidates: Candidates, constraints: Sequence[Constraint]) -> str:
    """Return why no candidate is feasible: the first limit that none keeps, or all limits, and the closest candidate.

    The closest candidate exceeds that limit by the least, among the candidates that keep the others where there are
    any.
    """
    excesses = [constraint.excess(candidates) for constraint in constraints]
    broken = next((i for i, excess in enumerate(excesses) if (excess > 0).all()), None)
    wanted = constraints if broken is None else [constraints[broken]]
    pivot = broken or 0
    others = [excess <= 0 for i, excess in enumerate(excesses) if i != pivot]
    pool = np.flatnonzero(np.all(others, axis=0)) if others else np.arange(len(candidates))
    if not len(pool):
        pool = np.arange(len(candidates))
    found = candidates.take(pool[[np.argmin(excesses[pivot][pool])]]).describe(0)
    upper = found["latency_upper_ms"]
    up_to = "of unknown error" if upper is None else f"up to {upper:.3g} ms"
    return (
        f"infeasible: no candidate has {' and '.join(constraint.describe() for constraint in wanted)}; the closest is "
        f"{found['subnet']}: {found['latency_ms']:.3g} ms ({up_to}), "
        f"{found['accuracy']:.2f} %, {found['size_bytes_at_most'] / 1e6:.2f} MB"
    )
