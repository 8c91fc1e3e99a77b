"""An export for OpenVINO is its IR: two files, the same each time, with the reference's numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compofa_deploy.bundle.bundle import MANIFEST, Bundle, load_bundle
from compofa_deploy.bundle.bundle_writer import write_bundle
from compofa_deploy.bundle.classify import classify
from compofa_deploy.bundle.verify import check_numbers, verify
from compofa_deploy.export.export import export
from compofa_deploy.export.writers import TOLERANCES, find_tolerance
from compofa_deploy.space.subnet import Subnet
from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import InputError, VerificationError
from profilers.runtimes.openvino.runtime import OpenVino
from profilers.targets.local import LocalDevice
from tests.conftest import encode_png
from tests.support.supernets import make_supernet

HERE = LocalDevice(Path("never measured"))
RUNTIME = OpenVino()
pytestmark = pytest.mark.skipif(
    not RUNTIME.check().works, reason="OpenVINO does not work here; pip install 'compofa-deploy[openvino]'"
)
SUBNET = Subnet.compound((2, 3, 4, 3, 2), 16)
PRECISIONS = RUNTIME.precisions_on("cpu") if RUNTIME.check().works else ("f32",)


@pytest.fixture(scope="module")
def supernet():
    return make_supernet()


@pytest.fixture(scope="module")
def bundle(supernet, tmp_path_factory) -> Bundle:
    exported = export(supernet, SUBNET, RUNTIME.spec())
    return write_bundle(tmp_path_factory.mktemp("openvino") / "bundle", exported.deployment, exported.files)


def test_the_bundle_holds_the_graph_and_its_weights(bundle: Bundle) -> None:
    found = sorted(path.name for path in bundle.folder.iterdir())
    assert found == sorted([MANIFEST, "model.bin", "model.xml", "reference.safetensors"])
    deployment = load_bundle(bundle.folder).deployment
    assert deployment.weights is not None
    assert (deployment.model.file, deployment.weights.file) == ("model.xml", "model.bin")
    assert deployment.size_bytes == len(bundle.read_files().model) + len(bundle.read_files().weights)


def test_the_same_subnet_is_the_same_bytes(supernet) -> None:
    spec = RUNTIME.spec()
    assert export(supernet, SUBNET, spec) == export(supernet, SUBNET, spec)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("depths", [(2,) * 5, (4,) * 5, (4, 2, 3, 2, 4)])
def test_it_gives_the_references_numbers_in_every_precision(supernet, precision: str, depths) -> None:
    spec = RUNTIME.spec(DeviceRequest(RUNTIME.name, precision=precision))
    exported = export(supernet, Subnet.compound(depths, 20), spec)
    deployment = exported.deployment
    difference = check_numbers(deployment, exported.model_files, exported.reference, spec, HERE)
    assert deployment.tolerance == TOLERANCES[precision]
    assert difference <= deployment.tolerance / 2


def test_another_precision_is_off_by_more_than_its_own_tolerance(supernet) -> None:
    if "bf16" not in PRECISIONS:
        pytest.skip("this machine has no bf16")
    exported = export(supernet, SUBNET, RUNTIME.spec())
    coarse = RUNTIME.spec(DeviceRequest(RUNTIME.name, precision="bf16"))
    with pytest.raises(VerificationError, match=r"above the tolerance of 0\.0001"):
        check_numbers(exported.deployment, exported.model_files, exported.reference, coarse, HERE)


def test_f16_stores_half_the_bytes(supernet, bundle: Bundle) -> None:
    spec: DeviceSpec = replace(RUNTIME.spec(), precision="f16")
    weights = export(supernet, SUBNET, spec).model_files.weights
    assert len(weights) < 0.55 * len(bundle.read_files().weights)


def test_a_bundle_is_verified_and_runs(supernet, bundle: Bundle, tmp_path: Path) -> None:
    assert verify(bundle.folder, HERE, measure=False).largest_difference <= TOLERANCES["f32"]
    image = tmp_path / "image.png"
    image.write_bytes(encode_png(np.full((20, 20, 3), 128, np.uint8)))
    (classified,) = classify(load_bundle(bundle.folder), [image], HERE)
    assert {label for label, _ in classified.labels} <= set(supernet.class_names)


def test_weights_that_were_changed_are_refused(supernet, tmp_path: Path) -> None:
    exported = export(supernet, SUBNET, RUNTIME.spec())
    folder = write_bundle(tmp_path / "bundle", exported.deployment, exported.files).folder
    data = bytearray((folder / "model.bin").read_bytes())
    data[100] ^= 1
    (folder / "model.bin").write_bytes(data)
    with pytest.raises(VerificationError, match=r"model\.bin: its hash is not the one in deployment\.json"):
        verify(folder, HERE, measure=False)


def test_a_precision_without_a_tolerance_is_refused() -> None:
    with pytest.raises(InputError, match="precision 'i4' has no tolerance; there are f32, f16, bf16"):
        find_tolerance("i4")
