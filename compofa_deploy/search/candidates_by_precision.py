"""Candidates of several device specs, each with the accuracies of its own precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.search.candidate_lists import list_candidates
from compofa_deploy.search.candidates import ARRAYS, Candidates
from compofa_deploy.space.architecture import Architecture
from latency_tables.table import LatencyTable


def list_by_precision(
    architecture: Architecture,
    accuracies: AccuraciesByPrecision,
    tables: Sequence[LatencyTable],
    percentile: int = 50,
    confidence: float = 0.9,
) -> Candidates:
    """Return the candidates of all tables, each with the accuracy of its table's precision.

    A precision without any known accuracy gets the accuracies of float32. In a precision with known accuracies,
    subnets of unknown accuracy are left out.

    Args:
        architecture: The supernet's shape.
        accuracies: The accuracies in float32 and in other precisions.
        tables: The latency tables, one for each device spec.
        percentile: The percentile of the latency.
        confidence: The confidence of the latency's interval.

    Raises:
        MismatchError: A table is of another architecture, or shares no resolution with the accuracies.
    """
    parts = [
        list_candidates(architecture, accuracies.of(table.spec), [table], percentile, confidence)
        for table in tables
    ]
    return join([part.take(np.flatnonzero(~np.isnan(part.accuracy))) for part in parts])


def join(parts: Sequence[Candidates]) -> Candidates:
    """Return the candidates of all parts in their order. There is at least one part, all of compound subnets."""
    first = np.cumsum([0, *(len(part.tables) for part in parts)])
    moved = [replace(part, table=part.table + offset) for part, offset in zip(parts, first, strict=False)]
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in moved]) for name in ARRAYS
    }
    return Candidates(tuple(table for part in parts for table in part.tables), **arrays)
