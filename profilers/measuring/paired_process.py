"""Two models that are timed side by side in a process of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Callable

from profilers.measuring.paired_worker import Block
from profilers.measuring.worker_process import WorkerProcess

MeasureBlock = Callable[[bool, int], Block]
"""Measures one block, given whether the new model comes first, and the calls of each burst."""
BLOCK_LIMIT_S = 120.0
"""A block that takes longer counts as a hang."""


@contextmanager
def start_pair(pair: Mapping[str, Mapping[str, Any]]) -> Iterator[MeasureBlock]:
    """Start the process that holds both models, and end it when the block ends.

    A process that died is started anew for the next block.

    Args:
        pair: The requests of the ``old`` and the ``new`` model, from :func:`profilers.measuring.paired_worker.locate`.

    Raises:
        MeasurementError: One of the models cannot be loaded or run; the message says which.
        WorkerDied: The process crashed or hung.
    """
    request = {"pair": pair}
    with WorkerProcess() as worker:
        worker.start(request)

        def measure(new_first: bool, calls: int) -> Block:
            if worker.pid is None:
                worker.start(request)
            return Block.from_dict(worker.ask({"new_first": new_first, "calls": calls}, BLOCK_LIMIT_S))

        yield measure
