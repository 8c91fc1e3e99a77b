"""What goes wrong in a training, said in one line with what mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from latency_tables.errors import InputError, NoAnswerError

NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
"""What torch's errors say on the CPU, and on a GPU where they are not its own type."""


class DivergedError(NoAnswerError):
    """The loss, or a weight, is no longer a number."""


@contextmanager
def explain_memory(describe: Callable[[], tuple[str, int]]) -> Iterator[None]:
    """Within the block, memory that runs out is an :class:`InputError`. ``describe`` says what ran, and how many images
    at once."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        of_memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not of_memory and not any(words in str(error) for words in NO_MEMORY):
            raise
        what, images = describe()
        mend = f"give --images-at-once {images // 2}" if images > 1 else "set a smaller architecture.width"
        raise InputError(f"out of memory in {what}, with {images} images at once; {mend}") from None
