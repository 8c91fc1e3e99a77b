"""A supernet comes back from its file as it was, and a wrong file is refused in one line."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from compofa_deploy.graph.random_weights import draw_weights
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import largest_subnet, list_layers
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet, load_supernet, save_supernet
from latency_tables.errors import CompofaError, FormatError, InputError
from tests.support.supernets import TINY, make_supernet

SUBNET = Subnet.compound((2, 3, 4, 3, 2), 20)
WEIGHT = "classifier.weight"


@pytest.fixture(scope="module")
def supernet():
    return make_supernet()


@pytest.fixture
def path(supernet, tmp_path):
    save_supernet(supernet, tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


def read_metadata(path):
    with safe_open(path, framework="numpy") as file:
        return file.metadata()


def change(path, arrays=None, **metadata):
    """Write a supernet's file anew with other arrays (``None`` removes one) or other metadata."""
    kept = {**load_file(path), **(arrays or {})}
    told = {**json.loads(read_metadata(path)["compofa"]), **metadata}
    save_file({n: a for n, a in kept.items() if a is not None}, path, {"compofa": json.dumps(told)})


def test_a_supernet_comes_back_from_its_file(supernet, path):
    loaded = load_supernet(path)
    assert loaded.architecture == supernet.architecture
    assert loaded.preprocess == supernet.preprocess
    assert loaded.class_names == supernet.class_names
    assert loaded.origin == supernet.origin
    weights, again = supernet.weights_of(SUBNET), loaded.weights_of(SUBNET)
    assert weights.keys() == again.keys()
    for name, array in weights.items():
        np.testing.assert_array_equal(again[name], array)


def test_arrays_that_lie_in_another_order_are_stored_in_theirs(supernet, path):
    turned = {name: np.asfortranarray(array) for name, array in supernet.arrays.items()}
    save_supernet(replace(supernet, arrays=turned), path)
    assert load_supernet(path).digest == supernet.digest


def test_the_digest_is_that_of_what_is_used(supernet, path):
    assert load_supernet(path).digest == supernet.digest
    assert load_supernet(str(path)).digest == supernet.digest


