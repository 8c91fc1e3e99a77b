"""``compofa devices``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import print_json, print_table

if TYPE_CHECKING:
    from profilers.runtimes.base import Runtime


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
                "precisions": list_precisions(runtime) if state.works else {},
                "why": state.why,
                "fix": state.fix,
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
            f"works, {f['version']}" if f["works"] else f"{f['why']}; {f['fix']}",
            " ".join(f["devices"]),
            describe_precisions(f["precisions"]),
        )
        for f in found
    ]
    print_table("", ("runtime", "state", "devices", "precisions"), rows)


def list_precisions(runtime: Runtime) -> dict[str, list[str]]:
    """By device, the precisions that a runtime computes in there, the default first."""
    return {device: list(runtime.precisions_on(device)) for device in runtime.devices}


def describe_precisions(precisions: Mapping[str, Sequence[str]]) -> str:
    """Precisions in one line, each list once.

    >>> describe_precisions({"cpu": ["f32", "bf16"], "gpu": ["f32", "f16"]})
    'cpu: f32 bf16; gpu: f32 f16'
    >>> describe_precisions({"cuda.a10": ["f32"], "cpu": ["f32"]})
    'f32'
    """
    lists = {device: " ".join(names) for device, names in precisions.items()}
    if len(set(lists.values())) < 2:
        return next(iter(lists.values()), "")
    return "; ".join(f"{device}: {names}" for device, names in lists.items())
