"""``compofa bench``."""

from __future__ import annotations

import click


@click.group("bench")
def command() -> None:
    """Latency of bundles for CI, with a gate.

    \b
    Example:
      compofa bench compare old new --max-regression 3%
    """
