"""From what was typed to what the library takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.accuracy.source import is_foreign
from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.deploy.device_choice import AUTO, Asked, leave_unknown_out, list_specs
from compofa_deploy.search.constraints import Constraint, MaxMacs, MaxParams, MaxSize, MinAccuracy
from compofa_deploy.supernet.stored import StoredSupernet, built_in_folder
from compofa_deploy.tables.skipped import Skipped
from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import InputError
from profilers.runtimes import registry
from profilers.runtimes.registry import find_runtime

if TYPE_CHECKING:
    from compofa_deploy.data.decode import OnSkip
    from compofa_deploy.data.splits import DataSplits


def load_accuracies(path: Path | None, supernet: str) -> AccuracyTable:
    """The accuracy table named, or the one beside the supernet: ``NAME.accuracy.json``."""
    found = find_accuracies(path, supernet)
    if found is None:
        raise InputError(
            f"{_place_beside(supernet)}: there is no accuracy table; make one with compofa evaluate, or name one with "
            "--accuracy"
        )
    return found


def load_by_precision(path: Path | None, supernet: str) -> AccuraciesByPrecision:
    """The same, with what was measured of exported graphs in other precisions: the tables beside it."""
    return AccuraciesByPrecision.beside(load_accuracies(path, supernet), path or _place_beside(supernet))


def find_by_precision(path: Path | None, supernet: str) -> AccuraciesByPrecision | None:
    """The same, or None where none is named and none is beside the supernet."""
    found = find_accuracies(path, supernet)
    return None if found is None else AccuraciesByPrecision.beside(found, path or _place_beside(supernet))


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


def make_request(given: Mapping[str, Any]) -> DeviceRequest:
    """The request that :func:`compofa_deploy.cli.options.device_options` were given for."""
    return DeviceRequest(
        given["runtime"],
        given["device"],
        given["precision"],
        given["threads"],
        given["batch"],
        graph_level=given.get("target_platform") or "",
    )


def find_spec(given: Mapping[str, Any]) -> DeviceSpec:
    """The device spec on this machine that :func:`compofa_deploy.cli.options.device_options` asked for."""
    return registry.find_spec(make_request(given))


def find_specs(
    given: Mapping[str, Any], accuracies: AccuraciesByPrecision
) -> tuple[list[DeviceSpec], list[Skipped]]:
    """The device specs to choose from that :func:`compofa_deploy.cli.options.searched_device_options` asked for, and
    what is not among them.

    Precisions that were not named are left out where nobody has measured the accuracies and there are no images to
    measure them on.
    """
    is_auto = given["runtime"] == AUTO
    precision = given["precision"] or (AUTO if is_auto else "")
    threads = (0 if is_auto else 1) if given["threads"] is None else given["threads"]
    if precision != AUTO and threads and not is_auto:
        return [find_spec({**given, "threads": threads})], []
    if given["target_platform"] is not None:
        raise InputError(
            "--target-platform is of onnxruntime_mobile alone; name its precision and threads as well"
        )
    asked = Asked(given["runtime"], given["device"], precision, threads, given["batch"])
    specs, left_out = list_specs(asked)
    if precision == AUTO and given["data"] is None:
        specs, unknown = leave_unknown_out(specs, accuracies)
        left_out += unknown
    return specs, left_out


def find_target(given: Mapping[str, Any]) -> tuple[DeviceSpec, str]:
    """The device spec to export for, which for TensorRT may be of a GPU that is not here, and what the user should know
    of it, if anything."""
    from profilers.runtimes.tensorrt.runtime import TensorRt

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
    return runtime.engine_spec(**settings, **asked), note


def load_held_out(
    folder: Path, supernet: StoredSupernet, name: str, on_skip: OnSkip, test_split: str = ""
) -> DataSplits:
    """Load the images that were held out of a supernet's training.

    Args:
        folder: The folder of the data set.
        supernet: A supernet that was trained or calibrated here.
        name: The name of the supernet in errors.
        on_skip: It is told each image that cannot be decoded.
        test_split: The name of the split for reporting; the first of the usual names where it is empty.

    Raises:
        InputError: The supernet does not say which images were held out, or the folder has no such splits.
    """
    from compofa_deploy.data.splits import load_splits

    settings = supernet.origin.get("data_settings")
    held_out = ("validation_images", "split_seed")
    if not isinstance(settings, dict) or any(not isinstance(settings.get(word), int) for word in held_out):
        raise InputError(
            f"{name}: does not say which images were held out of its training; train it with compofa train"
        )
    count, seed = (settings[word] for word in held_out)
    return load_splits(folder, count, seed, on_skip, test_split)


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
