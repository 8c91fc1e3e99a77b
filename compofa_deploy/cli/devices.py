"""``compofa devices``."""

from __future__ import annotations

from typing import Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, print_table


@click.command("devices")
@options.json_option
def command(as_json: bool) -> None:
    """Runtimes and devices that work here, and why others do not.

    \b
    Example:
      compofa devices
    """
    from profilers.machine.environment import read_machine
    from profilers.runtimes.registry import find_runtime, list_runtimes

    machine = read_machine()
    found: list[dict[str, Any]] = []
    for name in list_runtimes():
        runtime = find_runtime(name)
        state = runtime.check()
        found.append(
            {
                "runtime": name,
                "works": state.works,
                "version": runtime.version() if state.works else None,
                "devices": list(runtime.devices) if state.works else [],
                "precisions": list(runtime.precisions) if state.works else [],
                "why": state.why,
                "mend": state.mend,
            }
        )
    if as_json:
        print_json({"machine": machine.to_dict(), "runtimes": found})
        return
    quota = "" if machine.cpu_quota is None else f", quota {machine.cpu_quota:g}"
    click.echo(f"{machine.cpu_model}, {machine.cores} cores{quota}, {' '.join(machine.isa)}")
    rows = [
        (
            f["runtime"],
            f"works, {f['version']}" if f["works"] else f"{f['why']}; {f['mend']}",
            " ".join(f["devices"]),
            " ".join(f["precisions"]),
        )
        for f in found
    ]
    print_table("", ("runtime", "state", "devices", "precisions"), rows)
