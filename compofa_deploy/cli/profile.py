"""``compofa profile``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.command_line import is_given
from compofa_deploy.cli.output import print_json, show_progress, warn
from compofa_deploy.cli.table_file import TableFile

if TYPE_CHECKING:
    from compofa_deploy.tables.profile_options import ProfileOptions
    from latency_tables.table import LatencyTable


@click.command("profile")
@options.architecture_option
@options.device_options
@options.resolutions_option
@click.option("--quick", is_flag=True, help="Take fewer samples, for a first estimate.")
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
    help="Bring this table up to date by a few networks instead. Options that are not given are set as they were for "
    "the table.",
)
@click.option(
    "--networks",
    type=click.IntRange(3, 10),
    help="With --from: the number of networks to measure  [default: 10].",
)
@click.option("--python", default="python3", show_default=True, help="The Python interpreter on the target.")
@options.output_file_option
@options.json_option
def command(
    arch: str,
    runtime: str,
    device: str,
    precision: str,
    threads: int,
    batch: int,
    target_platform: str | None,
    resolutions: tuple[int, ...] | None,
    quick: bool,
    targets: tuple[str, ...],
    old: Path | None,
    networks: int | None,
    python: str,
    output: Path,
    as_json: bool,
) -> None:
    """Measure this machine, or others over ssh, and write a latency table of each.

    About 30 whole networks are measured in fresh sessions, in random order, with a reference network timed in between.
    The runtime's profiler divides their time over the layers. Without a profiler, every layer is measured
    alone. A run that is interrupted goes on where it stopped.

    A target needs Python 3.8 or newer, numpy and the runtime. With several targets, each file's name gets the name of
    its target.

    With --from, at most 10 networks bring a table up to date for another version of the runtime, a sibling device or
    other settings. The new table states its own error. The cache keeps it apart from tables that were measured in full,
    and uses it only where there is none of those.

    \b
    Example:
      compofa profile --threads 1 -o cpu.json
      compofa profile --from cpu.json --threads 2 -o two.json
      compofa profile --target ssh://pi@raspberry --python '~/venv/bin/python' -o pi.json
    """
    from compofa_deploy import api
    from compofa_deploy.cli.table_summary import print_summary, summarise_table

    request = api.DeviceRequest(runtime, device, precision, threads, batch, graph_level=target_platform or "")
    older = None if old is None else api.load_table(old)
    if older is not None:
        request = api.adopt_settings(request, list_given(), older.spec)
    wanted = api.ProfileOptions(
        architecture=arch if is_given("arch") else None,
        device=request,
        resolutions=resolutions or (),
        quick=quick,
        old=older,
        networks=networks,
    )
    if targets:
        profile_targets(targets, output, wanted, python, as_json)
        return
    with show_progress() as display:
        table = api.profile(wanted, display)
    table.save(output)
    warn_of_doubts(table)
    if as_json:
        print_json(summarise_table(output, table))
    else:
        print_summary(output, table)


def list_given() -> list[str]:
    """Returns the settings of a device request that were given on the command line."""
    options_by_setting = {
        "runtime": "runtime",
        "device": "device",
        "precision": "precision",
        "threads": "threads",
        "batch": "batch",
        "graph_level": "target_platform",
    }
    return [setting for setting, option in options_by_setting.items() if is_given(option)]


def profile_targets(
    targets: Sequence[str], output: Path, wanted: ProfileOptions, python: str, as_json: bool
) -> None:
    """Profiles other machines, and prints the table of each.

    Args:
        targets: The machines.
        output: The table's file, or the begin of its name.
        wanted: The architecture and the device settings.
        python: The interpreter on the targets.
        as_json: Whether to print JSON.

    Raises:
        CompofaError: A target failed; the tables of the others were written and printed.
    """
    from compofa_deploy import api
    from compofa_deploy.cli.table_summary import print_summary, summarise_table

    with show_progress() as display:
        result = api.profile_targets(targets, output, wanted, python, display)
    for target in result.tables:
        warn_of_doubts(result.tables[target], f"{target}: ")
        if not as_json:
            print_summary(result.outputs[target], result.tables[target])
    if as_json:
        print_json(
            {
                "targets": {
                    t: summarise_table(result.outputs[t], table) for t, table in result.tables.items()
                },
                "failed": {target: str(error) for target, error in result.failed.items()},
            }
        )
    if result.failed:
        first, *others = result.failed.values()
        more = f" (and {len(others)} more of {len(result.outputs)} targets failed)" if others else ""
        raise type(first)(f"{first}{more}")


def warn_of_doubts(table: LatencyTable, whose: str = "") -> None:
    """Warns of a run that was disturbed.

    Args:
        table: The table of the run.
        whose: The target's name and a colon, where there are several.
    """
    for doubt in table.doubts:
        warn(f"{whose}the run was disturbed: {doubt}; profile again when the machine is quiet")
    doubtful = [network for network in table.networks if network.doubts]
    if doubtful:
        warn(
            f"{whose}{len(doubtful)} of {len(table.networks)} networks are in doubt, as {doubtful[0].label}: "
            f"{doubtful[0].doubts[0]}"
        )
