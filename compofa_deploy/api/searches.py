"""Searching."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compofa_deploy.accuracy.beside_supernet import load_by_precision
from compofa_deploy.accuracy.source import Accuracies, is_foreign, load_foreign
from compofa_deploy.search.options import SearchOptions
from compofa_deploy.search.search import SearchResult, check_space
from compofa_deploy.search.search import search as search_tables
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.supernet.stored import BUILT_IN, load_supernet
from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.cached_table import load_cached_table
from latency_tables.table import LatencyTable
from profilers.runtimes.registry import find_runtime

DEFAULTS = SearchOptions()


def search(
    tables: Sequence[LatencyTable] = (),
    options: SearchOptions = DEFAULTS,
    supernet: str | Path | None = None,
    accuracies: Path | None = None,
) -> SearchResult:
    """Finds the most accurate candidate that keeps the limits.

    Args:
        tables: Latency tables; empty for this machine's table of ONNX Runtime with one thread, from the cache.
        options: The limits and the space.
        supernet: A supernet's file, or the name of one that ships; ``None`` for the default one.
        accuracies: The supernet's accuracy table, a CSV, or a predictor; ``None`` for the table beside the supernet.

    Returns:
        The result, with one candidate.

    Raises:
        InfeasibleError: No candidate keeps the limits.
        InputError: A file or a cached table is missing, or the space cannot be searched in this way.
        MismatchError: A table or the accuracies belong to another architecture or other weights.
    """
    return _search(tables, options, supernet, accuracies, whole_front=False)


def front(
    tables: Sequence[LatencyTable] = (),
    options: SearchOptions = DEFAULTS,
    supernet: str | Path | None = None,
    accuracies: Path | None = None,
) -> SearchResult:
    """Finds the Pareto front of latency and accuracy among the candidates that keep the limits.

    Args:
        tables: Latency tables; empty for this machine's table of ONNX Runtime with one thread, from the cache.
        options: The limits; the space must be ``compofa``.
        supernet: A supernet's file, or the name of one that ships; ``None`` for the default one.
        accuracies: The supernet's accuracy table, a CSV, or a predictor; ``None`` for the table beside the supernet.

    Returns:
        The result, with the candidates of the front from the fastest to the most accurate.

    Raises:
        InfeasibleError: No candidate keeps the limits.
        InputError: A file or a cached table is missing, or the space cannot be searched in this way.
        MismatchError: A table or the accuracies belong to another architecture or other weights.
    """
    return _search(tables, options, supernet, accuracies, whole_front=True)


def _search(
    tables: Sequence[LatencyTable],
    options: SearchOptions,
    supernet: str | Path | None,
    path: Path | None,
    whole_front: bool,
) -> SearchResult:
    architecture, accuracies = _load_accuracies(supernet, path, tables)
    check_space(accuracies, options, whole_front)
    if not tables:
        spec = find_runtime("onnxruntime").spec()
        tables = [load_cached_table(architecture, accuracies.resolutions, spec, Cache.default())]
    return search_tables(architecture, accuracies, tables, options, whole_front)


def _load_accuracies(
    supernet: str | Path | None, path: Path | None, tables: Sequence[LatencyTable]
) -> tuple[Architecture, Accuracies]:
    """Accuracies from elsewhere are for the supernet that is named, or else for the architecture of the tables."""
    if path is not None and is_foreign(path):
        if tables and supernet is None:
            architecture = Architecture.from_dict(tables[0].architecture)
        else:
            architecture = load_supernet(supernet or BUILT_IN).architecture
        return architecture, load_foreign(path, architecture)
    loaded = load_supernet(supernet or BUILT_IN)
    accuracies = load_by_precision(path, supernet or BUILT_IN)
    accuracies.f32.check_supernet(loaded.digest)
    return loaded.architecture, accuracies
