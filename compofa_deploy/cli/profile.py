"""``compofa profile``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, show_progress, warn

if TYPE_CHECKING:
    from compofa_deploy.architecture import Architecture
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
@click.option("--python", default="python3", show_default=True, help="The python on the target.")
@options.output_option
@options.json_option
def command(**given: Any) -> None:
    """Measure this machine, or others over ssh, and write a latency table of each.

    Every layer alone and some 30 whole networks, in fresh sessions, shuffled, each between two looks at a reference.
    A run that is interrupted goes on where it stopped. A target needs python 3.11, numpy and the runtime; with several,
    each one's name is put into its table's file name.

    \b
    Example:
      compofa profile --threads 1 -o cpu.json
      compofa profile --target ssh://pi@raspberry --python '~/venv/bin/python' -o pi.json
    """
    from compofa_deploy.architecture import find_architecture
    from compofa_deploy.cache import Cache
    from compofa_deploy.cli.inputs import find_spec
    from compofa_deploy.cli.tables import print_summary, summarise_table
    from compofa_deploy.profile import profile

    architecture = find_architecture(given["arch"])
    if given["targets"]:
        _profile_targets(architecture, given)
        return
    spec = find_spec(given)
    resolutions = given["resolutions"] or architecture.resolutions
    with show_progress() as display:
        display.on_step(f"profiling {architecture.name} on {spec.describe()}")
        table = profile(
            architecture,
            spec,
            resolutions,
            Cache.default(),
            "quick" if given["quick"] else "full",
            display.on_progress(),
        )
    table.save(given["output"])
    _warn_of_doubts(table)
    if given["as_json"]:
        print_json(summarise_table(given["output"], table))
    else:
        print_summary(given["output"], table)


def _profile_targets(architecture: Architecture, given: dict[str, Any]) -> None:
    from compofa_deploy.cli.tables import print_summary, summarise_table
    from compofa_deploy.remote_profile import name_outputs, profile_remotely
    from profilers.remote import Settings
    from profilers.ssh import Target

    outputs = name_outputs(given["output"], [Target.parse(text) for text in given["targets"]])
    names = ("runtime", "device", "precision", "threads", "batch")
    settings = Settings(**{name: given[name] for name in names}, graph_level=given["target_platform"] or "")
    with show_progress() as display:
        display.on_step(f"profiling {architecture.name} on {', '.join(target.name for target in outputs)}")
        tables, failed = profile_remotely(
            architecture,
            outputs,
            settings,
            given["resolutions"] or architecture.resolutions,
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
    doubtful = [network for network in table.networks if network.doubts]
    if doubtful:
        warn(
            f"{whose}{len(doubtful)} of {len(table.networks)} networks are in doubt, as {doubtful[0].label}: "
            f"{doubtful[0].doubts[0]}"
        )
