"""Latencies that others measured become a table that predicts as theirs does."""

import json

import numpy as np
import pytest
import yaml

from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.tables.exporting import export_csv
from compofa_deploy.tables.importing import import_table
from latency_tables.errors import FormatError, InputError, MismatchError
from latency_tables.imported import describe_device
from latency_tables.table import LatencyTable
from tests.compofa_deploy.tables.builders import (
    ELASTIC,
    cost_of,
    state_ofa,
    write_csv_table,
    write_json_table,
    write_yaml_table,
)  # fmt: skip
from tests.support.reference import find_reference, import_ofa
from tests.support.subnets import sample_any

SPEC = describe_device(machine="a phone")


def read(source, space="ofa", architecture=ELASTIC):
    return import_table(source, architecture, SPEC, space)


def predict(table, architecture, subnet):
    return table.at(subnet.resolution).predict_ms(layer.key for layer in list_layers(architecture, subnet))


def test_the_published_tables_predict_what_the_references_formula_gives(rng, tmp_path):
    folder = find_reference() / "note10"
    formula = import_ofa("ofa.tutorial.latency_table").LatencyEstimator
    architecture = find_architecture("mbv3-w1.2-imagenet")
    read(folder, architecture=architecture).save(tmp_path / "note10.json")
    table = LatencyTable.load(tmp_path / "note10.json")
    assert table.resolutions == tuple(range(160, 225, 4))
    for resolution in table.resolutions:
        # Its constructor calls yaml.load as no release of the library in use takes it.
        theirs = formula.__new__(formula)
        theirs.lut = yaml.safe_load((folder / f"{resolution}_lookup_table.yaml").read_text())
        for _ in range(12):
            subnet = sample_any(rng, resolution)
            expected = theirs.predict_network_latency_given_spec(subnet.to_ofa())
            assert predict(table, architecture, subnet) == pytest.approx(expected, abs=1e-9)


def test_a_table_of_random_numbers_predicts_what_the_references_formula_gives(rng, tmp_path):
    formula = import_ofa("ofa.tutorial.latency_table").LatencyEstimator
    architecture = find_architecture("mbv3-w1.2-imagenet")
    stated = {name: {"mean": rng.uniform(0.1, 9)} for name in state_ofa(132, architecture=architecture)}
    (tmp_path / "132.json").write_text(json.dumps(stated))
    table = read(tmp_path / "132.json", architecture=architecture)
    theirs = formula.__new__(formula)
    theirs.lut = stated
    for _ in range(20):
        subnet = sample_any(rng, 132)
        expected = theirs.predict_network_latency_given_spec(subnet.to_ofa())
        assert predict(table, architecture, subnet) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("write", [write_yaml_table, write_json_table])
def test_each_resolution_keeps_its_own_numbers(tmp_path, write):
    for resolution in (16, 20):
        write(tmp_path, resolution)
    table = read(tmp_path)
    assert table.resolutions == (16, 20)
    assert table.costs_at, "the classifier is the same layer at both, and was measured twice"
    for resolution in (16, 20):
        subnet = Subnet.compound((2, 3, 4, 2, 3), resolution)
        expected = sum(cost_of(layer, resolution) for layer in list_layers(ELASTIC, subnet))
        assert predict(table, ELASTIC, subnet) == pytest.approx(expected, abs=1e-12)


def test_a_csv_without_resolutions_is_of_those_that_it_has_every_layer_for(tmp_path):
    table = read(write_csv_table(tmp_path))
    assert table.resolutions == (16,)
    assert not table.costs_at
    subnet = Subnet.compound((2,) * 5, 16)
    expected = sum(cost_of(layer, 0) for layer in list_layers(ELASTIC, subnet))
    assert predict(table, ELASTIC, subnet) == pytest.approx(expected)


def test_a_csv_with_resolutions_keeps_them_apart(tmp_path):
    table = read(write_csv_table(tmp_path, (16, 20)))
    assert table.resolutions == (16, 20)
    subnet = Subnet.compound((4,) * 5, 20)
    expected = sum(cost_of(layer, 20) for layer in list_layers(ELASTIC, subnet))
    assert predict(table, ELASTIC, subnet) == pytest.approx(expected)


def test_a_csv_of_layers_columns_is_read(tmp_path):
    table = read(write_csv_table(tmp_path, (16, 20)))
    export_csv(table, tmp_path / "columns.csv")
    again = read(tmp_path / "columns.csv")
    assert (again.costs_ms, again.costs_at) == (table.costs_ms, table.costs_at)


def test_what_is_not_given_is_marked_unknown(tmp_path):
    table = read(write_json_table(tmp_path, 16))
    assert table.spec.describe().startswith("an unknown runtime on a phone (unknown: runtime, ")
    assert table.error is None
    assert not table.states_error
    assert str(tmp_path) in table.origin
    assert (
        describe_device(runtime="tflite", threads=1)
        .describe()
        .startswith("tflite threads 1 on an unknown machine")
    )


