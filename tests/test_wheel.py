"""The wheel holds everything that the main job reads, and no tests."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from compofa_deploy.supernet.stored import BUILT_IN

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("compofa_deploy/", "profilers/", "latency_tables/")
INFO = "compofa_deploy-0.1.0.dist-info"

pytestmark = pytest.mark.slow


def list_tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("build")
    folder = tmp_path_factory.mktemp("wheel")
    for name in list_tracked():
        target = folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*command, str(folder / "source")], check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        yield archive


def test_every_module_of_the_three_packages_is_inside_and_nothing_else_is(wheel):
    inside = {name for name in wheel.namelist() if name.endswith(".py")}
    assert inside == {name for name in list_tracked() if name.endswith(".py") and name.startswith(PACKAGES)}
    folders = {name.partition("/")[0] + "/" for name in wheel.namelist()}
    assert folders == {*PACKAGES, f"{INFO}/"}


def test_recipes_data_and_type_markers_are_inside(wheel):
    inside = set(wheel.namelist())
    assert {f"{package}py.typed" for package in PACKAGES} <= inside
    data = ("compofa_deploy/recipes/", "compofa_deploy/shipped/", "latency_tables/data/")
    kept = {name for name in list_tracked() if name.startswith(data)}
    assert kept <= inside
    assert {
        "compofa_deploy/recipes/compofa-cifar10.toml",
        f"compofa_deploy/shipped/{BUILT_IN}.safetensors",
    } <= kept


def test_the_wheel_is_small_enough_to_carry(wheel):
    assert sum(entry.compress_size for entry in wheel.infolist()) < 20e6


def test_the_metadata_names_the_licence_the_command_and_no_torch(wheel):
    metadata = Parser().parsestr(wheel.read(f"{INFO}/METADATA").decode())
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    extras = {
        "carbon",
        "docs",
        "openvino",
        "report",
        "tensorboard",
        "tensorrt",
        "tensorrt-rtx",
        "test",
        "train",
    }
    assert set(metadata.get_all("Provides-Extra")) == extras
    base = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert not [line for line in base if line.startswith(("torch", "pyarrow", "matplotlib", "openvino"))]
    assert "compofa = compofa_deploy.cli:main" in wheel.read(f"{INFO}/entry_points.txt").decode()
    assert f"{INFO}/licenses/LICENSE" in wheel.namelist()
