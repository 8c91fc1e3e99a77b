"""Published files of Once-For-All, which are no part of the repository, and the package ``ofa``."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

VARIABLE = "COMPOFA_REFERENCE"


def find_reference() -> Path:
    """Return the folder with ``note10/`` and ``acc_predictor.pth``; skip the test where it is missing."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "reference"
    folder = Path(os.environ.get(VARIABLE, beside))
    if not folder.is_dir():
        pytest.skip(f"OFA's published tables and predictor are not there; set {VARIABLE} to their folder")
    return folder


def import_ofa(name: str) -> Any:
    """Return a module of the package ``ofa``; skip the test where that is not installed."""
    ofa = pytest.importorskip("ofa")
    # Its data loaders and its tutorial's front page import torchvision and more that is not there.
    sys.modules.setdefault("ofa.utils.my_dataloader", ModuleType("ofa.utils.my_dataloader"))
    tutorial = ModuleType("ofa.tutorial")
    tutorial.__path__ = [str(Path(ofa.__path__[0]) / "tutorial")]
    sys.modules.setdefault("ofa.tutorial", tutorial)
    return import_module(name)
