"""Signals that end a command: each stops it as Ctrl-C does, so that it cleans up and keeps what is done."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that ask a process to end; Windows has no SIGHUP."""


class StopSignals:
    """Turns signals that ask a process to end into a :class:`KeyboardInterrupt`.

    Attributes:
        received: The signal that ended the command; Ctrl-C's own unless another one came.
    """

    def __init__(self) -> None:
        self.received: int = signal.SIGINT

    def install(self) -> None:
        """Installs the handlers. A signal that is ignored stays so, as under nohup.

        Under torchrun nothing is installed: it ends its processes itself once one of them has failed.
        """
        if threading.current_thread() is not threading.main_thread() or "LOCAL_RANK" in os.environ:
            return
        for number in ENDING:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, self._stop)

    def restore(self) -> None:
        """Lets a second signal end the process at once."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in ENDING:
            if signal.getsignal(number) == self._stop:
                signal.signal(number, signal.SIG_DFL)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        # Long work may hold Ctrl-C back until its files are whole; it holds these back by the same handler.
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler):
            handler(signal.SIGINT, frame)
        else:
            raise KeyboardInterrupt
