"""Searching: from accuracies and latency tables to the best candidate, or to the whole front."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.accuracy.csv_table import StatedAccuracies
from compofa_deploy.accuracy.predictions import PredictedAccuracies
from compofa_deploy.accuracy.source import Accuracies
from compofa_deploy.accuracy.table import F32
from compofa_deploy.search.candidate_lists import list_candidates, list_from_csv
from compofa_deploy.search.candidates import Candidates
from compofa_deploy.search.candidates_by_precision import list_by_precision
from compofa_deploy.search.large_spaces import find_candidates
from compofa_deploy.search.local_search import EVALUATIONS
from compofa_deploy.search.options import SearchOptions
from compofa_deploy.search.select import best, front
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.choice_arrays import find_space
from compofa_deploy.space.space_names import LISTED_SPACE
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import InputError
from latency_tables.files import replace_file
from latency_tables.table import LatencyTable


@dataclass(frozen=True)
class SearchResult:
    """The candidates that a search chose: the best one, or the front from the fastest to the most accurate.

    Attributes:
        candidates: All candidates that were compared.
        chosen: Indices into the candidates (n,).
        evaluated: How many subnets were compared, or evaluated by a predictor in a space that is not listed.
        accuracies: The accuracies that were searched.
        options: The limits that the candidates keep.
    """

    candidates: Candidates
    chosen: NDArray[np.intp]
    evaluated: int
    accuracies: Accuracies
    options: SearchOptions

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def best(self) -> Subnet:
        """The most accurate subnet among those that were chosen."""
        return self.candidates.subnet(self.best_index)

    @property
    def best_index(self) -> int:
        """The index of the most accurate candidate among those that were chosen."""
        return int(max(self.chosen, key=lambda index: float(self.candidates.accuracy[index])))

    @property
    def origin(self) -> str:
        """Where the accuracies come from, in a few words."""
        return self.accuracies.describe()

    def describe(self) -> list[dict[str, Any]]:
        """Returns each chosen candidate in a JSON-ready form, with its test accuracy where that is known.

        ``accuracy_assumed`` says that the accuracy was measured in float32, and the candidate has a lower precision.
        """
        return [self._describe(int(index)) for index in self.chosen]

    def save_csv(self, path: Path) -> None:
        """Writes the chosen candidates as CSV, one row for each.

        Raises:
            InputError: The file cannot be written.
        """
        with replace_file(path) as file:
            self.candidates.take(self.chosen).to_frame().to_csv(file, index=False)

    def save_config(self, path: Path) -> None:
        """Writes the best subnet as OFA's config in JSON.

        Raises:
            InputError: The file cannot be written.
        """
        with replace_file(path) as file:
            file.write(json.dumps(self.best.to_ofa()).encode() + b"\n")

    def _describe(self, index: int) -> dict[str, Any]:
        spec, test = self.candidates.tables[self.candidates.table[index]].spec, None
        assumed = spec.precision != F32 and "precision" not in spec.unknown
        if isinstance(self.accuracies, AccuraciesByPrecision):
            test = self.accuracies.of(spec).find(self.candidates.subnet(index))["test"]
            assumed = self.accuracies.find(spec) is None
        return {**self.candidates.describe(index), "test_accuracy": test, "accuracy_assumed": assumed}


def search(
    architecture: Architecture,
    accuracies: Accuracies,
    tables: Sequence[LatencyTable],
    options: SearchOptions,
    whole_front: bool = False,
) -> SearchResult:
    """Searches a space on the device specs of some latency tables.

    Args:
        architecture: The architecture that is searched.
        accuracies: Its accuracies. A space that is not listed needs a predictor.
        tables: One latency table for each device spec; at least one.
        options: The limits and the space.
        whole_front: Whether to return the front of latency and accuracy instead of its best candidate.

    Returns:
        The candidates that were chosen; at least one.

    Raises:
        InfeasibleError: No candidate keeps the limits.
        InputError: The space cannot be searched in this way, or a limit is invalid.
        MismatchError: A table or the accuracies belong to another architecture.
    """
    check_space(accuracies, options, whole_front)
    evaluated: int | None = None
    percentile, confidence = options.percentile, options.confidence
    if options.space != LISTED_SPACE and isinstance(accuracies, PredictedAccuracies):
        limit_ms = inf if options.latency_ms is None else options.latency_ms
        candidates, evaluated = find_candidates(
            find_space(options.space),
            accuracies,
            tables,
            limit_ms,
            options.seed,
            options.evaluations or EVALUATIONS,
            percentile,
            confidence,
        )
    elif isinstance(accuracies, StatedAccuracies):
        candidates = list_from_csv(architecture, accuracies, tables, percentile, confidence)
    elif isinstance(accuracies, AccuraciesByPrecision):
        candidates = list_by_precision(architecture, accuracies, tables, percentile, confidence)
    else:
        candidates = list_candidates(architecture, accuracies, tables, percentile, confidence)
    constraints = options.list_constraints()
    chosen = front(candidates, constraints) if whole_front else np.array([best(candidates, constraints)])
    return SearchResult(candidates, chosen, evaluated or len(candidates), accuracies, options)


def check_space(accuracies: Accuracies, options: SearchOptions, whole_front: bool) -> None:
    """Checks that a space can be searched with these accuracies and limits.

    Args:
        accuracies: The accuracies that are searched.
        options: The limits and the space.
        whole_front: Whether the whole front is wanted.

    Raises:
        InputError: A space that is not listed lacks a predictor, or is asked for what only a listed space gives.
    """
    if options.space == LISTED_SPACE:
        return
    options.check_large_space(whole_front)
    if isinstance(accuracies, StatedAccuracies):
        raise InputError(
            f"{accuracies.source} states some subnets, and --space {options.space} needs the accuracy of any; fit a "
            "predictor to it with compofa accuracy fit, or leave --space out to search those that it states"
        )
    if not isinstance(accuracies, PredictedAccuracies):
        raise InputError(
            f"there are accuracies of the space {LISTED_SPACE} alone; name a predictor with --accuracy (compofa "
            f"accuracy fit makes one of evaluated subnets), or leave --space {options.space} out"
        )
