"""``compofa profile``."""

from __future__ import annotations

from typing import Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, show_progress, warn


@click.command("profile")
@options.architecture_option
@options.device_options
@options.resolutions_option
@click.option("--quick", is_flag=True, help="Fewer samples, for a first look.")
@options.output_option
@options.json_option
def command(**given: Any) -> None:
    """Measure this machine and write its latency table.

    Every layer alone and some 30 whole networks, in fresh sessions, shuffled, each between two looks at a reference.
    A run that is interrupted goes on where it stopped.

    \b
    Example:
      compofa profile --threads 1 -o cpu.json
    """
    from compofa_deploy.architecture import find_architecture
    from compofa_deploy.cache import Cache
    from compofa_deploy.cli.inputs import find_spec
    from compofa_deploy.cli.tables import print_summary, summarise_table
    from compofa_deploy.profile import profile

    architecture = find_architecture(given["arch"])
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
    doubtful = [network for network in table.networks if network.doubts]
    if doubtful:
        warn(
            f"{len(doubtful)} of {len(table.networks)} networks are in doubt, as {doubtful[0].label}: "
            f"{doubtful[0].doubts[0]}"
        )
    if given["as_json"]:
        print_json(summarise_table(given["output"], table))
    else:
        print_summary(given["output"], table)
