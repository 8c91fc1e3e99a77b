"""How torch uses this process: its threads and its memory."""

from __future__ import annotations

import ctypes

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt(3)."""


def set_threads(threads: int | None) -> None:
    """Let torch use so many threads; ``None`` leaves its own choice."""
    if threads is not None:
        torch.set_num_threads(threads)


def tune_allocator() -> None:
    """Keep freed memory in the process.

    glibc returns large blocks to the kernel and takes them back at every step, and the page faults of that cost a
    tenth to a third of the training time. Elsewhere this does nothing.
    """
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
    except (OSError, AttributeError):
        return
