import json
from dataclasses import fields, replace

import pytest

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import FormatError, MismatchError
from tests.latency_tables.builders import MACHINE, SPEC

CHANGES = [
    ("runtime_version", "2.0"), ("precision", "bf16"), ("threads", 2), ("batch", 8), ("spin", False),
    ("graph_level", "basic"),
]  # fmt: skip


def test_a_device_spec_comes_back_from_its_dict() -> None:
    assert DeviceSpec.from_dict(SPEC.to_dict()) == SPEC


def test_a_device_spec_is_the_same_as_itself() -> None:
    SPEC.check_same(DeviceSpec.from_dict(SPEC.to_dict()), "the table")


@pytest.mark.parametrize(("field", "value"), CHANGES)
def test_every_difference_is_refused_by_name_and_changes_the_id(field: str, value: object) -> None:
    other = replace(SPEC, **{field: value})
    assert other.id != SPEC.id
    with pytest.raises(MismatchError, match=f"the table is of {field} .*, and here it is {value}"):
        SPEC.check_same(other, "the table")


def test_another_machine_is_refused_by_the_field_that_differs() -> None:
    other = replace(SPEC, machine=replace(MACHINE, isa=("avx2",)))
    with pytest.raises(MismatchError, match="machine's isa avx2 fma, and here it is avx2; profile"):
        SPEC.check_same(other, "the table")


KNOWN = replace(SPEC, machine=replace(MACHINE, cpu_details=("family 25", "model 17", "L3 cache 32M")))


def test_machines_of_one_cpu_name_differ_by_their_details_and_the_difference_alone_is_named() -> None:
    older = replace(KNOWN, machine=replace(MACHINE, cpu_details=("family 25", "model 1", "L3 cache 32M")))
    assert older != KNOWN
    assert KNOWN.id != older.id
    assert KNOWN.list_differences(older) == ["machine's cpu_details: model 17, model 1"]
    with pytest.raises(
        MismatchError, match=r"is of machine's cpu_details model 17, and here it is model 1; profile"
    ):
        KNOWN.check_same(older, "the table")


def test_a_fingerprint_from_an_older_file_is_taken_by_name_and_never_found_as_equal() -> None:
    assert SPEC != KNOWN
    assert SPEC.list_differences(KNOWN) == KNOWN.list_differences(SPEC) == []
    SPEC.check_same(KNOWN, "the table")
    other = replace(SPEC, machine=replace(MACHINE, cpu_model="Another CPU"))
    with pytest.raises(MismatchError, match="machine's cpu_model Another CPU"):
        other.check_same(KNOWN, "the table")


def test_the_description_says_what_matters() -> None:
    assert SPEC.describe() == "fake 1.0 cpu f32, 1 thread, batch 1, on A CPU"
    assert "2 threads without spinning" in replace(SPEC, threads=2, spin=False).describe()


def test_another_driver_is_another_device_spec_and_none_is_left_out_as_in_older_files() -> None:
    newer, older = (replace(SPEC, driver=version) for version in ("570.124.06", "550.54.15"))
    assert DeviceSpec.from_dict(newer.to_dict()) == newer
    assert "driver" not in SPEC.to_dict()
    assert len({SPEC.id, newer.id, older.id}) == 3
    with pytest.raises(
        MismatchError, match=r"the table is of driver 550\.54\.15, and here it is 570\.124\.06"
    ):
        older.check_same(newer, "the table")
    with pytest.raises(MismatchError, match=r"the table is of driver none, and here it is 570\.124\.06"):
        SPEC.check_same(newer, "the table")


def test_settings_are_described_without_the_machine() -> None:
    assert SPEC.describe_settings() == "fake cpu f32, 1 thread"
    assert replace(SPEC, threads=2).describe_settings() == "fake cpu f32, 2 threads"


def test_what_nobody_stated_is_named_and_kept() -> None:
    spec = replace(SPEC, unknown=("runtime_version", "threads", "machine"))
    assert spec.describe() == "fake cpu f32 batch 1 on A CPU (unknown: runtime_version, threads)"
    assert replace(SPEC, unknown=("spin",)).describe().endswith("on A CPU (unknown: how it was set)")
    assert DeviceSpec.from_dict(spec.to_dict()) == spec
    assert spec.id != SPEC.id
    assert "unknown" not in SPEC.to_dict()


def test_a_spec_of_which_something_is_unknown_is_none_of_this_machine() -> None:
    with pytest.raises(MismatchError, match="the table is of unknown threads, and here it is none"):
        replace(SPEC, unknown=("threads",)).check_same(SPEC, "the table")


def test_a_spec_of_no_threads_is_refused() -> None:
    with pytest.raises(FormatError, match="device_spec, threads: must be a whole number of at least 1"):
        DeviceSpec.from_dict({**SPEC.to_dict(), "threads": 0})


def test_a_request_for_a_specs_settings_has_each_of_them() -> None:
    spec = replace(SPEC, threads=3, batch=2, spin=False, graph_level="basic")
    request = DeviceRequest.of(spec)
    assert [getattr(request, field.name) for field in fields(DeviceRequest)] == [
        getattr(spec, field.name) for field in fields(DeviceRequest)
    ]


def test_a_request_comes_back_from_json() -> None:
    request = DeviceRequest("openvino", "gpu", "f16", 4, 8, False, "basic")
    assert DeviceRequest.from_dict(json.loads(json.dumps(request.to_dict()))) == request
