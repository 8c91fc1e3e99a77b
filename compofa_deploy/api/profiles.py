"""Profiling: from an architecture and a device to a latency table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compofa_deploy.api.devices import open_local
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.supernet.stored import BUILT_IN
from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.profile import FullSurvey, Survey, make_table
from compofa_deploy.tables.profile_options import ProfileOptions
from compofa_deploy.tables.profile_remote import name_outputs, profile_remotely
from compofa_deploy.tables.recalibration import plan_recalibration
from compofa_deploy.tables.validate import validate as validate_table
from latency_tables import shipped
from latency_tables.errors import CompofaError, InputError, MismatchError
from latency_tables.recalibrate import MAX_NETWORKS
from latency_tables.table import LatencyTable
from profilers.measuring.watcher import SILENT, Watcher
from profilers.targets.ssh import Target

DEFAULTS = ProfileOptions()


@dataclass(frozen=True, slots=True)
class TargetsResult:
    """What came of profiling several targets, by their names: the files of all, the tables, and the errors."""

    outputs: Mapping[str, Path]
    tables: Mapping[str, LatencyTable]
    failed: Mapping[str, CompofaError]


def profile(options: ProfileOptions = DEFAULTS, watcher: Watcher = SILENT) -> LatencyTable:
    """Measures this machine and makes its latency table, which is kept in the cache as well.

    A run that was stopped goes on where it stopped.

    Args:
        options: The architecture and the device settings.
        watcher: Is told of the steps.

    Raises:
        InputError: There is no such architecture, or the device does not have what is asked for.
        MeasurementError: The networks cannot be measured.
        RuntimeUnavailable: The runtime does not work here.
    """
    survey = plan_survey(options)
    device = open_local()
    spec = device.find_spec(options.device)
    watcher.on_step(f"{describe_survey(options)} {survey.architecture.name} on {spec.describe()}")
    return make_table(survey, spec, device, Cache.default(), options.mode, watcher.on_progress())


def profile_targets(
    targets: Sequence[str],
    output: Path,
    options: ProfileOptions = DEFAULTS,
    python: str = "python3",
    watcher: Watcher = SILENT,
) -> TargetsResult:
    """Measures other machines over ssh, all at once, and writes the table of each.

    Args:
        targets: The machines, each as ``ssh://user@host[:port]``.
        output: The table's file. Of several targets, each has its name in its file's.
        options: The architecture and the device settings.
        python: The interpreter on the targets.
        watcher: Is told of the steps.

    Returns:
        The tables, their files, and the errors of the targets that failed.

    Raises:
        InputError: A target's name is invalid, or there is no such architecture.
    """
    survey = plan_survey(options)
    outputs = name_outputs(output, [Target.parse(text) for text in targets])
    names = ", ".join(target.name for target in outputs)
    watcher.on_step(f"{describe_survey(options)} {survey.architecture.name} on {names}")
    tables, failed = profile_remotely(
        survey,
        outputs,
        options.device,
        options.mode,
        python,
        lambda target, spec: watcher.on_step(f"{target.name}: {spec.describe()}"),
        lambda target: watcher.on_progress(target.name),
    )
    return TargetsResult(
        {target.name: path for target, path in outputs.items()},
        {target.name: table for target, table in tables.items()},
        {target.name: error for target, error in failed.items()},
    )


def plan_survey(options: ProfileOptions) -> Survey:
    """Returns what is measured: the whole architecture, or a few networks that bring an older table up to date.

    Raises:
        InputError: There is no such architecture, or networks are counted without an older table.
        MismatchError: The older table is of another architecture, or lacks a resolution.
    """
    if options.old is None:
        if options.networks is not None:
            raise InputError("--networks counts those of a recalibration; name the old table with --from")
        architecture = find_architecture(options.architecture or BUILT_IN)
        return FullSurvey(architecture, options.resolutions or architecture.resolutions)
    named = None if options.architecture is None else find_architecture(options.architecture)
    return plan_recalibration(options.old, named, options.resolutions, options.networks or MAX_NETWORKS)


def describe_survey(options: ProfileOptions) -> str:
    """Returns what is done, for a line of progress."""
    return "profiling" if options.old is None else f"recalibrating {options.old.source} of"


def validate(
    path: Path, networks: int = 60, seed: int = 0, mode: str = "full", watcher: Watcher = SILENT
) -> LatencyTable:
    """Measures random subnets that a table never saw, each twice, and stores the table's error in its file.

    A run that was stopped goes on where it stopped.

    Args:
        path: The table's file. The table must be of this machine.
        networks: How many subnets are measured.
        seed: The seed by which they are drawn.
        mode: ``quick`` or ``full``: how thoroughly to measure each.
        watcher: Is told of the steps.

    Returns:
        The table with its validation.

    Raises:
        InputError: The table ships with the package, or cannot have so many subnets held out.
        MismatchError: The table is of another machine or runtime version.
    """
    table = LatencyTable.load(path)
    if path.parent == shipped.FOLDER:
        raise InputError(f"{path.stem} ships, and is not written to; validate a copy of {path}")
    if table.spec.unknown:
        raise MismatchError(
            f"{path} is of {table.spec.describe()}, which cannot be told to be this machine; make a table of this one "
            "with compofa profile"
        )
    watcher.on_step(f"measuring {networks} subnets twice on {table.spec.describe()}")
    validated = validate_table(
        table, open_local(), Cache.default(), networks, seed, mode, watcher.on_progress()
    )
    validated.save(path)
    return validated
