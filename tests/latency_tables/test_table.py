import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.errors import FormatError, InputError, MismatchError
from latency_tables.table import LatencyTable
from tests.latency_tables.builders import CONDITIONS, make_table

POSITIVE = st.floats(0, 1e6, allow_subnormal=False)


def test_a_prediction_is_the_intercept_and_the_layers_costs() -> None:
    assert make_table().predict_ms(["x", "y", "y"]) == pytest.approx(-0.01 + 0.11 + 2 * 0.19)


def test_a_layer_that_the_table_lacks_is_named() -> None:
    with pytest.raises(MismatchError, match="has no layer z; it is of tiny at resolutions 8"):
        make_table().predict_ms(["x", "z"])


def test_the_interval_is_the_margin_on_both_sides() -> None:
    table = make_table()
    assert table.margin(0.5) == 0.01
    assert table.margin(0.9) == 0.02
    assert table.interval_ms(2.0, 0.9) == pytest.approx((1.96, 2.04))


@pytest.mark.parametrize("confidence", [0, 1, 90, float("nan")])
def test_a_confidence_outside_of_0_to_1_is_refused(confidence: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        make_table().margin(confidence)


def test_a_percentile_that_the_table_lacks_is_refused() -> None:
    assert make_table().percentile_ratio(95) == 1.2
    with pytest.raises(InputError, match="no percentile 42; it has 50, 90, 95, 99"):
        make_table().percentile_ratio(42)


@given(
    st.dictionaries(st.text(min_size=1), POSITIVE, min_size=1),
    st.floats(-1e3, 1e3),
    st.lists(POSITIVE, min_size=1),
)
def test_a_table_comes_back_from_its_file(
    tmp_path_factory: pytest.TempPathFactory,
    costs: dict[str, float],
    intercept: float,
    residuals: list[float],
) -> None:
    table = make_table(costs_ms=costs, layers_ms=costs, intercept_ms=intercept, residuals=tuple(residuals))
    path = tmp_path_factory.mktemp("table") / "table.json"
    table.save(path)
    assert LatencyTable.load(path) == table


def make_imported() -> LatencyTable:
    """A table that states no error, and two latencies for the layer y: one for each resolution."""
    return make_table(
        costs_ms={"x": 0.1}, layers_ms={"x": 0.1}, intercept_ms=0.0, resolutions=(8, 16), error=None, residuals=(),
        networks=(), conditions=(), costs_at={8: {"y": 0.2}, 16: {"y": 0.3}}, origin="a file",
    )  # fmt: skip


def test_a_layer_that_is_stated_anew_for_a_resolution_costs_what_is_stated_there() -> None:
    table = make_imported()
    assert table.at(8).predict_ms(["x", "y"]) == pytest.approx(0.3)
    assert table.at(16).predict_ms(["x", "y"]) == pytest.approx(0.4)
    with pytest.raises(MismatchError, match="has no layer y"):
        table.predict_ms(["x", "y"])
    assert make_table().at(8).costs_ms == make_table().costs_ms


def test_a_table_that_states_no_error_has_no_interval() -> None:
    assert make_table().states_error
    assert not make_imported().states_error
    with pytest.raises(InputError, match="states no error"):
        make_imported().margin(0.9)


def test_an_imported_table_comes_back_from_its_file(tmp_path: Path) -> None:
    make_imported().save(tmp_path / "table.json")
    assert LatencyTable.load(tmp_path / "table.json") == make_imported()


def spoil(path: Path, *keys: str, value: object) -> None:
    """Change one value within a saved table."""
    make_table().save(path)
    data = json.loads(path.read_text())
    inner = data
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("keys", "value", "where"),
    [
        (("costs_ms", "x"), float("nan"), "NaN is not a number"),
        (("costs_ms", "x"), -0.1, "costs_ms, x: must be at least 0"),
        (("costs_ms", "x"), "0.1", "costs_ms, x: must be a finite number"),
        (("costs_ms", "x"), 10**400, "costs_ms, x: must be a finite number"),
        (("costs_ms", "z"), 1.0, "costs_ms: must name the layers of layers_ms"),
        (("intercept_ms",), None, "intercept_ms: must be a finite number"),
        (("residuals",), [], "residuals: must hold at least one number"),
        (("error",), None, "residuals: must hold at least one number, or none without an error"),
        (("costs_at",), {"8px": {}}, "costs_at, 8px: must be a resolution"),
        (("costs_at",), {"8": {"x": -1}}, "costs_at, 8, x: must be at least 0"),
        (("residuals",), [True], r"residuals\[0\]: must be a finite number"),
        (("error", "n"), 0, "error, n: must be a whole number of at least 1"),
        (("device_spec", "threads"), 0, "device_spec, threads"),
        (("device_spec", "machine", "cores"), 1.5, "device_spec, machine, cores"),
        (("networks",), [{"label": "a"}], r"networks\[0\], layers: is missing"),
        (("architecture",), "tiny", "architecture: must be an object"),
        (("version",), 3, "this release reads version 2"),
        (("format",), "compofa-kit", "is 'compofa-kit', not a compofa-latency-table"),
    ],
)
def test_a_spoilt_table_is_refused_and_says_where(
    tmp_path: Path, keys: tuple[str, ...], value: object, where: str
) -> None:
    path = tmp_path / "table.json"
    spoil(path, *keys, value=value)
    with pytest.raises(FormatError, match=where):
        LatencyTable.load(path)


def test_a_table_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    make_table().save(path)
    path.write_text(path.read_text()[:-40])
    with pytest.raises(FormatError, match="may be cut off"):
        LatencyTable.load(path)


def test_a_number_too_large_to_be_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    make_table().save(path)
    path.write_text(path.read_text().replace("0.11", "1e999"))
    with pytest.raises(FormatError, match="costs_ms, x: not a finite number"):
        LatencyTable.load(path)


def test_a_run_that_was_disturbed_makes_its_table_doubtful() -> None:
    assert make_table().doubts == ()
    busy = replace(CONDITIONS, load_average=3.5)
    assert make_table(conditions=(busy, busy)).doubts == ("other work kept 2.5 cores busy",)
