"""One run at a time in one place; a newer one takes over, since whoever waited for the older one is gone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from latency_tables.errors import InputError, MeasurementError

PAUSE_S = 0.1
ASKED_PAUSES = 100
"""A run that was asked to end is ended by force after so many."""
FORCED_PAUSES = 50


@contextmanager
def hold_alone(path: Path) -> Iterator[None]:
    """Hold a lock file while the block runs; end the process that holds it now.

    The system frees the lock of a process that is gone, so that a number in the file is that of the right process as
    long as the lock is taken. :class:`InputError` where the file cannot be written, :class:`MeasurementError` where the
    other process cannot be ended.
    """
    # Not on Windows, where nothing is asked over a connection.
    import fcntl

    try:
        file = path.open("a+", encoding="ascii")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another folder") from None
    with file:
        for pauses in range(ASKED_PAUSES + FORCED_PAUSES):
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            # Asked once: a second time would interrupt its cleaning up.
            if pauses in (0, ASKED_PAUSES):
                _end_holder(path, signal.SIGKILL if pauses else signal.SIGTERM)
            time.sleep(PAUSE_S)
        else:
            raise MeasurementError(f"{path}: another run measures there and does not end; end it by hand")
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _end_holder(path: Path, how: signal.Signals) -> None:
    # Empty for a moment while another one begins; gone, or another user's, it is not for us to end.
    with suppress(ValueError, ProcessLookupError, PermissionError):
        os.kill(int(path.read_text(encoding="ascii")), how)
