"""What a device runs, on the oldest Python that devices have: JetPack 5 comes with 3.8.

``latency_tables`` and ``profilers`` are carried there. The interpreter is looked for under the name ``python3.8`` and
among those of pyenv. Each test is skipped where there is none.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from latency_tables.device import DeviceSpec
from latency_tables.measured_kit import MeasuredKit
from profilers.measuring.kit_zip import pack_kit
from profilers.targets.agent_archive import PACKAGES, pack_agent
from tests.profilers.models import make_kit, make_onnx

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ("numpy==1.24.*", "onnxruntime==1.19.*")
COMPILE_ALL = """
import ast, sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        source = file.read()
    try:
        compile(source, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        print("%s:%s: %s" % (path, error.lineno, error.msg))
"""
IMPORT_ALL = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    for found in pkgutil.walk_packages(importlib.import_module(name).__path__, name + "."):
        try:
            importlib.import_module(found.name)
        except Exception as error:
            print(found.name, repr(error))
"""


def find_python() -> str | None:
    installed = sorted(map(str, Path.home().glob(".pyenv/versions/3.8*/bin/python")))
    named = shutil.which("python3.8")
    for candidate in [*installed, *([named] if named else [])]:
        # A name may be pyenv's, which does not run where no such version is chosen.
        if subprocess.run([candidate, "--version"], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


PYTHON = find_python()
pytestmark = pytest.mark.skipif(PYTHON is None, reason="no python3.8 is installed, by that name or by pyenv")


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, cwd=cwd, env=clean, timeout=300
    )


def test_every_file_of_both_packages_is_python_3_8() -> None:
    assert PYTHON is not None
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    assert len(files) > len(PACKAGES)
    done = run(PYTHON, "-c", COMPILE_ALL, *files)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with what a device of that age has: numpy 1.24 and ONNX Runtime 1.19."""
    assert PYTHON is not None
    folder = tmp_path_factory.mktemp("python-3.8")
    run(PYTHON, "-m", "venv", folder)
    found = folder / "bin" / "python"
    done = run(found, "-m", "pip", "install", "-q", "--disable-pip-version-check", *REQUIREMENTS)
    if done.returncode:
        pytest.skip(f"{' and '.join(REQUIREMENTS)} cannot be installed: {done.stderr.strip()[-200:]}")
    return found


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    path = tmp_path / "compofa-agent.pyz"
    path.write_bytes(pack_agent())
    return path


@pytest.mark.slow
@pytest.mark.network
def test_every_module_imports_there(python: Path) -> None:
    done = run(python, "-c", IMPORT_ALL, *PACKAGES, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.slow
@pytest.mark.network
def test_the_agent_says_there_what_it_would_measure(python: Path, agent: Path, tmp_path: Path) -> None:
    done = run(python, agent, "check", "--runtime", "onnxruntime", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["python"].startswith("3.8.")
    spec = DeviceSpec.from_dict(answer["device_spec"])
    assert spec.runtime_version.startswith("1.19.")
    assert spec.machine.cores >= 1


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("more", [(), ("--in-process",)], ids=["a process of its own", "in process"])
def test_the_agent_measures_a_kit_there(
    python: Path, agent: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    kit = make_kit(tmp_path / "kit", networks=2)
    pack_kit(kit, tmp_path / "kit.zip")
    done = run(
        python, agent, "run", "kit.zip", "--runtime", "fake", "--quick", "-o", "m.json", *more, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    measured = MeasuredKit.load(tmp_path / "m.json")
    assert measured.kit_id == kit.kit_id
    assert {m.item.id for m in measured.measurements} == {item.id for item in kit.measured}


@pytest.mark.slow
@pytest.mark.network
def test_the_agent_runs_a_model_there(python: Path, agent: Path, tmp_path: Path) -> None:
    import numpy as np

    image = np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)
    (tmp_path / "model.onnx").write_bytes(make_onnx())
    np.savez(tmp_path / "inputs.npz", image=image)
    command = (agent, "outputs", "model.onnx", "--inputs", "inputs.npz", "-o", "outputs.npz")
    done = run(python, *command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "outputs.npz") as outputs:
        np.testing.assert_allclose(outputs["logits"], np.maximum(image, 0).mean((2, 3)), rtol=1e-5)
