import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.build import build_table
from latency_tables.errors import FormatError, InputError, MismatchError
from latency_tables.measured_kit import MeasuredKit, hash_kit
from tests.latency_tables.builders import CONDITIONS, SPEC, make_item, make_measurement

ITEMS = (
    make_item("x", "layer", ("x",)),
    make_item("y", "layer", ("y",)),
    *(make_item(f"n{i}", "network", ("x", "y")[: 1 + i % 2]) for i in range(4)),
    make_item("reference", "reference", ("x",)),
)
ARCHITECTURE = {"name": "tiny"}


def make_measured(ms: float = 0.5, **changes: Any) -> MeasuredKit:
    fields: dict[str, Any] = {
        "kit_id": hash_kit(ARCHITECTURE, ITEMS), "architecture": ARCHITECTURE, "items": ITEMS, "spec": SPEC,
        "plan": {"layer_sessions": 2}, "in_process": False, "made_with": {"python": "3.11.2"},
        "conditions": (CONDITIONS, CONDITIONS),
        "measurements": tuple(
            make_measurement(item, ms * len(item.layers)) for item in ITEMS if item.kind != "reference"
        ),
    }  # fmt: skip
    return MeasuredKit(**{**fields, **changes})


@given(st.floats(0.001, 1000.0), st.booleans())
def test_it_comes_back_from_its_file_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, ms: float, in_process: bool
) -> None:
    path = tmp_path_factory.mktemp("measured") / "measured.json"
    measured = make_measured(ms, in_process=in_process)
    measured.save(path)
    assert MeasuredKit.load(path) == measured
    assert MeasuredKit.parse(path.read_text(), "the answer") == measured


def test_its_table_is_the_one_of_its_measurements() -> None:
    measured = make_measured()
    expected = build_table(
        SPEC, ARCHITECTURE, measured.kit_id, ITEMS, measured.measurements, measured.conditions
    )
    assert measured.build_table() == expected
    assert expected.predict_ms(("x", "y")) == pytest.approx(1.0, rel=1e-3)


def test_what_was_measured_on_an_emulated_cpu_gives_a_table_only_when_asked_for() -> None:
    machine = replace(SPEC.machine, architecture="aarch64", emulated=True)
    measured = make_measured(spec=replace(SPEC, machine=machine))
    with pytest.raises(MismatchError, match=r"emulated aarch64, and tells nothing .*--emulated"):
        measured.build_table()
    table = measured.build_table(emulated=True)
    assert table.spec.machine.emulated
    assert table.spec.describe().endswith("A CPU, emulated")


def change(data: dict[str, Any], path: str, value: Any) -> None:
    *names, last = (int(name) if name.isdigit() else name for name in path.split("."))
    for name in names:
        data = data[name]  # type: ignore[index]
    data[last] = value  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("kit_id", "000000000000", "kit_id: does not fit the items"),
        ("items.0.sha256", "f" * 64, "kit_id: does not fit the items"),
        ("architecture", {"name": "other"}, "kit_id: does not fit the items"),
        ("conditions", [], "conditions: is empty"),
        ("in_process", 1, "in_process: must be true or false"),
        ("made_with", {"python": 3}, "made_with, python: must be a text"),
        ("reference_ms", 0.0, "reference_ms: must be above 0"),
        ("reference_ms", -1.0, "reference_ms: must be at least 0"),
        ("visits", [], "visits: has none of item n0"),
        ("visits.3.item", "other", r"visits\[3\], item: 'other' is not to be measured"),
        ("visits.3.item", "reference", "'reference' is not to be measured"),
        ("visits.1.session", 0, r"visits\[1\], session: 0 of x is there twice"),
        ("visits.1.samples_ns", [], "samples_ns: is empty"),
        ("visits.1.samples_ns", [-5], "must hold whole numbers of at least 1"),
        ("device_spec.threads", 0, "device_spec, threads: must be a whole number"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, path: str, value: Any, message: str) -> None:
    measured = tmp_path / "measured.json"
    make_measured().save(measured)
    data = json.loads(measured.read_text())
    change(data, path, value)
    measured.write_text(json.dumps(data))
    with pytest.raises(FormatError, match=message):
        MeasuredKit.load(measured)


def test_a_file_that_was_cut_off_or_is_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "measured.json"
    make_measured().save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(FormatError, match="may be cut off"):
        MeasuredKit.load(path)
    path.write_text(json.dumps({"format": "compofa-kit", "version": 1}))
    with pytest.raises(FormatError, match="is 'compofa-kit', not a compofa-measured-kit"):
        MeasuredKit.load(path)
    with pytest.raises(InputError, match="there is no such file"):
        MeasuredKit.load(tmp_path / "none.json")


@pytest.mark.parametrize("changes", [
    {"samples_ns": [2**63 - 1]}, {"reference_ns": 5e-324}, {"reference_ns": 1e308}, {"layer_shares": [1e300]},
    {"samples_ns": [1], "reference_ns": 1e300},
])  # fmt: skip
def test_latencies_that_no_fit_can_hold_are_refused_or_fitted_but_never_a_traceback(
    changes: dict[str, object],
) -> None:
    data = make_measured().to_dict()
    for session in data["visits"][:: 3 - len(changes)]:
        session.update(changes)
    measured = MeasuredKit.from_dict(data, "file")
    try:
        text = measured.build_table().to_text()
    except (InputError, FormatError) as error:
        text = str(error)
    assert "\n" not in text


def test_latencies_that_overflow_a_fit_are_refused_with_the_fix() -> None:
    data = make_measured().to_dict()
    data["visits"][0]["reference_ns"] = 5e-324
    with pytest.raises(InputError, match=r"too unequal to be fitted .*; measure anew"):
        MeasuredKit.from_dict(data, "file").build_table()
