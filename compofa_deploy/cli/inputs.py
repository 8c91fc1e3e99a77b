"""From what was typed to what the library takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compofa_deploy.evaluation.table import AccuracyTable
from compofa_deploy.search.constraints import Constraint, MaxMacs, MaxParams, MaxSize, MinAccuracy
from compofa_deploy.supernet.stored import built_in_folder
from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError
from profilers.registry import find_runtime


def load_accuracies(path: Path | None, supernet: str) -> AccuracyTable:
    """The accuracy table named, or the one beside the supernet: ``NAME.accuracy.json``."""
    if path is not None:
        return AccuracyTable.load(path)
    beside = Path(supernet) if supernet.endswith(".safetensors") else built_in_folder() / supernet
    found = Path(f"{str(beside).removesuffix('.safetensors')}.accuracy.json")
    if not found.exists():
        raise InputError(
            f"{found}: there is no accuracy table; make one with compofa evaluate, or name one with --accuracy"
        )
    return AccuracyTable.load(found)


def find_spec(given: Mapping[str, Any]) -> DeviceSpec:
    """The device spec on this machine that :func:`compofa_deploy.cli.options.device_options` asked for."""
    return find_runtime(given["runtime"]).spec(
        device=given["device"], precision=given["precision"], threads=given["threads"], batch=given["batch"]
    )


def list_constraints(given: Mapping[str, Any]) -> list[Constraint]:
    """The constraints that were asked for, but for the latency."""
    constraints: list[Constraint] = []
    if given["max_size"] is not None:
        constraints.append(MaxSize(int(given["max_size"])))
    if given["max_macs"] is not None:
        constraints.append(MaxMacs(int(given["max_macs"])))
    if given["max_params"] is not None:
        constraints.append(MaxParams(int(given["max_params"])))
    if given["min_accuracy"] is not None:
        constraints.append(MinAccuracy(given["min_accuracy"]))
    return constraints
