"""An exported table sums to the table's predictions, and comes back."""

import pytest
import yaml

from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.tables.exporting import export_csv, export_ofa
from compofa_deploy.tables.importing import import_table
from latency_tables.errors import InputError, MismatchError
from latency_tables.imported import describe_device
from latency_tables.ofa_table import name_for_ofa
from tests.support.supernets import TINY, make_table

SPEC = describe_device()
SUBNETS = [Subnet.compound(depths, r) for r in (16, 20) for depths in ((2,) * 5, (4,) * 5, (2, 3, 4, 3, 2))]


def predict(table, subnet):
    return table.at(subnet.resolution).predict_ms(layer.key for layer in list_layers(TINY, subnet))


@pytest.mark.parametrize("intercept_ms", [0.0, 0.01, -0.004, -0.01])
def test_the_plain_sum_of_the_yaml_is_what_the_table_predicts(tmp_path, intercept_ms):
    table = make_table(intercept_ms=intercept_ms)
    exported = export_ofa(table, tmp_path / "deep" / "folder")
    written = exported.files
    assert exported.largest_error == 0
    assert [path.name for path in written] == ["16_lookup_table.yaml", "20_lookup_table.yaml"]
    means = {path.name[:2]: yaml.safe_load(path.read_text()) for path in written}
    for subnet in SUBNETS:
        names = [name_for_ofa(layer) for layer in list_layers(TINY, subnet)]
        total = sum(means[str(subnet.resolution)][name]["mean"] for name in names)
        assert total == pytest.approx(predict(table, subnet), rel=1e-9)


@pytest.mark.parametrize(("export", "name"), [(export_ofa, "out"), (export_csv, "out.csv")])
def test_what_is_exported_comes_back_with_the_same_predictions(tmp_path, export, name):
    table = make_table(intercept_ms=0.005)
    export(table, tmp_path / name)
    again = import_table(tmp_path / name, TINY, SPEC, "compofa")
    assert again.resolutions == table.resolutions
    for subnet in SUBNETS:
        assert predict(again, subnet) == pytest.approx(predict(table, subnet), rel=1e-9)


def test_a_table_that_lacks_a_layer_is_refused(tmp_path):
    table = make_table()
    key = next(key for key in table.costs_ms if key.startswith("mbconv"))
    costs = {name: ms for name, ms in table.costs_ms.items() if name != key}
    with pytest.raises(MismatchError, match=f"has no layer {key}"):
        export_csv(make_table(costs_ms=costs, layers_ms=costs), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        export_ofa(make_table(), tmp_path / "file" / "out")
