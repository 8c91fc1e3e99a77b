"""The supernet that ships: whole, small enough, and with accuracies that are its own."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from compofa_deploy.accuracy.beside_supernet import load_accuracy_table
from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.export.writers import find_tolerance
from compofa_deploy.graph.network import build_network
from compofa_deploy.graph.reference import run_reference
from compofa_deploy.space.layers import COMPOUND_DEPTHS
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import BUILT_IN, StoredSupernet, built_in_folder, load_supernet

MAX_BYTES = 12_000_000


@pytest.fixture(scope="module")
def supernet() -> StoredSupernet:
    return load_supernet()


@pytest.fixture(scope="module")
def accuracies() -> AccuracyTable:
    return load_accuracy_table(None, BUILT_IN)


def test_it_is_at_most_12_megabytes() -> None:
    assert (built_in_folder() / f"{BUILT_IN}.safetensors").stat().st_size <= MAX_BYTES


def test_the_accuracy_table_is_of_these_weights_and_of_every_subnet(
    supernet: StoredSupernet, accuracies: AccuracyTable
) -> None:
    accuracies.check_supernet(supernet.digest)
    assert accuracies.resolutions == supernet.architecture.resolutions
    assert accuracies.accuracy("test").shape == (3, len(COMPOUND_DEPTHS))
    assert accuracies.images == {"validation": 5000, "test": 10000}


def test_larger_subnets_are_more_accurate_on_the_whole(accuracies: AccuracyTable) -> None:
    """In a table whose rows were mixed up, depth and accuracy would correlate by 0 give or take 0.06."""
    blocks = np.array([sum(depths) for depths in COMPOUND_DEPTHS])
    for split in ("validation", "test"):
        for row in accuracies.accuracy(split):
            assert np.corrcoef(blocks, row)[0, 1] > 0.5
            assert row.min() > 60


@pytest.mark.parametrize("subnet_id", ["22222@24", "23432@28", "44444@32"])
def test_its_subnets_export_without_data_and_give_the_reference_numbers(
    supernet: StoredSupernet, subnet_id: str
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    subnet = Subnet.parse(subnet_id)
    layers, weights = supernet.layers_of(subnet), supernet.weights_of(subnet)
    model = build_network(layers, weights, batch=2)
    onnx.checker.check_model(onnx.load_from_string(model))
    pixels = np.random.default_rng(0).integers(0, 256, (2, subnet.resolution, subnet.resolution, 3), np.uint8)
    images = supernet.preprocess.normalise(pixels)
    expected = run_reference(layers, weights, images)
    logits = onnxruntime.InferenceSession(model).run(None, {"image": images})[0]
    assert np.abs(logits - expected).max() <= find_tolerance("f32") * max(1.0, np.abs(expected).max())
