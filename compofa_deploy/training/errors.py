"""Errors of a training, each with its fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from latency_tables.errors import InputError, NoAnswerError

NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
"""Parts of torch's messages on the CPU, and on a GPU where the error has no type of its own."""


class DivergedError(NoAnswerError):
    """The loss or a weight is not a finite number."""


@contextmanager
def explain_memory(describe: Callable[[], tuple[str, int]]) -> Iterator[None]:
    """Turn memory that runs out within the block into an error that names the fix.

    Args:
        describe: Returns what runs, in words, and how many images run at once.

    Raises:
        InputError: Memory ran out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not of_memory and not any(words in str(error) for words in NO_MEMORY):
            raise
        what, images = describe()
        fix = f"give --images-at-once {images // 2}" if images > 1 else "set a smaller architecture.width"
        raise InputError(f"out of memory in {what}, with {images} images at once; {fix}") from None