def test_a_table_of_a_smaller_space_is_read_for_that_one(tmp_path):
    path = write_json_table(tmp_path, 16, space="compofa")
    assert read(path, "compofa").resolutions == (16,)
    with pytest.raises(MismatchError, match="or import it for a smaller --space"):
        read(path, "compofa-elastic")


def test_layers_beyond_the_space_that_was_asked_for_are_kept(tmp_path):
    path = write_json_table(tmp_path, 16)
    assert read(path, "compofa").costs_ms == read(path, "ofa").costs_ms


@pytest.mark.parametrize("prefix", ["Conv-", "Conv_1-", "Conv_2-", "AvgPool2D-", "Logits-", "expanded_conv-"])
def test_a_missing_layer_is_named_with_a_subnet_that_needs_it(tmp_path, prefix):
    stated = state_ofa(16)
    name = [name for name in stated if name.startswith(prefix)][-1]
    del stated[name]
    (tmp_path / "16.json").write_text(json.dumps(stated))
    with pytest.raises(MismatchError) as caught:
        read(tmp_path / "16.json")
    assert f"has no layer {name}, which " in str(caught.value)
    subnet = Subnet.parse(str(caught.value).partition("which ")[2].partition(" needs")[0])
    assert subnet.resolution == 16
    assert name in state_ofa(16)


def test_a_csvs_missing_layer_is_named_by_our_key(tmp_path):
    path = write_csv_table(tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(MismatchError, match=f"has no layer {lines[-1].partition(',')[0]}, which .*@16 needs"):
        read(path)


def test_another_architectures_table_is_refused(tmp_path):
    with pytest.raises(MismatchError, match=r"in the space ofa of mbv3-w1\.0-imagenet; .* --arch"):
        read(write_json_table(tmp_path, 16), architecture=find_architecture("mbv3-w1.0-imagenet"))


def test_a_resolution_that_two_files_state_is_refused(tmp_path):
    write_json_table(tmp_path, 16)
    write_yaml_table(tmp_path, 16)
    with pytest.raises(
        FormatError, match=r"16_lookup_table\.yaml: states 16 px, and so does .*16_lookup_table\.json"
    ):
        read(tmp_path)


def test_resolutions_of_different_units_or_devices_contradict_each_other(tmp_path):
    write_json_table(tmp_path, 16)
    write_json_table(tmp_path, 20, scale=1000.0)
    with pytest.raises(
        FormatError, match=r"layer .* takes .* ms at 16 px and .* ms at 20 px, and it is the same layer"
    ):
        read(tmp_path)


def test_a_name_that_contradicts_the_content_is_refused(tmp_path):
    write_json_table(tmp_path, 16).rename(tmp_path / "20_lookup_table.json")
    with pytest.raises(FormatError, match="is named 20, and its first convolution is of 16 px"):
        read(tmp_path)


def test_a_layer_under_both_of_its_names_is_refused(tmp_path):
    path = write_csv_table(tmp_path)
    name = next(name for name in state_ofa(16) if name.startswith("Logits"))
    path.write_text(path.read_text() + f"{name},0.5\n")
    with pytest.raises(FormatError, match="is there twice, under its key and as Logits"):
        read(path)


@pytest.mark.parametrize("write", [write_yaml_table, write_json_table, write_csv_table])
def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path, write, rng):
    path = write(tmp_path, 16) if write is not write_csv_table else write(tmp_path)
    text = path.read_text()
    # What follows the last mean of a YAML file is no latency, and its loss no harm.
    end = max(text.rfind("mean"), 0) if write is write_yaml_table else len(text) - 1
    for size in [0, *rng.integers(1, end, 12), end - 1]:
        path.write_text(text[:size])
        with pytest.raises(InputError):
            read(path)


def test_another_family_is_refused(tmp_path):
    from dataclasses import replace

    with pytest.raises(
        InputError, match="is of the family resnet; tables are imported and exported for mbv3"
    ):
        read(write_json_table(tmp_path, 16), architecture=replace(ELASTIC, family="resnet"))


def test_a_prediction_of_a_layer_beyond_the_table_names_it(tmp_path):
    table = read(write_json_table(tmp_path, 16, space="compofa"), "compofa")
    with pytest.raises(MismatchError, match="has no layer mbconv"):
        predict(table, ELASTIC, Subnet((2,) * 5, (6,) * 20, (7,) * 20, 16))


def test_all_subnets_are_predicted_at_once_as_one_by_one(tmp_path):
    from compofa_deploy.search.compound_latency import predict_compound
    from compofa_deploy.space.layers import enumerate_compound

    for resolution in (16, 20):
        write_json_table(tmp_path, resolution)
    table = read(tmp_path)
    one_by_one = [predict(table, ELASTIC, subnet) for subnet in enumerate_compound(20)]
    np.testing.assert_allclose(predict_compound(ELASTIC, table, 20), one_by_one, rtol=1e-12)
