"""Errors of ssh, or of a script that it ran, in one line with the fix."""

from __future__ import annotations

from latency_tables.errors import CompofaError, ConnectionLost, MeasurementError

SSH_FAILED = 255
NOT_FOUND = 127
KILLED = 128
"""A shell adds the signal's number to this."""
TAIL = 300
"""Characters of what was last said that are put into a message."""

REFUSED = ("Permission denied (", "Too many authentication failures")
NOT_REACHED = (
    "Connection refused", "timed out", "No route to host", "unreachable", "Could not resolve", "Connection closed",
    "Connection reset", "Broken pipe", "not responding", "closed by remote host", "closed by",
)  # fmt: skip
NO_ROOM = ("No space left on device", "Disk quota exceeded", "File too large")
NO_RIGHT = (
    "Permission denied", "Read-only file system", "annot create", "Not a directory", "Operation not permitted"
)  # fmt: skip


def explain_failure(name: str, by_hand: str, known_as: str, code: int, said: str) -> CompofaError:
    """The error for an exit code and what was said on standard error.

    ``name`` is the target's, ``by_hand`` the command that connects to it, ``known_as`` its name in known_hosts.
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1][-TAIL:] if lines else f"exit code {code}"
    kind: type[CompofaError] = MeasurementError
    if code == SSH_FAILED:
        what, fix = f"ssh failed ({last})", f"see whether this works: {by_hand}"
        if "HOST IDENTIFICATION HAS CHANGED" in said:
            what = "its host key is not the one that is known here"
            fix = f"find out why before you trust it, and then run: ssh-keygen -R {known_as}"
        elif "Host key verification failed" in said:
            what = "its host key is not known here"
            fix = f"connect once by hand and compare the key's fingerprint before you accept it: {by_hand}"
        elif _has(said, REFUSED):
            what = f"it refuses what ssh offers it ({last})"
            fix = f"set up a key that needs no typing (ssh-copy-id, ssh-add) until this works: {by_hand}"
        elif _has(said, NOT_REACHED) or not lines:
            kind, what = ConnectionLost, f"it cannot be reached ({last})"
    elif own := [line for line in lines if line.startswith("Error: ")]:
        # The agent's own message names its fix.
        return kind(f"{name}: {own[-1][len('Error: ') :]}")
    elif _has(said, NO_ROOM):
        what, fix = (
            f"its disk is full ({last})",
            "make room there, or set COMPOFA_CACHE there to a folder with room",
        )
    elif _has(said, NO_RIGHT):
        what = f"nothing can be written there ({last})"
        fix = "set COMPOFA_CACHE there to a folder that you may write"
    elif code == NOT_FOUND:
        what = f"a program is missing there ({last})"
        fix = "install python 3.8 or newer there, or name it with --python"
    elif code > KILLED:
        what = f"what ran there was ended by signal {code - KILLED}"
        fix = "see whether it has the memory for it"
    else:
        what, fix = f"it failed there ({last})", f"try it by hand: {by_hand}"
    return kind(f"{name}: {what}; {fix}")


def _has(said: str, texts: tuple[str, ...]) -> bool:
    return any(text in said for text in texts)
