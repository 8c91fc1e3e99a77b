"""The main job through the real command line, in processes of its own, measuring this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from compofa_deploy.bundle.bundle import load_bundle
from tests.compofa_deploy.export.builders import flip_byte

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("end-to-end")


@pytest.fixture(scope="module")
def run(place, supernet_file):
    """Runs ``python -m compofa_deploy`` with a cache that begins empty and is shared by these tests."""
    environment = {**os.environ, "COMPOFA_CACHE": str(place / "cache")}

    def run(command, *arguments):
        of_supernet = ["--supernet", supernet_file] if command == "deploy" else []
        words = [sys.executable, "-m", "compofa_deploy", command, *of_supernet, *arguments]
        return subprocess.run(
            list(map(str, words)),
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment,
            check=False,
            timeout=300,
        )

    return run


@pytest.fixture(scope="module")
def deployed(run, place):
    """A bundle under a budget that this machine keeps with ease."""
    ran = run("deploy", "--latency", "50ms", "-o", place / "bundle", "--json")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout), place / "bundle"


def test_a_budget_becomes_a_bundle_that_was_measured_to_keep_it(deployed):
    found, folder = deployed
    assert found["table"] == "measured"
    assert 0 < found["measured"]["latency_ms"] <= found["measured"]["high_ms"] <= 50
    assert found["predicted"]["low_ms"] <= found["predicted"]["latency_ms"] <= found["predicted"]["high_ms"]
    assert sorted(os.listdir(folder)) == ["deployment.json", "model.onnx", "reference.safetensors"]
    assert load_bundle(folder).deployment.subnet == found["subnet"]


def test_the_bundle_is_verified_here(run, deployed):
    ran = run("verify", deployed[1], "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["verified"]


def test_a_second_budget_uses_the_table_that_was_measured(run, deployed, place):
    ran = run("deploy", "--latency", "50ms", "--accept-doubtful", "-o", place / "second", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["table"] == "cached"


def test_an_impossible_budget_names_the_fastest_candidate(run, deployed, place):
    ran = run("deploy", "--latency", "1us", "-o", place / "third", "--json")
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert "Error: infeasible: no candidate has latency at most 0.001 ms; the closest is " in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (place / "third").exists()


def test_the_bundle_classifies_an_image(run, deployed, photo):
    ran = run("run", deployed[1], photo, "--json")
    assert ran.returncode == 0, ran.stderr
    (image,) = json.loads(ran.stdout)["images"]
    assert image["labels"][0]["label"].startswith("class")


def test_a_byte_that_changed_fails_the_verification(run, place):
    ran = run("deploy", "--latency", "50ms", "-o", place / "spoilt", "--json")
    assert ran.returncode == 0, ran.stderr
    flip_byte(place / "spoilt" / "model.onnx", 1000)
    spoilt = run("verify", place / "spoilt")
    assert spoilt.returncode == 1
    assert spoilt.stderr.rstrip().splitlines()[-1].startswith("Error: ")
    assert "was changed or damaged" in spoilt.stderr
