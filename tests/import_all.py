"""Import every module of the three packages that works without torch, while the given packages are blocked.

This is a script, for an interpreter that has imported nothing yet: ``python tests/import_all.py torch pandas``.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

PACKAGES = ("latency_tables", "profilers", "compofa_deploy")
NEEDS_TRAIN_EXTRA = (
    "compofa_deploy.training",
    "compofa_deploy.evaluation",
    "compofa_deploy.torch_process",
    "compofa_deploy.supernet.module",
    "compofa_deploy.supernet.elastic_modules",
    "compofa_deploy.supernet.layer_modules",
    "compofa_deploy.api.calibrations",
    "compofa_deploy.api.evaluations",
    "compofa_deploy.api.trainings",
)
FREE_THERE = (
    "compofa_deploy.training.recipe",
    "compofa_deploy.training.recipe_file",
    "compofa_deploy.training.subnet_sampling",
    "compofa_deploy.training.options",
    "compofa_deploy.evaluation.options",
    "compofa_deploy.evaluation.calibrate_options",
)


class Blocker:
    """Find nothing for the given names, as if they were not installed."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"{name} is blocked", name=name)
        return None


def list_modules() -> list[str]:
    """Return every module of the three packages except those that may need torch."""
    names = []
    for package in map(importlib.import_module, PACKAGES):
        names.append(package.__name__)
        names += [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return [
        name
        for name in names
        if name in FREE_THERE or not any(f"{name}.".startswith(f"{heavy}.") for heavy in NEEDS_TRAIN_EXTRA)
    ]


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.meta_path.insert(0, Blocker(sys.argv[1:]))
    modules = list_modules()
    for module in modules:
        importlib.import_module(module)
    print("\n".join(modules))
