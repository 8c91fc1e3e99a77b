"""Runtimes do not report to their makers while they are measured.

A report takes time on the cores that are measured, writes files into the user's home folder, and tells others about
the machine. Two packages do so:

* ONNX Runtime, from version 1.31 on, on import. It reads ``ORT_DISABLE_TELEMETRY`` once, at that moment.
* OpenVINO, through the package ``openvino_telemetry``, which it replaces by a stand-in where the import fails.
"""

from __future__ import annotations

import os
import sys

VARIABLES = {"ORT_DISABLE_TELEMETRY": "1"}
"""What the environment says to this process and to all of its child processes."""
BLOCKED_PACKAGES = ("openvino_telemetry",)


def disable_telemetry() -> None:
    """Turn the telemetry of all runtimes off, for this process and its child processes.

    It must be called before a runtime is imported, so importing :mod:`profilers` calls it. A runtime that a program
    has imported earlier has already reported.
    """
    os.environ.update(VARIABLES)
    for name in BLOCKED_PACKAGES:
        # With None in its place, an import of this name fails.
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
