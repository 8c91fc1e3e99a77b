"""Candidates with the costs that a test needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from compofa_deploy.search.candidates import Candidates
from tests.support.supernets import make_table

TABLES = (make_table(),)


def make_candidates(
    latency_ms: Sequence[float],
    accuracy: Sequence[float],
    margin: float = 0.0,
    macs: Sequence[int] | None = None,
    params: Sequence[int] | None = None,
    size_bytes: Sequence[int] | None = None,
) -> Candidates:
    """One candidate for each latency; what is not given is the same for all."""
    count = len(latency_ms)

    def fill(values: Sequence[int] | None) -> np.ndarray:
        return np.full(count, 1000) if values is None else np.array(values)

    return Candidates(
        TABLES,
        depths=np.arange(count),
        resolution=np.full(count, 16),
        table=np.zeros(count, np.int64),
        accuracy=np.array(accuracy, float),
        latency_ms=np.array(latency_ms, float),
        margin=np.full(count, margin),
        macs=fill(macs),
        params=fill(params),
        size_bytes=fill(size_bytes),
    )


FEW_VALUES = st.integers(1, 6)
"""Few, so that equal ones are drawn often."""


@st.composite
def some_candidates(draw: st.DrawFn) -> Candidates:
    count = draw(st.integers(1, 24))
    columns = [draw(st.lists(FEW_VALUES, min_size=count, max_size=count)) for _ in range(5)]
    latency_ms, accuracy, macs, params, size_bytes = columns
    margin = draw(st.sampled_from([0.0, 0.1, 0.5]))
    return make_candidates(latency_ms, accuracy, margin, macs, params, size_bytes)
