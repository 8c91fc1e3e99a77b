"""Reading the small text files in which Linux describes the machine."""

from __future__ import annotations

from pathlib import Path


def read_text(path: Path) -> str | None:
    """A file's text; ``None`` where the file cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def list_cores(root: Path) -> list[dict[str, str]]:
    """The fields of ``/proc/cpuinfo`` for each block, which is a core on most systems.

    Args:
        root: The folder that holds ``proc``.
    """
    blocks = (read_text(root / "proc/cpuinfo") or "").strip().split("\n\n")
    return [_parse_block(block) for block in blocks]


def read_cpuinfo(root: Path) -> dict[str, str]:
    """The fields of the first core in ``/proc/cpuinfo``; empty where there is no such file.

    Args:
        root: The folder that holds ``proc``.
    """
    return list_cores(root)[0]


def _parse_block(block: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in block.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}
