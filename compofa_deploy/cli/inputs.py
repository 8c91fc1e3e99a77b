"""From what was typed to what the library takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compofa_deploy.accuracy.source import is_foreign
from compofa_deploy.evaluation.table import AccuracyTable
from compofa_deploy.search.constraints import Constraint, MaxMacs, MaxParams, MaxSize, MinAccuracy
from compofa_deploy.supernet.stored import built_in_folder
from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError
from profilers.registry import find_runtime


def load_accuracies(path: Path | None, supernet: str) -> AccuracyTable:
    """The accuracy table named, or the one beside the supernet: ``NAME.accuracy.json``."""
    found = find_accuracies(path, supernet)
    if found is None:
        raise InputError(
            f"{_place_beside(supernet)}: there is no accuracy table; make one with compofa evaluate, or name one with "
            "--accuracy"
        )
    return found


def find_accuracies(path: Path | None, supernet: str) -> AccuracyTable | None:
    """The same, or None where none is named and none is beside the supernet."""
    if is_foreign(path):
        raise InputError(
            f"{path}: is of no supernet of ours, and compofa search alone takes it; name the table that compofa "
            "evaluate wrote"
        )
    beside = _place_beside(supernet)
    if path is None and not beside.exists():
        return None
    return AccuracyTable.load(path or beside)


def _place_beside(supernet: str) -> Path:
    beside = Path(supernet) if supernet.endswith(".safetensors") else built_in_folder() / supernet
    return Path(f"{str(beside).removesuffix('.safetensors')}.accuracy.json")


def find_spec(given: Mapping[str, Any]) -> DeviceSpec:
    """The device spec on this machine that :func:`compofa_deploy.cli.options.device_options` asked for."""
    return find_runtime(given["runtime"]).spec(
        device=given["device"],
        precision=given["precision"],
        threads=given["threads"],
        batch=given["batch"],
        graph_level=given.get("target_platform") or "",
    )


def find_target(given: Mapping[str, Any]) -> tuple[DeviceSpec, str]:
    """The device spec to export for, which for TensorRT may be of a GPU that is not here, and what the user should know
    of it, if anything."""
    from profilers.tensorrt_runtime import TensorRt

    name, note = given["runtime"], ""
    asked = {
        "capability": given["compute_capability"],
        "hardware": given["hardware"],
        "version_compatible": given["version_compatible"],
    }
    runtime = find_runtime(name)
    if not isinstance(runtime, TensorRt):
        if any(value not in ("", "exact", False) for value in asked.values()):
            raise InputError(
                f"{name} builds no engines: leave --compute-capability, --hardware and --version-compatible out, or "
                "ask for --runtime tensorrt"
            )
        return find_spec(given), note
    ahead = find_runtime("tensorrt_rtx")
    if asked["capability"] and not runtime.flavour.builds_ahead and isinstance(ahead, TensorRt):
        runtime = ahead
        note = (
            f"{name} builds for the GPU that is here alone; {ahead.name} builds this engine, and must run it"
        )
    settings = {key: given[key] for key in ("precision", "batch", "device")}
    return runtime.target(**settings, **asked), note


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
