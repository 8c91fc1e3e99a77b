"""Ending with the parent process: a child must not outlive a parent that was killed."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that the kernel sends to this process when its parent ends."""


def end_with_parent(parent: int) -> None:
    """Ask the system to kill this process when its parent ends, even while native code holds the interpreter.

    It does so on Linux. Elsewhere, the end of standard input has to do.

    Args:
        parent: The parent's process id. This process ends at once where that parent is already gone.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)
