"""Bundles for ONNX Runtime on phones have its format, the instruction set, and the operators of a reduced build."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnxruntime.tools.reduced_build_config_parser import parse_config

from compofa_deploy.bundle.bundle import load_bundle
from compofa_deploy.bundle.bundle_writer import write_bundle
from compofa_deploy.bundle.classify import classify
from compofa_deploy.bundle.verify import verify
from compofa_deploy.export.export import export
from compofa_deploy.export.onnxruntime_mobile import OPERATORS_FILE, list_operators
from compofa_deploy.space.subnet import Subnet
from latency_tables.device import DeviceRequest
from latency_tables.errors import VerificationError
from profilers.runtimes.onnxruntime.runtime import is_ort_format
from profilers.runtimes.registry import find_runtime
from profilers.targets.local import LocalDevice

HERE = LocalDevice(Path("never measured"))
SUBNET = Subnet.compound((2, 3, 2, 4, 3), 16)


def make_bundle(tiny, folder, platform="arm"):
    spec = find_runtime("onnxruntime_mobile").spec(DeviceRequest("onnxruntime_mobile", graph_level=platform))
    exported = export(tiny, SUBNET, spec)
    return write_bundle(folder, exported.deployment, exported.files), exported


def read_operators(path):
    """Operators by domain, read as ONNX Runtime's own build script reads them."""
    required = parse_config(str(path), enable_type_reduction=True)[0]
    return {
        domain: {operator for operators in opsets.values() for operator in operators}
        for domain, opsets in required.items()
    }


def test_a_bundle_holds_a_model_in_its_format_that_is_verified_and_run_here(tiny, tmp_path, photo_file):
    bundle, exported = make_bundle(tiny, tmp_path / "bundle")
    assert is_ort_format(bundle.read_files().model)
    assert {path.name for path in bundle.folder.iterdir()} == {
        "model.ort", OPERATORS_FILE, "reference.safetensors", "deployment.json",
    }  # fmt: skip
    report = verify(bundle.folder, HERE, measure=False)
    assert report.largest_difference <= report.tolerance == 1e-4
    assert classify(load_bundle(bundle.folder), [photo_file], HERE)[0].labels
    assert exported.deployment.size_bytes == len(exported.model)


def test_for_arm_no_layout_is_left_that_only_x86_has_and_for_amd64_it_is_there(tiny, tmp_path):
    arm = list_operators(make_bundle(tiny, tmp_path / "arm")[1].model)
    amd64 = list_operators(make_bundle(tiny, tmp_path / "amd64", "amd64")[1].model)
    assert "nchwc" not in arm
    assert "ai.onnx;11;Conv" in arm
    assert "com.microsoft.nchwc;1;" in amd64


def test_the_operators_of_a_reduced_build_are_those_of_the_model_as_its_build_script_reads_them(
    tiny, tmp_path
):
    bundle, _ = make_bundle(tiny, tmp_path / "bundle")
    found = read_operators(bundle.folder / OPERATORS_FILE)
    assert {"Conv", "GlobalAveragePool", "Flatten", "Gemm"} <= found["ai.onnx"] | found.get(
        "com.microsoft", set()
    )
    assert set(found) <= {"ai.onnx", "com.microsoft"}


def test_a_changed_list_of_operators_is_found(tiny, tmp_path):
    bundle, _ = make_bundle(tiny, tmp_path / "bundle")
    with (bundle.folder / OPERATORS_FILE).open("a") as file:
        file.write("ai.onnx;13;Relu\n")
    with pytest.raises(VerificationError, match=f"{OPERATORS_FILE}: its hash is not the one"):
        load_bundle(bundle.folder)


@pytest.fixture
def photo_file(tmp_path, rng):
    from PIL import Image

    pixels = rng.integers(0, 256, (24, 30, 3)).astype("uint8")
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"
