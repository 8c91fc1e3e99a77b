from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from compofa_deploy.graph.network import build_layer, build_network
from compofa_deploy.graph.random_weights import draw_weights
from compofa_deploy.graph.reference import run_reference
from compofa_deploy.space.layers import list_layers, sample_compound
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.cut import cut_weights
from latency_tables.errors import FormatError, InputError
from tests.support.subnets import sample_any

REPOSITORY = Path(__file__).parents[3]
CIFAR = find_architecture("mbv3-w0.75-cifar10")
LAYERS = list_layers(CIFAR, Subnet.compound((2, 2, 2, 2, 2), 24))
WEIGHTS = draw_weights(LAYERS, np.random.default_rng(0))

BUILD_AND_HASH = """
import hashlib, numpy as np
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.graph.network import build_network
from compofa_deploy.graph.random_weights import draw_weights
from compofa_deploy.graph.reference import run_reference
from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.subnet import Subnet
layers = list_layers(find_architecture("mbv3-w0.75-cifar10"), Subnet.compound((2, 2, 2, 2, 2), 24))
weights = draw_weights(layers, np.random.default_rng(0))
print(hashlib.sha256(build_network(layers, weights, metadata={"b": "2", "a": "1"})).hexdigest())
"""


def draw_images(resolution, count=1, seed=1):
    return np.random.default_rng(seed).standard_normal((count, 3, resolution, resolution)).astype(np.float32)


@pytest.mark.parametrize("batch", [1, 3, None])
def test_gives_the_logits_that_torch_gives(supernet, run_onnx, batch):
    rng = np.random.default_rng(7)
    for resolution in supernet.architecture.resolutions:
        sample = sample_any if supernet.architecture.elastic_kernel else sample_compound
        layers = list_layers(supernet.architecture, sample(rng, resolution))
        images = draw_images(resolution, batch or 4)
        expected = supernet.run(layers, images)
        model = build_network(layers, cut_weights(supernet.arrays, layers), batch=batch)
        assert expected.std() > 0.05
        np.testing.assert_allclose(run_onnx(model, images), expected, atol=1e-4, rtol=0)


def test_gives_torchs_logits_for_compound_subnets_of_an_elastic_supernet(elastic_supernet, run_onnx):
    layers = list_layers(elastic_supernet.architecture, Subnet.compound((2, 3, 4, 3, 2), 64))
    images = draw_images(64)
    model = build_network(layers, cut_weights(elastic_supernet.arrays, layers))
    np.testing.assert_allclose(
        run_onnx(model, images), elastic_supernet.run(layers, images), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize(
    ("name", "id"), [("mbv3-w0.75-cifar10", "44444@32"), ("mbv3-w1.0-imagenet", "22222@128")]
)
def test_gives_the_references_logits_at_full_size(run_onnx, name, id):
    subnet = Subnet.parse(id)
    layers = list_layers(find_architecture(name), subnet)
    weights = draw_weights(layers, np.random.default_rng(2))
    images = draw_images(subnet.resolution)
    expected = run_reference(layers, weights, images)
    assert expected.std() > 0.05
    np.testing.assert_allclose(run_onnx(build_network(layers, weights), images), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("resolution", [21, 25, 28, 31])
def test_gives_torchs_logits_where_sizes_do_not_divide(elastic_supernet, run_onnx, resolution):
    layers = list_layers(elastic_supernet.architecture, Subnet.compound((2, 2, 2, 2, 2), resolution))
    images = draw_images(resolution)
    model = build_network(layers, cut_weights(elastic_supernet.arrays, layers))
    np.testing.assert_allclose(
        run_onnx(model, images), elastic_supernet.run(layers, images), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("batch", [1, None])
def test_passes_the_checker_and_uses_standard_operators_alone(batch):
    model = onnx.load_from_string(build_network(LAYERS, WEIGHTS, batch=batch))
    onnx.checker.check_model(model, full_check=True)
    assert [entry.domain for entry in model.opset_import] == [""]
    assert {node.domain for node in model.graph.node} == {""}


def test_asks_for_no_newer_reader_than_it_needs():
    model = onnx.load_from_string(build_network(LAYERS, WEIGHTS))
    assert model.opset_import[0].version == 13
    assert model.ir_version <= 8


@pytest.mark.parametrize(("batch", "first"), [(1, 1), (8, 8), (None, "N")])
def test_goes_from_image_to_logits(batch, first):
    graph = onnx.load_from_string(build_network(LAYERS, WEIGHTS, batch=batch)).graph
    ports = {
        port.name: [dim.dim_param or dim.dim_value for dim in port.type.tensor_type.shape.dim]
        for port in [*graph.input, *graph.output]
    }
    assert ports == {"image": [first, 3, 24, 24], "logits": [first, 10]}


def test_states_the_metadata_it_is_given():
    model = onnx.load_from_string(build_network(LAYERS, WEIGHTS, metadata={"subnet": "22222@24", "a": "b"}))
    assert {entry.key: entry.value for entry in model.metadata_props} == {"subnet": "22222@24", "a": "b"}


def test_names_every_node_and_array_by_its_layer():
    graph = onnx.load_from_string(build_network(LAYERS, WEIGHTS)).graph
    names = {layer.name for layer in LAYERS}
    assert {node.name.split("/")[0] for node in graph.node} == names
    assert {array.name.split("/")[0] for array in graph.initializer} == names - {"pool"}
    assert len({node.name for node in graph.node}) == len(graph.node)


def test_writes_the_same_bytes_in_every_process():
    hashes = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", BUILD_AND_HASH],
            cwd=REPOSITORY, env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        hashes.add(done.stdout.strip())
    here = build_network(LAYERS, WEIGHTS, metadata={"a": "1", "b": "2"})
    assert hashes == {hashlib.sha256(here).hexdigest()}


def test_does_not_touch_the_weights_it_is_given():
    weights = {name: array.copy() for name, array in WEIGHTS.items()}
    for array in weights.values():
        array.setflags(write=False)
    assert build_network(LAYERS, weights) == build_network(LAYERS, WEIGHTS)


def test_an_open_batch_is_optimised_as_a_fixed_one_is(tmp_path):
    counts = []
    for batch in (1, None):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
        model = build_network(LAYERS, WEIGHTS, batch=batch)
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        nodes = onnx.load(tmp_path / "optimised.onnx").graph.node
        counts.append(Counter((node.domain, node.op_type) for node in nodes))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    "name",
    ["first_conv.conv.weight", "blocks.6.se.expand.bias", "blocks.9.project_bn.bias", "classifier.bias"],
)
def test_names_an_array_that_is_missing(name):
    weights = {key: array for key, array in WEIGHTS.items() if key != name}
    with pytest.raises(FormatError, match=rf"no array {name}"):
        build_network(LAYERS, weights)


@pytest.mark.parametrize("name", ["feature_mix.conv.weight", "blocks.1.depthwise_bn.weight"])
def test_names_an_array_of_another_shape(name):
    with pytest.raises(FormatError, match=rf"array {name} .* needs"):
        build_network(LAYERS, {**WEIGHTS, name: WEIGHTS[name][:-1]})


@pytest.mark.parametrize("batch", [0, -1])
def test_refuses_a_batch_below_one(batch):
    with pytest.raises(InputError, match="batch must be at least 1"):
        build_network(LAYERS, WEIGHTS, batch=batch)
    with pytest.raises(InputError, match="batch must be at least 1"):
        build_layer(LAYERS[0], WEIGHTS, batch)
