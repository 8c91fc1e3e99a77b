"""``compofa devices``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import echo, print_json, print_table


@click.command("devices")
@options.json_option
def command(as_json: bool) -> None:
    """List the runtimes and devices that work here, and say why others do not.

    \b
    Example:
      compofa devices
    """
    from compofa_deploy import api

    machine = api.read_machine()
    found: list[dict[str, Any]] = [
        {
            "runtime": status.name,
            "works": status.works,
            "version": status.version or None,
            "devices": list(status.devices),
            "precisions": {device: list(names) for device, names in status.precisions.items()},
            "why": status.why,
            "fix": status.fix,
        }
        for status in api.list_runtimes()
    ]
    if as_json:
        print_json({"machine": machine.to_dict(), "runtimes": found})
        return
    quota = "" if machine.cpu_quota is None else f", quota {machine.cpu_quota:g}"
    echo(f"{machine.cpu_model}, {machine.cores} cores{quota}, {' '.join(machine.isa)}")
    rows = [
        (
            f["runtime"],
            f"works, {f['version']}" if f["works"] else f"{f['why']}; {f['fix']}",
            " ".join(f["devices"]),
            describe_precisions(f["precisions"]),
        )
        for f in found
    ]
    print_table("", ("runtime", "state", "devices", "precisions"), rows)


def describe_precisions(precisions: Mapping[str, Sequence[str]]) -> str:
    """Describes precisions in one line, each list once.

    >>> describe_precisions({"cpu": ["f32", "bf16"], "gpu": ["f32", "f16"]})
    'cpu: f32 bf16; gpu: f32 f16'
    >>> describe_precisions({"cuda.a10": ["f32"], "cpu": ["f32"]})
    'f32'
    """
    lists = {device: " ".join(names) for device, names in precisions.items()}
    if len(set(lists.values())) < 2:
        return next(iter(lists.values()), "")
    return "; ".join(f"{device}: {names}" for device, names in lists.items())
