from __future__ import annotations

from pathlib import Path

import pytest

from compofa_deploy.bundle.bundle import load_bundle
from tests.compofa_deploy.cli.conftest import RunCli
from tests.support.tensorrt import needs_rtx, without_gpu

pytestmark = needs_rtx
AHEAD = ["--runtime", "tensorrt_rtx", "--compute-capability"]


@without_gpu
def test_an_engine_is_built_by_the_flavour_that_can(compofa: RunCli, tmp_path: Path) -> None:
    folder = tmp_path / "e"
    asked = ["--runtime", "tensorrt", "--precision", "fp16", "--compute-capability", "8.6"]
    done = compofa("export", "22222@24", *asked, "-o", folder, "--json")
    assert done.code == 0, done.err
    spec = done.json["device_spec"]
    assert (spec["runtime"], spec["device"], spec["precision"]) == ("tensorrt_rtx", "sm86", "f16")
    assert done.json["largest_difference"] is None
    assert "tensorrt_rtx builds this engine, and must run it" in done.err
    assert "its numbers were not checked" in done.err
    assert load_bundle(folder).deployment.model.file == "model.engine"
    verified = compofa("verify", folder)
    assert verified.code == 3
    assert "its hashes are right, it is an engine for sm86 in f16" in verified.error
    assert "there is no NVIDIA driver" in verified.error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([*AHEAD, "9.0"], "it builds for 7.5, 8.0, 8.6"),
        ([*AHEAD, "86"], "write it as in 8.6"),
        ([*AHEAD, "7.5"], "or for one of 8.0, 8.6"),
        ([*AHEAD, "8.6", "--hardware", "same"], "leave the option out"),
        ([*AHEAD, "8.6", "--precision", "bf16"], "ask for f32, tf32, f16"),
        ([*AHEAD, "8.6", "--batch", "0"], "0 is not in the range"),
        (["--compute-capability", "8.6"], "onnxruntime builds no engines"),
        (["--version-compatible"], "onnxruntime builds no engines"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_line(
    compofa: RunCli, tmp_path: Path, options: list[str], message: str
) -> None:
    done = compofa("export", "22222@24", *options, "-o", tmp_path / "e")
    assert done.code == 2
    assert message in done.error
    assert not (tmp_path / "e").exists()


@without_gpu
def test_without_a_gpu_there_is_nothing_to_profile(compofa: RunCli, tmp_path: Path) -> None:
    done = compofa("profile", "--runtime", "tensorrt_rtx", "-o", tmp_path / "table.json")
    assert done.code == 3
    assert "it builds engines, and cannot run them: there is no NVIDIA driver" in done.error


def test_a_kit_for_it_is_built_in_its_form(
    compofa: RunCli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        "compofa_deploy.tables.kit_builder._list_distinct", lambda architecture, resolutions: []
    )
    monkeypatch.setattr("compofa_deploy.tables.kit_builder.choose_networks", lambda resolutions: [])
    sizes, built = {}, ["kit", "build", "--resolutions", "24"]
    for name, precision in (("full", "fp32"), ("half", "fp16")):
        path = tmp_path / f"{name}.zip"
        done = compofa(*built, "--runtime", "tensorrt_rtx", "--precision", precision, "-o", path)
        assert done.code == 0, done.err
        sizes[name] = path.stat().st_size
    assert sizes["half"] < 0.6 * sizes["full"]
    refused = compofa(*built, "--runtime", "abacus", "-o", tmp_path / "kit.zip")
    assert refused.code == 2
    assert "no runtime 'abacus'" in refused.error


@without_gpu
def test_devices_says_what_it_can_do_and_what_mends_the_rest(compofa: RunCli) -> None:
    found = {each["runtime"]: each for each in compofa("devices", "--json").json["runtimes"]}
    assert not found["tensorrt_rtx"]["works"]
    assert "it builds engines, and cannot run them" in found["tensorrt_rtx"]["why"]
    assert "--compute-capability 7.5|8.0|8.6" in found["tensorrt_rtx"]["fix"]
    assert found["tensorrt"]["fix"] == "run: pip install 'compofa-deploy[tensorrt]'"
