"""Measuring in this process, for a device that cannot start another one."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any

from profilers.measuring.worker import Worker

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class InProcessWorker:
    """Answers the requests of :class:`~profilers.measuring.worker_process.WorkerProcess` in this process.

    A crash of the runtime ends this process, and a hang is not noticed. Close it, or use it as a context.
    """

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._collected = gc.isenabled()
        self._frozen = False

    @property
    def pid(self) -> int | None:
        """This process's id; ``None`` before the first request."""
        return None if self._worker is None else os.getpid()

    def start(self, request: dict[str, Any]) -> None:
        """Set up by the first request."""
        # A collection in the middle of a call would be timed with it.
        gc.disable()
        if gc.get_freeze_count() == 0:
            # Each session ends with a collection, which would go through all objects of a large host process.
            gc.freeze()
            self._frozen = True
        self._worker = Worker(request)

    def ask(self, request: dict[str, Any], limit_s: float) -> dict[str, Any]:
        """Answer a request.

        Args:
            request: A JSON-ready request.
            limit_s: It is ignored, since nothing can interrupt a runtime in this process.
        """
        assert self._worker is not None
        return self._worker.answer(request)

    def close(self) -> None:
        """Forget the set-up; no session is open between requests."""
        self._worker = None
        if self._frozen:
            gc.unfreeze()
            self._frozen = False
        if self._collected:
            gc.enable()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
