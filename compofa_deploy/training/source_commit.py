"""The commit of the source that runs, for the origin of what it trains."""

from __future__ import annotations

import subprocess
from pathlib import Path

import compofa_deploy

GIT_SECONDS = 10.0
"""How long git may take to answer."""
LENGTH = 12
"""Of a commit's name, this many digits are kept."""


def find_commit(package: Path | None = None) -> str | None:
    """Return the commit of the checkout that the package runs from.

    Args:
        package: The package's folder; by default this one's.

    Returns:
        The commit's first digits, with ``-changed`` behind them where tracked files differ from it. None where the
        package is not part of a git checkout, or there is no git.
    """
    folder = package or Path(compofa_deploy.__file__).parent
    tracked = _ask(folder, "ls-files", "--error-unmatch", "__init__.py")
    commit = _ask(folder, "rev-parse", f"--short={LENGTH}", "HEAD")
    changes = _ask(folder, "status", "--porcelain", "--untracked-files=no", ".")
    if tracked is None or commit is None or changes is None:
        return None
    return f"{commit}-changed" if changes else commit


def _ask(folder: Path, *words: str) -> str | None:
    """Return what git prints; None where it fails."""
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, text=True, timeout=GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
