"""An export for TensorRT is an engine, built here without a GPU. The tests in tests/gpu run it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from compofa_deploy.bundle.bundle import MANIFEST, Bundle, describe_file
from compofa_deploy.bundle.bundle_writer import write_bundle
from compofa_deploy.bundle.verify import verify
from compofa_deploy.export.export import export
from compofa_deploy.export.writers import GRAPH_BYTES_PER_LAYER, TOLERANCES
from compofa_deploy.space.subnet import Subnet
from latency_tables.device import DeviceSpec
from latency_tables.errors import MismatchError, RuntimeUnavailable, VerificationError
from profilers.runtimes.registry import find_runtime
from profilers.runtimes.tensorrt.runtime import TensorRtRtx
from profilers.targets.local import LocalDevice
from tests.support.supernets import make_supernet
from tests.support.tensorrt import CAPABILITIES, needs_rtx, without_gpu

pytestmark = needs_rtx
HERE = LocalDevice(Path("never measured"))
SUBNET = Subnet.compound((2, 3, 4, 3, 2), 16)


def make_spec(precision: str = "f16", capability: str = "8.6", batch: int = 1) -> DeviceSpec:
    runtime = find_runtime("tensorrt_rtx")
    assert isinstance(runtime, TensorRtRtx)
    return runtime.engine_spec(precision=precision, capability=capability, batch=batch)


@pytest.fixture(scope="module")
def supernet():
    return make_supernet()


@pytest.fixture(scope="module")
def bundle(supernet, tmp_path_factory) -> Bundle:
    exported = export(supernet, SUBNET, make_spec())
    return write_bundle(tmp_path_factory.mktemp("tensorrt") / "bundle", exported.deployment, exported.files)


def change_manifest(bundle: Bundle, folder: Path, spec: DeviceSpec, engine: bytes | None = None) -> Path:
    """The bundle with another device spec, and perhaps another engine, its hashes right."""
    files = {
        "model.engine": engine or bundle.read_files().model,
        "reference.safetensors": (bundle.folder / "reference.safetensors").read_bytes(),
    }
    entry = bundle.deployment.model
    if engine is not None:
        entry = describe_file("model.engine", engine)
    deployment = replace(bundle.deployment, device_spec=spec.to_dict(), model=entry)
    return write_bundle(folder, deployment, files).folder


@pytest.mark.parametrize("capability", CAPABILITIES)
@pytest.mark.parametrize("precision", ["f32", "f16"])
def test_the_manifest_says_what_the_engine_fits(supernet, precision: str, capability: str) -> None:
    deployment = export(supernet, SUBNET, make_spec(precision, capability)).deployment
    spec = DeviceSpec.from_dict(deployment.device_spec)
    assert spec.runtime == "tensorrt_rtx"
    assert spec.runtime_version == TensorRtRtx().version_impl() == deployment.made_with["tensorrt_rtx"]
    assert (spec.device, spec.precision) == ("sm" + capability.replace(".", ""), precision)
    assert deployment.tolerance == TOLERANCES[precision]


def test_the_bundle_holds_the_engine_and_what_it_must_compute(bundle: Bundle) -> None:
    found = sorted(path.name for path in bundle.folder.iterdir())
    assert found == [MANIFEST, "model.engine", "reference.safetensors"]


def test_the_same_subnet_is_the_same_bytes(supernet) -> None:
    assert export(supernet, SUBNET, make_spec()) == export(supernet, SUBNET, make_spec())


def test_an_engine_is_no_larger_than_a_candidate_is_taken_for(supernet) -> None:
    for depths in ((2,) * 5, (4,) * 5):
        subnet = Subnet.compound(depths, 16)
        deployment = export(supernet, subnet, make_spec("f32")).deployment
        layers = len(supernet.layers_of(subnet))
        assert deployment.size_bytes <= 4 * deployment.params + layers * GRAPH_BYTES_PER_LAYER["tensorrt_rtx"]


@without_gpu
def test_without_a_gpu_it_is_verified_as_far_as_can_be(bundle: Bundle) -> None:
    with pytest.raises(RuntimeUnavailable) as caught:
        verify(bundle.folder, HERE)
    message = str(caught.value)
    assert "its hashes are right, it is an engine for sm86 in f16 by tensorrt_rtx" in message
    assert "there is no NVIDIA driver" in message
    assert len(message.splitlines()) == 1


def test_where_the_package_is_missing_it_says_so_after_the_hashes(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tensorrt_rtx", "tensorrt_rtx_bindings"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(RuntimeUnavailable, match=r"its hashes are right; it was not run: .*pip install"):
        verify(bundle.folder, HERE)


def test_an_engine_that_was_cut_off_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    folder = change_manifest(bundle, tmp_path / "bundle", bundle.spec)
    whole = (folder / "model.engine").read_bytes()
    (folder / "model.engine").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(VerificationError, match=r"model\.engine: its hash is not the one"):
        verify(folder, HERE)


def test_what_is_no_engine_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    folder = change_manifest(bundle, tmp_path / "bundle", bundle.spec, b"not an engine" * 100)
    with pytest.raises(MismatchError, match=r"does not take the engine \(malformed engine\); export it anew"):
        verify(folder, HERE)


def test_an_engine_of_another_version_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    folder = change_manifest(bundle, tmp_path / "bundle", replace(bundle.spec, runtime_version="1.2.0.54"))
    with pytest.raises(MismatchError, match=r"engine is of tensorrt_rtx 1\.2\.0\.54, and here is .*anew"):
        verify(folder, HERE)
