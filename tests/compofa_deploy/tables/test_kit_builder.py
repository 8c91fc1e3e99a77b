"""A kit covers the space evenly, holds every layer that a subnet may have, and is the same each time."""

from collections import Counter
from dataclasses import replace
from itertools import combinations, product

import onnx
import pytest

from compofa_deploy.graph.form import choose_form
from compofa_deploy.graph.reference_network import build_reference
from compofa_deploy.space.layers import enumerate_compound, list_layers
from compofa_deploy.space.subnet import DEPTHS, Subnet
from compofa_deploy.tables.kit_builder import build_kit, choose_networks
from latency_tables.errors import InputError
from profilers.measuring.kit import MANIFEST
from tests.support.supernets import TINY

RESOLUTIONS = [(16,), (16, 20), (16, 20, 24, 28), (24, 28, 32), tuple(range(128, 225, 4))]


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return build_kit(TINY, TINY.resolutions, 1, tmp_path_factory.mktemp("kits") / "kit")


@pytest.mark.parametrize("resolutions", RESOLUTIONS)
def test_each_pair_of_stages_takes_each_pair_of_choices_three_times(resolutions):
    chosen = choose_networks(resolutions)[:27]
    for first, second in combinations(range(5), 2):
        pairs = Counter((subnet.depths[first], subnet.depths[second]) for subnet in chosen)
        assert pairs == dict.fromkeys(product(DEPTHS, repeat=2), 3)


@pytest.mark.parametrize("resolutions", RESOLUTIONS)
def test_every_resolution_has_its_smallest_and_largest_subnet(resolutions):
    chosen = choose_networks(resolutions)
    assert len(set(chosen)) == len(chosen)
    for resolution in resolutions:
        assert {Subnet.compound((2,) * 5, resolution), Subnet.compound((4,) * 5, resolution)} <= set(chosen)


@pytest.mark.parametrize("resolutions", RESOLUTIONS)
def test_resolutions_are_taken_about_equally_often(resolutions):
    counts = Counter(subnet.resolution for subnet in choose_networks(resolutions)[:27])
    assert max(counts.values()) - min(counts[r] for r in resolutions) <= 3


def test_three_resolutions_meet_every_choice_of_every_stage_equally_often():
    chosen = choose_networks((24, 28, 32))[:27]
    for stage in range(5):
        pairs = Counter((subnet.depths[stage], subnet.resolution) for subnet in chosen)
        assert pairs == dict.fromkeys(product(DEPTHS, (24, 28, 32)), 3)


def test_every_layer_of_every_subnet_is_in_the_kit_alone(kit):
    alone = {item.layers[0] for item in kit.items if item.kind == "layer"}
    needed = {
        layer.key
        for resolution in TINY.resolutions
        for subnet in enumerate_compound(resolution)
        for layer in list_layers(TINY, subnet)
    }
    assert alone == needed


def test_every_network_of_the_kit_is_one_of_those_layers(kit):
    alone = [item.layers[0] for item in kit.items if item.kind == "layer"]
    networks = [item for item in kit.items if item.kind != "layer"]
    assert len(set(alone)) == len(alone)
    assert len(networks) == len(choose_networks(TINY.resolutions)) + 1
    for item in networks:
        assert set(item.layers) <= set(alone)
        layers = list_layers(TINY, Subnet.parse(item.label))
        assert item.layers == tuple(layer.key for layer in layers)


def test_a_table_of_the_kit_predicts_every_subnet(kit):
    alone = {item.layers[0]: 1.0 for item in kit.items if item.kind == "layer"}
    for subnet in enumerate_compound(20):
        assert sum(alone[layer.key] for layer in list_layers(TINY, subnet)) > 0


def test_the_same_kit_is_the_same_bytes(kit, tmp_path):
    again = build_kit(TINY, TINY.resolutions, 1, tmp_path / "kit")
    assert again.kit_id == kit.kit_id
    for file in (MANIFEST, *(item.file for item in kit.items)):
        assert (again.folder / file).read_bytes() == (kit.folder / file).read_bytes()


def test_another_batch_is_another_kit(kit, tmp_path):
    batched = build_kit(TINY, (16,), 2, tmp_path / "kit")
    assert batched.kit_id != kit.kit_id
    assert {item.input_shape[0] for item in batched.items} == {2}


def test_every_item_says_the_shape_that_it_takes(kit):
    for item in kit.items:
        side = Subnet.parse(item.label).resolution if item.kind != "layer" else item.input_shape[-1]
        assert item.input_shape[0] == 1
        assert item.input_shape[-1] == side


def test_the_kits_reference_is_the_one_that_bundles_are_measured_beside(kit):
    assert kit.read(kit.reference) == build_reference(TINY, 1)


def test_models_of_a_kit_run(kit, spec):
    from profilers.measuring.open_model import make_feeds
    from profilers.runtimes.registry import find_runtime

    items = [*kit.items[:80:10], kit.reference]
    for item in items:
        with find_runtime(spec.runtime).open(kit.read(item), spec) as session:
            outputs = session.run(make_feeds(session, 1, item.input_shape))
        assert all(array.size for array in outputs.values())


def test_a_kit_needs_a_resolution(tmp_path):
    with pytest.raises(InputError, match="at least one resolution"):
        build_kit(TINY, (), 1, tmp_path / "kit")


def test_a_kit_is_built_in_the_form_of_the_runtime_that_will_measure_it(tmp_path, kit):
    form = choose_form("tensorrt_rtx", "f16")
    typed = build_kit(TINY, (16,), 1, tmp_path / "kit", form)
    assert typed.read(typed.reference) == build_reference(replace(TINY, resolutions=(16,)), 1, form)
    assert {item.label for item in typed.items if item.kind == "layer"} < {item.label for item in kit.items}
    for item in typed.items:
        graph = onnx.load_from_string(typed.read(item)).graph
        assert {array.data_type for array in graph.initializer} <= {onnx.TensorProto.FLOAT16}
