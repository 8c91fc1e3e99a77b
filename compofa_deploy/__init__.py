"""From a latency budget on a device to the most accurate subnet that meets it.

Begin with :mod:`compofa_deploy.api`, which has the public functions::

    from compofa_deploy import api

The command line is ``compofa --help``. Importing this package imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import profilers  # noqa: F401 - turns the telemetry of all runtimes off before one can be imported

if TYPE_CHECKING:
    __version__: str


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("compofa-deploy")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
