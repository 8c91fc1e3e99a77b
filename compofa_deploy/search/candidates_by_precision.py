"""Candidates of several device specs, each with the accuracies of its own precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.search.candidates import ARRAYS, Candidates, list_candidates
from compofa_deploy.space.architecture import Architecture
from latency_tables.table import LatencyTable


def list_mixed(
    architecture: Architecture,
    accuracies: AccuraciesByPrecision,
    tables: Sequence[LatencyTable],
    percentile: int = 50,
    confidence: float = 0.9,
) -> Candidates:
    """All candidates; see :func:`compofa_deploy.search.candidates.list_candidates`. Where nothing is known of a
    runtime's precision, the accuracies are those of float32; where something is, subnets of which it is not known are
    no candidates."""
    parts = [
        list_candidates(architecture, accuracies.of(table.spec), [table], percentile, confidence)
        for table in tables
    ]
    return join([part.take(np.flatnonzero(~np.isnan(part.accuracy))) for part in parts])


def join(parts: Sequence[Candidates]) -> Candidates:
    """Candidates of listed spaces in one, in their order; at least one part."""
    first = np.cumsum([0, *(len(part.tables) for part in parts)])
    moved = [replace(part, table=part.table + offset) for part, offset in zip(parts, first, strict=False)]
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in moved]) for name in ARRAYS
    }
    return Candidates(tuple(table for part in parts for table in part.tables), **arrays)
