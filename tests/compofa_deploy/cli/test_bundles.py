"""``compofa export``, ``verify``, ``run`` and ``deploy`` with a device that is simulated."""

import os

import pytest
from PIL import Image

from compofa_deploy.bundle.bundle import MANIFEST, load_bundle
from tests.compofa_deploy.export.builders import change_manifest, flip_byte, move_weights_out


@pytest.fixture
def measured_at(simulated):
    """Let every measurement find this latency in ms."""

    def set_latency(ms):
        simulated.latency_ms = lambda label: ms

    return set_latency


@pytest.fixture
def export(compofa, supernet_file, tmp_path):
    return lambda *arguments: compofa(
        "export", *arguments, "--supernet", supernet_file, "-o", tmp_path / "exported"
    )


@pytest.fixture
def deploy(compofa, supernet_file, tmp_path):
    return lambda *arguments: compofa(
        "deploy", "--supernet", supernet_file, "-o", tmp_path / "deployed", *arguments
    )


def test_a_subnet_is_exported_and_checked(export, tmp_path):
    ran = export("23432@16", "--json")
    assert ran.code == 0
    assert ran.json["subnet"] == "23432@16"
    assert ran.json["largest_difference"] < 1e-4
    assert load_bundle(tmp_path / "exported").deployment.subnet == "23432@16"
    assert "logits differ from the reference by" in export("22222@20").out


def test_a_config_of_once_for_all_is_exported(export, exported):
    import json

    ran = export(json.dumps(exported.deployment.ofa_config), "--json")
    assert ran.json["subnet"] == "23432@16"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["23432"], "'23432' is not a subnet id; write five depths"),
        (["55555@16"], "is not a subnet id"),
        (["23432@24"], "resolutions 16, 20"),
        (["{}"], "not an OFA config"),
        (["{not json"], "an OFA config must be JSON"),
        (["23432@16", "--runtime", "tensorflow"], "no runtime 'tensorflow'; there are onnxruntime"),
        (["23432@16", "--runtime", "fake"], "nothing exports to runtime 'fake'"),
        (["23432@16", "--precision", "int4"], "no precision 'int4' here"),
        (["23432@16", "--threads", "4096"], "4096 threads were asked for"),
        (["23432@16", "--accuracy", "none.json"], "none.json: there is no such file"),
    ],
)
def test_an_export_that_cannot_be_is_one_line_and_writes_nothing(export, tmp_path, arguments, message):
    ran = export(*arguments)
    assert ran.code == 2
    assert message in ran.error
    assert ran.out == ""
    assert not (tmp_path / "exported").exists()


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


@pytest.mark.parametrize("command", [["verify"], ["run", "PHOTO"]])
def test_what_is_no_bundle_is_bad_input(compofa, photo, tmp_path, command):
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "none", tmp_path / "empty", photo):
        arguments = [photo if word == "PHOTO" else word for word in command[1:]]
        ran = compofa(command[0], place, *arguments)
        assert ran.code == 2
        assert str(place) in ran.error


def test_an_image_is_classified(compofa, bundle, photo):
    ran = compofa("run", bundle, photo, "--top", "2", "--json")
    assert ran.code == 0
    (found,) = ran.json["images"]
    assert found["image"] == str(photo)
    assert [set(label) for label in found["labels"]] == [{"label", "probability"}] * 2
    assert found["labels"][0]["label"] in compofa("run", bundle, photo).out


def test_an_image_that_cannot_be_read_is_bad_input(compofa, bundle, photo, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    ran = compofa("run", bundle, photo, tmp_path / "broken.png", "--json")
    assert ran.code == 2
    assert "broken.png: not an image that can be read" in ran.error
    assert ran.out == ""


def test_a_bundle_that_was_damaged_does_not_run(compofa, bundle, photo):
    flip_byte(bundle / "model.onnx", 200)
    ran = compofa("run", bundle, photo)
    assert ran.code == 1
    assert "was changed or damaged" in ran.error


def test_a_budget_is_turned_into_a_bundle(deploy, cached, measured_at, tmp_path):
    measured_at(0.03)
    ran = deploy("--latency", "33us", "--json")
    assert ran.code == 0
    found, deployment = ran.json, load_bundle(tmp_path / "deployed").deployment
    assert found["subnet"] == deployment.subnet
    assert found["resolution"] == deployment.input.shape[-1]
    assert found["table"] == "cached"
    assert found["measured"]["high_ms"] <= found["budget"]["limit_ms"] == pytest.approx(0.033)
    assert found["predicted"]["low_ms"] < found["predicted"]["latency_ms"] < found["predicted"]["high_ms"]
    assert found["accuracy"]["test"] == deployment.accuracy.test
    assert found["tried"] == []
    assert "searching a table" in ran.err
    assert "--latency 33us" in deployment.command


def test_people_are_shown_what_was_deployed(deploy, cached, measured_at):
    measured_at(0.03)
    ran = deploy("--latency", "33us")
    assert ran.code == 0
    for word in ("subnet", "accuracy", "budget", "predicted", "measured", "30 us", "tried before"):
        assert word in ran.out


def test_an_impossible_budget_is_answered_no_and_names_the_fastest(deploy, cached, tmp_path):
    ran = deploy("--latency", "1us", "--json")
    assert ran.code == 1
    assert "the closest is 22222@16" in ran.error
    assert ran.out == ""
    assert not (tmp_path / "deployed").exists()


def test_a_device_that_keeps_no_budget_is_answered_no(deploy, cached, measured_at, tmp_path):
    measured_at(5.0)
    ran = deploy("--latency", "33us", "--json")
    assert ran.code == 1
    assert "was measured at up to 5 ms" in ran.error
    assert not (tmp_path / "deployed").exists()


def test_a_place_that_is_taken_is_refused(compofa, cached, supernet_file, photo):
    ran = compofa("deploy", "--latency", "1ms", "--supernet", supernet_file, "-o", photo)
    assert ran.code == 2
    assert "exists and is not a bundle" in ran.error


def test_a_folder_whose_manifest_is_another_programs_is_refused_and_stays(compofa, supernet_file, tmp_path):
    place = tmp_path / "project"
    (place / "src").mkdir(parents=True)
    (place / "src" / "main.py").write_text("x")
    (place / "deployment.json").write_text('{"kind":"Deployment"}')
    ran = compofa("export", "23432@16", "--supernet", supernet_file, "-o", place)
    assert ran.code == 2
    assert "project: exists and is not a bundle that may be replaced" in ran.error
    assert (place / "src" / "main.py").read_text() == "x"


def test_a_place_that_cannot_be_written_is_refused(compofa, cached, supernet_file, photo):
    ran = compofa("deploy", "--latency", "1ms", "--supernet", supernet_file, "-o", photo / "bundle")
    assert ran.code == 2
    assert "cannot be made (Not a directory)" in ran.error


def test_a_cache_that_cannot_be_written_names_the_variable(deploy, photo, monkeypatch):
    monkeypatch.setenv("COMPOFA_CACHE", str(photo))
    ran = deploy("--latency", "1ms")
    assert ran.code == 2
    assert "set COMPOFA_CACHE to a folder that can be written" in ran.error


def test_ctrl_c_leaves_nothing_half_written(deploy, cached, simulated, tmp_path):
    def interrupt(label):
        raise KeyboardInterrupt

    simulated.slow_down = interrupt
    (tmp_path / "before").write_text(" ".join(sorted(os.listdir(tmp_path))))
    ran = deploy("--latency", "1ms")
    assert ran.code == 130
    assert "interrupted; what was done is kept" in ran.error
    assert sorted(os.listdir(tmp_path)) == ["before"]


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
