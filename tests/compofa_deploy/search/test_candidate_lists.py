"""Every subnet is a candidate at every shared resolution on every device spec, with the costs of its layers."""

from dataclasses import replace

import numpy as np
import pytest

from compofa_deploy.export.export import export
from compofa_deploy.search.candidate_lists import list_candidates
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import count_macs, count_params, enumerate_compound, list_layers
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import InputError, MismatchError
from profilers.runtimes.registry import find_runtime
from tests.latency_tables.builders import SPEC
from tests.support.supernets import TINY, make_accuracies, make_supernet, make_table


def test_each_candidate_has_its_subnets_costs_and_accuracy(candidates, accuracies):
    assert len(candidates) == 2 * 243
    for index in range(0, len(candidates), 7):
        subnet = candidates.subnet(index)
        layers = list_layers(TINY, subnet)
        assert candidates.macs[index] == count_macs(layers)
        assert candidates.params[index] == count_params(layers)
        assert candidates.accuracy[index] == pytest.approx(accuracies.find(subnet)["validation"])


def test_each_candidate_is_there_once(candidates):
    found = [candidates.subnet(index) for index in range(len(candidates))]
    assert set(found) == {subnet for r in TINY.resolutions for subnet in enumerate_compound(r)}
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("depths", [(2,) * 5, (2, 3, 4, 3, 2), (4,) * 5])
def test_no_model_file_is_larger_than_its_candidate_says(supernet, candidates, depths):
    subnet = Subnet.compound(depths, 20)
    index = next(i for i in range(len(candidates)) if candidates.subnet(i) == subnet)
    exported = export(supernet, subnet, find_runtime("onnxruntime").spec())
    assert len(exported.model) <= candidates.size_bytes[index]


def test_a_percentile_scales_the_latency_and_nothing_else(accuracies, candidates):
    tail = list_candidates(TINY, accuracies, [make_table()], percentile=99)
    np.testing.assert_allclose(tail.latency_ms, 1.5 * candidates.latency_ms)
    np.testing.assert_array_equal(tail.margin, candidates.margin)


def test_a_higher_confidence_has_a_wider_margin(accuracies):
    margins = [
        list_candidates(TINY, accuracies, [make_table()], confidence=c).margin.max() for c in (0.5, 0.9)
    ]
    assert margins[0] < margins[1]


def test_tables_of_several_device_specs_are_searched_together(accuracies):
    slow = make_table(spec=replace(SPEC, threads=1, precision="f16"), intercept_ms=1.0)
    both = list_candidates(TINY, accuracies, [make_table(), slow])
    assert len(both) == 2 * 2 * 243
    assert both.describe(0)["device_spec"] == SPEC.describe()
    assert both.describe(len(both) - 1)["device_spec"] == slow.spec.describe()
    np.testing.assert_allclose(both.latency_ms[both.table == 1] - both.latency_ms[both.table == 0], 0.99)


def test_only_resolutions_that_table_and_accuracies_share_are_searched(accuracies):
    narrow = list_candidates(TINY, accuracies, [make_table(resolutions=(8, 20))])
    assert set(narrow.resolution) == {20}


def test_a_table_of_another_architecture_is_refused(accuracies):
    other = Architecture("other", 0.25, 4, 1, (16, 20), elastic_kernel=False)
    with pytest.raises(
        MismatchError, match=r"of another architecture than tiny.*compofa profile --arch tiny"
    ):
        list_candidates(TINY, accuracies, [make_table(other)])


def test_a_table_that_shares_no_resolution_is_refused(accuracies):
    with pytest.raises(MismatchError, match=r"has resolutions \[32\], the accuracies \[16, 20\]"):
        list_candidates(TINY, accuracies, [make_table(resolutions=(32,))])


def test_a_percentile_that_no_table_has_is_refused(accuracies):
    with pytest.raises(InputError, match="no percentile 42"):
        list_candidates(TINY, accuracies, [make_table()], percentile=42)


def test_a_table_that_lacks_a_layer_names_it(accuracies):
    table = make_table()
    key = list_layers(TINY, Subnet.compound((3,) * 5, 16))[3].key
    costs = {k: v for k, v in table.costs_ms.items() if k != key}
    with pytest.raises(MismatchError, match=f"has no layer {key}"):
        list_candidates(TINY, accuracies, [replace(table, costs_ms=costs)])


def test_another_supernets_accuracies_make_other_candidates_of_the_same_costs(candidates):
    other = list_candidates(TINY, make_accuracies(make_supernet(seed=5)), [make_table()])
    np.testing.assert_array_equal(other.macs, candidates.macs)
    np.testing.assert_array_equal(other.latency_ms, candidates.latency_ms)
