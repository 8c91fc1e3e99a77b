"""Check the base install alone: it imports without the extras, and gets from a budget to a bundle.

``make bare`` runs this with the interpreter of a base install. The latency budget is loose, because the check is
whether every step works, on any machine and under any load.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ABSENT = ("torch", "pyarrow")
BUDGET = "50ms"


def run(*command: str, cache: Path | None = None) -> str:
    """Return the standard output of a command; end the program with its message if it fails."""
    environment = {**os.environ, **({"COMPOFA_CACHE": str(cache)} if cache else {})}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def main() -> None:
    present = [name for name in ABSENT if find_spec(name)]
    if present:
        sys.exit(f"{sys.prefix} has {', '.join(present)}: remove that folder, and `make bare` makes it anew")
    modules = run(sys.executable, "-W", "error", "tests/import_all.py").split()
    print(f"{len(modules)} modules import without {' and '.join(ABSENT)}")
    compofa = str(Path(sys.executable).parent / "compofa")
    with tempfile.TemporaryDirectory() as scratch:
        bundle, cache = Path(scratch) / "bundle", Path(scratch) / "cache"
        report = json.loads(
            run(compofa, "deploy", "--latency", BUDGET, "-o", str(bundle), "--json", cache=cache)
        )
        verdict = json.loads(run(compofa, "verify", str(bundle), "--json", cache=cache))
        print(
            f"deployed and verified {report['subnet']} in {report['seconds']:.0f} s: {json.dumps(verdict)[:200]}"
        )


if __name__ == "__main__":
    main()
