"""The main job imports no torch, and the command line imports nothing heavy before a command runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("torch", "pyarrow", "matplotlib", "openvino", "tensorrt")


def run_python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def list_loaded(statement: str) -> set[str]:
    """Top-level packages that are loaded after a statement in a new interpreter."""
    code = f"import sys\n{statement}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    return set(run_python("-c", code).split())


def test_every_module_on_the_way_from_a_budget_to_a_bundle_imports_without_the_extras():
    modules = run_python("tests/import_all.py", *EXTRAS, "pandas").split()
    assert {"compofa_deploy.deploy.loop", "compofa_deploy.cli.deploy", "compofa_deploy.cli.train"} <= set(
        modules
    )
    assert len(modules) > 60


def test_the_blocker_blocks():
    blocked = subprocess.run(
        [sys.executable, "tests/import_all.py", "numpy"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert blocked.returncode != 0
    assert "numpy is blocked" in blocked.stderr


def test_the_command_line_loads_nothing_heavy_before_a_command_runs():
    loaded = list_loaded("import compofa_deploy.cli")
    assert not loaded & {*EXTRAS, "numpy", "onnx", "onnxruntime", "pandas", "pydantic", "PIL", "safetensors"}


@pytest.mark.parametrize(
    "module",
    [
        "profilers.runtimes.registry",
        "profilers.measuring.runner",
        "profilers.runtimes.fake",
        "profilers.measuring.kit",
    ],
)
def test_a_small_device_needs_numpy_alone_before_a_runtime_is_asked_for(module):
    loaded = list_loaded(f"import {module}")
    assert not loaded & {
        *EXTRAS, "click", "compofa_deploy", "onnx", "onnxruntime", "pandas", "pydantic", "rich", "PIL", "safetensors",
    }  # fmt: skip


def test_latency_tables_know_neither_of_the_other_packages():
    loaded = list_loaded("import latency_tables.table, latency_tables.build, latency_tables.measurement")
    assert not loaded & {"profilers", "compofa_deploy"}
