"""Telemetry: runtimes must not report to their makers while they are measured.

A report takes time on the cores that are measured, writes files into the user's home folder, and tells others about the
machine. Two packages report:

* ONNX Runtime from version 1.31 on reports when it is imported. It reads ``ORT_DISABLE_TELEMETRY`` at that moment.
* OpenVINO reports through the package ``openvino_telemetry``. It uses a stand-in where that package cannot be imported.
"""

from __future__ import annotations

import os
import sys

VARIABLES = {"ORT_DISABLE_TELEMETRY": "1"}
"""The variables that turn telemetry off, in the environment of this process and of its child processes."""
BLOCKED_PACKAGES = ("openvino_telemetry",)


def disable_telemetry() -> None:
    """Turn the telemetry of all runtimes off, for this process and its child processes.

    Importing :mod:`profilers` calls it, since it must be called before a runtime is imported. A runtime that a program
    imported earlier has already reported.
    """
    os.environ.update(VARIABLES)
    for name in BLOCKED_PACKAGES:
        # With None in its place, an import of this name fails.
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
