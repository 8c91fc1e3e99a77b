"""``compofa verify``: a bundle that keeps its word, and the answer no."""

import pytest
from PIL import Image

from compofa_deploy.bundle.bundle import MANIFEST
from tests.compofa_deploy.export.builders import change_manifest, flip_byte, move_weights_out


@pytest.fixture
def measured_at(simulated):
    """Let every measurement find this latency in ms."""

    def set_latency(ms):
        simulated.latency_ms = lambda label: ms

    return set_latency


def test_a_bundle_is_verified(compofa, bundle, measured_at):
    measured_at(1.0)
    ran = compofa("verify", bundle, "--json")
    assert ran.code == 0
    assert ran.json["verified"]
    assert ran.json["measured"]["latency_ms"] == pytest.approx(1.0, rel=1e-3)
    shown = compofa("verify", bundle)
    assert shown.code == 0
    assert "hashes" in shown.out
    assert "1.00 ms" in shown.out
    assert "not measured" in compofa("verify", bundle, "--no-latency").out


@pytest.mark.parametrize("file", ["model.onnx", "reference.safetensors"])
def test_a_byte_that_changed_is_answered_no(compofa, bundle, file):
    flip_byte(bundle / file, 200)
    ran = compofa("verify", bundle, "--json")
    assert ran.code == 1
    assert "was changed or damaged" in ran.error
    assert ran.out == ""


def test_a_budget_that_is_broken_is_answered_no(compofa, bundle, measured_at):
    measured_at(1.0)
    budget = {"limit_ms": 0.5, "percentile": 50, "confidence": 0.9}
    change_manifest(bundle, lambda d: d.update(budget=budget))
    ran = compofa("verify", bundle)
    assert ran.code == 1
    assert "the budget 0.5 ms" in ran.error


def test_another_machine_is_named(compofa, bundle):
    change_manifest(bundle, lambda d: d["device_spec"]["machine"].update(cpu_model="Another CPU"))
    ran = compofa("verify", bundle, "--no-latency", "--json")
    assert ran.code == 0
    assert "Another CPU" in ran.json["elsewhere"]


def test_a_manifest_of_another_version_is_bad_input(compofa, bundle):
    change_manifest(bundle, lambda d: d.update(version=99))
    ran = compofa("verify", bundle)
    assert ran.code == 2
    assert f"{MANIFEST}: is version 99 of compofa-bundle; this release reads version 1" in ran.error


def test_a_bundle_whose_weights_are_in_a_file_that_no_hash_covers_is_refused(
    bundle, compofa, tmp_path, monkeypatch
):
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    move_weights_out(bundle, tmp_path / "secret.bin")
    # A runtime that loads a model from memory would find the file here.
    monkeypatch.chdir(tmp_path)
    for code, *arguments in (
        (1, "verify", bundle),
        (1, "verify", bundle, "--no-latency"),
        (1, "run", bundle, tmp_path / "a.png"),
        (2, "bench", "run", bundle, "-o", tmp_path / "result.json"),
    ):
        ran = compofa(*arguments)
        assert ran.code == code
        assert "model.onnx: the model keeps weights in a file ('secret.bin') that no hash covers" in ran.error
        assert ran.out == ""


@pytest.mark.parametrize("command", [["verify"], ["run", "PHOTO"]])
def test_what_is_no_bundle_is_bad_input(compofa, photo, tmp_path, command):
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "none", tmp_path / "empty", photo):
        arguments = [photo if word == "PHOTO" else word for word in command[1:]]
        ran = compofa(command[0], place, *arguments)
        assert ran.code == 2
        assert str(place) in ran.error
