"""A bundle is written whole or not at all, replaces nothing but a bundle, and is refused where a byte has changed."""

import json

import numpy as np
import pytest

from compofa_deploy.bundle.bundle import MANIFEST, REFERENCE, decode_reference, encode_reference, load_bundle
from latency_tables.errors import FormatError, InputError, VerificationError
from tests.compofa_deploy.export.builders import change_manifest, flip_byte

FILES = ("model.onnx", REFERENCE, MANIFEST)


def list_files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_bundle_comes_back_from_its_folder(exported, bundle):
    loaded = load_bundle(bundle)
    assert loaded.deployment == exported.deployment
    assert loaded.read_files().model == exported.model
    pixels, logits = loaded.read_reference()
    assert pixels.shape == (4, 16, 16, 3)
    assert logits.shape == (4, 4)


def test_a_bundle_holds_what_is_needed_and_nothing_else(bundle):
    assert list_files(bundle) == sorted(FILES)


@pytest.mark.parametrize("file", ["model.onnx", REFERENCE])
@pytest.mark.parametrize("position", [0, 1000, -1])
def test_a_byte_that_changed_is_found(bundle, file, position):
    flip_byte(bundle / file, position)
    with pytest.raises(VerificationError, match=f"{file}: its hash is not the one in {MANIFEST}"):
        load_bundle(bundle)


def test_any_byte_of_the_manifest_that_changed_is_found(bundle):
    size = (bundle / MANIFEST).stat().st_size
    whole = (bundle / MANIFEST).read_bytes()
    spaces = set(b" \n")
    for position in range(0, size, 7):
        if whole[position] in spaces:
            continue
        (bundle / MANIFEST).write_bytes(whole)
        flip_byte(bundle / MANIFEST, position)
        with pytest.raises((FormatError, VerificationError)) as raised:
            load_bundle(bundle)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("file", ["model.onnx", REFERENCE])
def test_a_file_that_is_missing_is_named(bundle, file):
    (bundle / file).unlink()
    with pytest.raises(VerificationError, match=rf"{file}: cannot be read"):
        load_bundle(bundle)


def test_a_file_that_changes_after_it_was_checked_does_not_run(bundle):
    loaded = load_bundle(bundle)
    flip_byte(bundle / "model.onnx", 500)
    with pytest.raises(VerificationError, match="its hash is not the one"):
        loaded.read_files()


def test_a_folder_that_is_not_there_or_is_no_bundle_is_named(tmp_path):
    with pytest.raises(InputError, match="there is no such folder; give a bundle"):
        load_bundle(tmp_path / "none")
    with pytest.raises(InputError, match=r"deployment\.json: there is no such file"):
        load_bundle(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("subnet"), "subnet: is missing"),
        (lambda d: d.update(note="x"), "note: is not a field of this format"),
        (lambda d: d["model"].update(file="../model.onnx"), r"model, file: must match"),
        (lambda d: d["model"].update(file="/etc/passwd"), r"model, file: must match"),
        (lambda d: d["model"].update(sha256="0"), r"model, sha256: must match"),
        (lambda d: d["input"].update(shape=[1, 3, 16]), "the input must have 4 sizes"),
        (
            lambda d: d["input"].update(shape=[0, 3, 16, 16]),
            r"input, shape: must hold whole numbers of at least 1",
        ),
        (lambda d: d["labels"].pop(), "as many as there are labels"),
        (lambda d: d["preprocess"].pop("mean"), r"preprocess, mean: is missing"),
        (lambda d: d["preprocess"].update(std=[0, 1, 1]), r"preprocess, std\[0\]: must be above 0"),
        (lambda d: d.update(tolerance=0), "tolerance: must be above 0"),
        (lambda d: d.update(tolerance=None), "tolerance: must be a finite number"),
        (
            lambda d: d.update(budget={"limit_ms": -1, "percentile": 50, "confidence": 0.9}),
            r"budget, limit_ms: must be at least 0",
        ),
        (lambda d: d["input"].update(shape=[10**9, 3, 16, 16]), "input: is larger than any network"),
        (lambda d: d["preprocess"].update(centre_crop=40000), "input: is larger than any network"),
        (lambda d: d.update(version=2), "this release reads version 1"),
        (lambda d: d.update(format="compofa-kit"), "is 'compofa-kit', not a compofa-bundle"),
    ],
)
def test_a_manifest_that_is_wrong_says_where(bundle, change, message):
    change_manifest(bundle, change)
    with pytest.raises(FormatError, match=message) as raised:
        load_bundle(bundle)
    assert "\n" not in str(raised.value)


def test_a_manifest_with_a_number_that_is_none_is_refused(bundle):
    text = (bundle / MANIFEST).read_text()
    (bundle / MANIFEST).write_text(text.replace('"tolerance": 0.0001', '"tolerance": NaN'))
    with pytest.raises(FormatError, match="NaN is not a number"):
        load_bundle(bundle)


def test_a_manifest_that_was_changed_by_hand_is_found(bundle):
    content = json.loads((bundle / MANIFEST).read_text())
    content["labels"][0] = "another"
    (bundle / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(VerificationError, match="does not fit its content"):
        load_bundle(bundle)


def test_a_device_spec_that_is_wrong_says_where(bundle):
    change_manifest(bundle, lambda d: d["device_spec"].update(threads="many"))
    with pytest.raises(FormatError, match=r"deployment\.json, device_spec, threads"):
        load_bundle(bundle)


def test_a_reference_comes_back(rng):
    pixels = rng.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    logits = rng.standard_normal((2, 4))
    again = decode_reference(encode_reference(pixels, logits), "a test")
    np.testing.assert_array_equal(again[0], pixels)
    np.testing.assert_array_equal(again[1], logits)


def test_a_reference_that_is_none_is_refused():
    with pytest.raises(
        FormatError, match=r"a test: reference\.safetensors is not the reference it should be"
    ):
        decode_reference(b"no reference", "a test")
