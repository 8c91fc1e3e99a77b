"""``compofa profile``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, show_progress, warn
from compofa_deploy.cli.table_file import TableFile

if TYPE_CHECKING:
    from compofa_deploy.tables.profile_local import Survey
    from latency_tables.table import LatencyTable


@click.command("profile")
@options.architecture_option
@options.device_options
@options.resolutions_option
@click.option("--quick", is_flag=True, help="Fewer samples, for a first look.")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="ssh://USER@HOST[:PORT]",
    help="Another machine to measure instead of this one; may be repeated.",
)
@click.option(
    "--from",
    "old",
    type=TableFile(),
    metavar="OLD_TABLE",
    help="Bring this table up to date by a few networks instead; what is not said is set as it was for it.",
)
@click.option(
    "--networks",
    type=click.IntRange(3, 10),
    help="With --from: how many networks to measure  [default: 10].",
)
@click.option("--python", default="python3", show_default=True, help="The python on the target.")
@options.output_file_option
@options.json_option
def command(**given: Any) -> None:
    """Measure this machine, or others over ssh, and write a latency table of each.

    Some 30 whole networks in fresh sessions, shuffled, between looks at a reference; their time is divided over layers
    by the runtime's profiler, or every layer is measured alone where it has none.
    A run that is interrupted goes on where it stopped. A target needs python 3.8, numpy and the runtime; with several,
    each one's name is put into its table's file name.

    With --from, a table of another version of the runtime, of a sibling device or of other settings is brought up to
    date by at most 10 networks. It knows its own error, is kept in the cache apart from those that were measured in
    full, and is taken for one of them only where there is none.

    \b
    Example:
      compofa profile --threads 1 -o cpu.json
      compofa profile --from cpu.json --threads 2 -o two.json
      compofa profile --target ssh://pi@raspberry --python '~/venv/bin/python' -o pi.json
    """
    from compofa_deploy.cli.inputs import find_spec
    from compofa_deploy.cli.table_summary import print_summary, summarise_table
    from compofa_deploy.tables.cache import Cache
    from compofa_deploy.tables.profile_local import make_table

    survey = _plan(given)
    if given["targets"]:
        _profile_targets(survey, given)
        return
    spec = find_spec(given)
    with show_progress() as display:
        display.on_step(f"{_describe(given)} {survey.architecture.name} on {spec.describe()}")
        mode = "quick" if given["quick"] else "full"
        table = make_table(survey, spec, Cache.default(), mode, display.on_progress())
    table.save(given["output"])
    _warn_of_doubts(table)
    if given["as_json"]:
        print_json(summarise_table(given["output"], table))
    else:
        print_summary(given["output"], table)


def _plan(given: dict[str, Any]) -> Survey:
    """What is to be measured; with an old table, what was not said is put into ``given`` as it was for it."""
    from compofa_deploy.space.named_architectures import find_architecture
    from compofa_deploy.tables.profile_local import FullSurvey
    from compofa_deploy.tables.recalibrate import plan_recalibration
    from latency_tables.errors import InputError
    from latency_tables.recalibrate import MAX_NETWORKS
    from latency_tables.table import LatencyTable

    if given["old"] is None:
        if given["networks"] is not None:
            raise InputError("--networks counts those of a recalibration; name the old table with --from")
        architecture = find_architecture(given["arch"])
        return FullSurvey(architecture, tuple(given["resolutions"] or architecture.resolutions))
    old = LatencyTable.load(given["old"])
    asked_for = find_architecture(given["arch"]) if _is_said("arch") else None
    _adopt(old, given)
    networks = given["networks"] or MAX_NETWORKS
    return plan_recalibration(old, asked_for, given["resolutions"] or (), networks)


def _adopt(old: LatencyTable, given: dict[str, Any]) -> None:
    """Put the settings of the old table, as far as they are known, in place of those that were not said. Another
    runtime has its own devices and precisions."""
    same_runtime = not _is_said("runtime") or given["runtime"] == old.spec.runtime
    words = {
        "runtime": "runtime",
        "device": "device",
        "precision": "precision",
        "graph_level": "target_platform",
    }
    adopted = {"threads": "threads", "batch": "batch", **(words if same_runtime else {})}
    for field, word in adopted.items():
        if not _is_said(word) and field not in old.spec.unknown:
            given[word] = getattr(old.spec, field)


def _is_said(word: str) -> bool:
    return click.get_current_context().get_parameter_source(word) is not ParameterSource.DEFAULT


def _describe(given: dict[str, Any]) -> str:
    return "profiling" if given["old"] is None else f"recalibrating {given['old']} of"


def _profile_targets(survey: Survey, given: dict[str, Any]) -> None:
    from compofa_deploy.cli.inputs import make_request
    from compofa_deploy.cli.table_summary import print_summary, summarise_table
    from compofa_deploy.tables.profile_remote import name_outputs, profile_remotely
    from profilers.targets.ssh import Target

    outputs = name_outputs(given["output"], [Target.parse(text) for text in given["targets"]])
    with show_progress() as display:
        display.on_step(
            f"{_describe(given)} {survey.architecture.name} on {', '.join(t.name for t in outputs)}"
        )
        tables, failed = profile_remotely(
            survey,
            outputs,
            make_request(given),
            "quick" if given["quick"] else "full",
            given["python"],
            lambda target, spec: display.on_step(f"{target.name}: {spec.describe()}"),
            lambda target: display.on_progress(target.name),
        )
    for target, table in tables.items():
        _warn_of_doubts(table, f"{target.name}: ")
        if not given["as_json"]:
            print_summary(outputs[target], table)
    if given["as_json"]:
        print_json(
            {
                "targets": {t.name: summarise_table(outputs[t], table) for t, table in tables.items()},
                "failed": {target.name: str(error) for target, error in failed.items()},
            }
        )
    if failed:
        first, *others = failed.values()
        more = f" (and {len(others)} more of {len(outputs)} targets failed)" if others else ""
        raise type(first)(f"{first}{more}")


def _warn_of_doubts(table: LatencyTable, whose: str = "") -> None:
    for doubt in table.doubts:
        warn(f"{whose}the run was disturbed: {doubt}; profile again when the machine is quiet")
    doubtful = [network for network in table.networks if network.doubts]
    if doubtful:
        warn(
            f"{whose}{len(doubtful)} of {len(table.networks)} networks are in doubt, as {doubtful[0].label}: "
            f"{doubtful[0].doubts[0]}"
        )
