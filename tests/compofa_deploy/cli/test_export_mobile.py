"""``compofa export --runtime onnxruntime_mobile``, and what can be done with its bundle here."""

import pytest

from compofa_deploy.space.subnet import Subnet

SUBNET = str(Subnet.compound((2, 3, 2, 4, 3), 16))


@pytest.mark.parametrize("platform", ["arm", "amd64"])
def test_it_is_exported_verified_and_run(compofa, supernet_file, tmp_path, photo, platform):
    bundle = tmp_path / "bundle"
    made = compofa(
        "export", SUBNET, "--supernet", supernet_file, "--runtime", "onnxruntime_mobile",
        "--target-platform", platform, "-o", bundle, "--json",
    )  # fmt: skip
    assert made.code == 0
    assert made.json["model"]["file"] == "model.ort"
    assert made.json["device_spec"]["graph_level"] == platform
    assert compofa("verify", bundle, "--no-latency", "--json").json["verified"]
    assert compofa("run", bundle, photo, "--json").json["images"][0]["labels"]


def test_a_platform_is_for_that_runtime_alone(compofa, supernet_file, tmp_path):
    ran = compofa(
        "export", SUBNET, "--supernet", supernet_file, "--target-platform", "arm", "-o", tmp_path / "bundle"
    )
    assert ran.code == 2
    assert "onnxruntime has no graph level 'arm' here" in ran.error
    assert not (tmp_path / "bundle").exists()
