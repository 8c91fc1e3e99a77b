from dataclasses import replace

import pytest

from latency_tables.errors import FormatError
from latency_tables.machine import Conditions, Machine, list_doubts
from tests.latency_tables.builders import CONDITIONS, MACHINE


def test_a_machine_and_its_conditions_come_back_from_their_dicts() -> None:
    assert Machine.from_dict(MACHINE.to_dict()) == MACHINE
    assert Conditions.from_dict(CONDITIONS.to_dict()) == CONDITIONS


def test_the_id_is_12_hexadecimal_digits_and_differs_with_every_field() -> None:
    changed = [
        replace(MACHINE, cpu_model="B"), replace(MACHINE, isa=("avx2",)), replace(MACHINE, cores=2),
        replace(MACHINE, cpu_quota=1.5), replace(MACHINE, os="Darwin"), replace(MACHINE, architecture="aarch64"),
        replace(MACHINE, emulated=True), replace(MACHINE, cpu_details=("family 25",)),
    ]  # fmt: skip
    ids = {MACHINE.id, *(machine.id for machine in changed)}
    assert len(ids) == 9
    assert all(len(id) == 12 and int(id, 16) >= 0 for id in ids)


@pytest.mark.parametrize(("quota", "threads"), [(None, 4), (2.5, 2), (0.5, 1), (16.0, 4)])
def test_a_quota_limits_the_usable_threads(quota: float | None, threads: int) -> None:
    assert replace(MACHINE, cpu_quota=quota).usable_threads == threads


@pytest.mark.parametrize(
    ("field", "value"),
    [("cores", 0), ("cores", "4"), ("cpu_quota", -1), ("isa", "avx2"), ("cpu_model", None), ("emulated", 1)],
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    with pytest.raises(FormatError, match=f"machine, {field}"):
        Machine.from_dict({**MACHINE.to_dict(), field: value})


def test_a_missing_field_is_named() -> None:
    data = MACHINE.to_dict()
    del data["os"]
    with pytest.raises(FormatError, match="machine, os: is missing"):
        Machine.from_dict(data)


def test_a_file_that_does_not_say_is_not_of_an_emulated_machine() -> None:
    data = MACHINE.to_dict()
    del data["emulated"]
    assert Machine.from_dict(data) == MACHINE


def test_a_fingerprint_without_details_is_written_and_named_as_in_older_files() -> None:
    assert "cpu_details" not in MACHINE.to_dict()
    known = replace(MACHINE, cpu_details=("family 25",))
    assert Machine.from_dict(known.to_dict()) == known


def test_a_machine_may_be_one_whose_details_an_older_file_lacks() -> None:
    zen3, zen4 = (replace(MACHINE, cpu_details=(text,)) for text in ("model 1", "model 17"))
    assert MACHINE.may_be(zen3)
    assert zen3.may_be(MACHINE)
    assert not zen3.may_be(zen4)
    assert not replace(MACHINE, cores=64).may_be(zen3)


def make_conditions(**changes: object) -> Conditions:
    return replace(Conditions("2026-01-01T00:00:00+00:00", 1.0, 2600.0, 5, 7, 1 << 30), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"throttle_count": 8}, "the cores were slowed by heat 3 times"),
        ({"quota_throttle_count": 9}, "the container's quota stopped it 2 times"),
        ({"frequency_mhz": 2100.0}, "the clock went from 2100 to 2600 MHz"),
        ({"load_average": 4.2}, "other work kept 1.6 cores busy"),
    ],
)
def test_a_run_that_was_disturbed_says_how(changes: dict[str, object], doubt: str) -> None:
    assert list_doubts([make_conditions(), make_conditions(**changes)], threads=1) == (doubt,)


def test_conditions_of_before_steal_was_read_are_still_read() -> None:
    known = make_conditions(steal_ms=40)
    assert Conditions.from_dict(known.to_dict()) == known
    data = known.to_dict()
    del data["steal_ms"]
    assert Conditions.from_dict(data) == replace(known, steal_ms=None)


def test_a_run_without_disturbance_and_one_that_could_not_be_watched_give_no_doubt() -> None:
    assert list_doubts([make_conditions(), make_conditions(frequency_mhz=2500.0)], threads=1) == ()
    unknown = make_conditions(
        load_average=None, frequency_mhz=None, throttle_count=None, quota_throttle_count=None
    )
    assert list_doubts([unknown, unknown], threads=1) == ()
    assert list_doubts([], threads=1) == ()
