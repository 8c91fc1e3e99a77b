"""The threads and the memory that torch uses in this process."""

from __future__ import annotations

import ctypes

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt(3)."""


def set_threads(threads: int | None) -> None:
    """Set the number of threads that torch uses; ``None`` keeps torch's own choice."""
    if threads is not None:
        torch.set_num_threads(threads)


def tune_allocator() -> None:
    """Keep freed memory in the process.

    By default glibc returns large blocks to the kernel and requests them again in every step. The page faults take a
    tenth to a third of the training time. Without glibc this does nothing.
    """
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
    except (OSError, AttributeError):
        return
