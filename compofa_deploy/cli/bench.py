"""``compofa bench``."""

from __future__ import annotations

import click

from compofa_deploy.cli.bench_compare import compare_command
from compofa_deploy.cli.bench_history import history_command
from compofa_deploy.cli.bench_noise import noise_command
from compofa_deploy.cli.bench_run import run_command


@click.group("bench")
def command() -> None:
    """Latency of bundles for CI, with a gate.

    \b
    Example:
      compofa bench compare old new --max-regression 3%
    """


for subcommand in (run_command, compare_command, history_command, noise_command):
    command.add_command(subcommand)