def test_the_same_supernet_is_the_same_bytes(supernet, path):
    before = path.read_bytes()
    save_supernet(load_supernet(path), path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("part", ["weights", "statistics", "architecture"])
def test_another_supernet_has_another_digest(supernet, part):
    other = make_supernet(seed=1)
    changed = {
        "weights": replace(supernet, arrays=other.arrays),
        "statistics": replace(supernet, statistics=other.statistics),
        "architecture": replace(supernet, architecture=replace(TINY, name="other")),
    }[part]
    assert changed.digest != supernet.digest


def test_a_supernet_without_statistics_needs_its_own():
    layers = list_layers(TINY, largest_subnet(TINY, 20))
    arrays = draw_weights(layers, np.random.default_rng(0))
    bare = StoredSupernet(TINY, arrays, None, make_supernet().preprocess, ("a", "b", "c", "d"))
    weights = bare.weights_of(SUBNET)
    name = next(name for name in weights if name.endswith("running_mean"))
    np.testing.assert_array_equal(weights[name], arrays[name][: len(weights[name])])


def test_a_file_that_is_cut_off_is_refused(path):
    for keep in (0, 7, 100, path.stat().st_size - 1):
        short = path.with_name("short.safetensors")
        short.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(FormatError, match=r"short\.safetensors: not a safetensors file"):
            load_supernet(short)


def test_a_text_that_is_named_like_a_supernet_is_refused(tmp_path):
    path = tmp_path / "notes.safetensors"
    path.write_text("these are notes, and long enough to hold a length")
    with pytest.raises(FormatError, match="not a safetensors file"):
        load_supernet(path)


def test_a_file_of_another_project_is_refused(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"conv.weight": np.zeros((2, 2), np.float32)}, path)
    with pytest.raises(FormatError, match=r"foreign\.safetensors.*not"):
        load_supernet(path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"version": 2}, "is version 2 of compofa-supernet; this release reads version 1"),
        ({"format": "another"}, "is 'another', not a compofa-supernet"),
        ({"class_names": ["a", "b"]}, "names 2 classes; its architecture has 4"),
        ({"class_names": 4}, "class_names: must be a list, not int"),
        ({"mean": [0.5, 0.5]}, "mean: must hold 3 entries, not 2"),
        ({"std": ["a", "b", "c"]}, r"std\[0\]: must be a finite number, not 'a'"),
        ({"std": [1, 0, 1]}, r"std\[1\]: must be above 0"),
        ({"architecture": {"name": "tiny"}}, "metadata, architecture, width: is missing"),
        ({"architecture": 5}, "metadata, architecture: must be an object with named fields"),
        (
            {"architecture": {**TINY.to_dict(), "depth": 3}},
            "architecture, depth: is not a field of this format",
        ),
        ({"architecture": {**TINY.to_dict(), "family": "resnet"}}, "of family 'resnet'"),
        ({"architecture": {**TINY.to_dict(), "width": 1.0}}, r"array .* is \[.*\], not"),
    ],
)
def test_metadata_that_is_wrong_is_refused(path, metadata, message):
    change(path, **metadata)
    with pytest.raises(CompofaError, match=message) as raised:
        load_supernet(path)
    assert isinstance(raised.value, InputError)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (None, "classifier.weight is missing"),
        (np.zeros((4, 7), np.float16), r"classifier.weight is \[4, 7\], not \[4, "),
        (np.zeros(4, np.float16), r"classifier.weight is \[4\]"),
        ("nan", "classifier.weight holds numbers that are not finite"),
        ("inf", "classifier.weight holds numbers that are not finite"),
    ],
)
def test_an_array_that_is_wrong_is_named(path, array, message):
    if isinstance(array, str):
        broken = load_file(path)[WEIGHT].copy()
        broken[0, 0] = float(array)
        array = broken
    change(path, {WEIGHT: array})
    with pytest.raises(FormatError, match=message):
        load_supernet(path)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("16/stage2.3/low", lambda a: np.full_like(a, np.nan)),
        ("16/stage2.3/step", lambda a: np.full_like(a, np.inf)),
        ("16/stage2.3/step", lambda a: a[:-1]),
        ("16/stage2.3/levels", lambda a: a[:-1]),
        ("16/stage2.3/levels", lambda a: a[:, :-1]),
        ("16/stage2.3/levels", lambda a: a[0]),
        ("16/stage2.3/levels", lambda a: a.astype(np.float16)),
        ("16/stage2.3/levels", lambda a: None),
    ],
)
def test_statistics_that_are_wrong_are_named(path, name, spoil):
    name = f"statistics/{name}"
    change(path, {name: spoil(load_file(path)[name])})
    with pytest.raises(FormatError, match=r"tiny\.safetensors.*16/stage2\.3"):
        load_supernet(path)


def test_statistics_under_a_name_that_is_no_resolution_are_refused(path):
    change(path, {"statistics/high/stem/low": np.zeros(3, np.float16)})
    with pytest.raises(FormatError, match="no resolution"):
        load_supernet(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.safetensors: there is no such file"):
        load_supernet(tmp_path / "none.safetensors")


def test_a_name_that_does_not_ship_is_refused():
    with pytest.raises(InputError, match=r"no supernet 'resnet50'; give a \.safetensors file or mbv3"):
        load_supernet("resnet50")


def test_a_folder_is_no_supernet(tmp_path):
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(FormatError, match=r"folder\.safetensors: not a safetensors file"):
        load_supernet(tmp_path / "folder.safetensors")


def test_architecture_is_read_from_the_file_and_not_from_its_name(path, tmp_path):
    moved = path.rename(tmp_path / "mbv3-w1.0-imagenet.safetensors")
    assert load_supernet(moved).architecture == Architecture.from_dict(TINY.to_dict())
