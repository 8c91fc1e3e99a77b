"""Two tables are compared by their predictions for the same subnets."""

from dataclasses import replace

import pytest

from compofa_deploy.tables.compare import compare
from latency_tables.errors import MismatchError
from tests.support.supernets import TINY, make_table


def scale(factor: float):
    table = make_table()
    costs = {key: ms * factor for key, ms in table.costs_ms.items()}
    return replace(table, costs_ms=costs, intercept_ms=table.intercept_ms * factor)


def test_a_table_equals_itself() -> None:
    found = compare(make_table(), make_table())
    assert (found.median_ratio, found.low_ratio, found.high_ratio) == pytest.approx((1, 1, 1))
    assert found.rank_correlation == pytest.approx(1)
    assert (found.subnets, found.resolutions, found.differences) == (486, TINY.resolutions, ())


def test_the_ratio_is_the_seconds_to_the_firsts() -> None:
    found = compare(make_table(), scale(1.25))
    assert found.median_ratio == pytest.approx(1.25)
    assert found.high_ratio - found.low_ratio == pytest.approx(0, abs=1e-9)


def test_an_offset_spreads_the_ratios() -> None:
    table = make_table()
    found = compare(table, replace(table, intercept_ms=table.intercept_ms + 0.01))
    assert 1 < found.low_ratio < found.median_ratio < found.high_ratio


def test_what_the_machine_was_slower_by_is_taken_out_of_the_ratio() -> None:
    then, now = replace(make_table(), reference_ms=0.5), replace(scale(1.25), reference_ms=0.6)
    found = compare(then, now)
    assert (found.speed, found.steady_ratio) == (pytest.approx(1.2), pytest.approx(1.25 / 1.2))
    assert found.median_ratio == pytest.approx(1.25)


def test_the_speeds_of_two_device_specs_are_not_compared() -> None:
    then = replace(make_table(), reference_ms=0.5)
    now = replace(scale(1.25), reference_ms=0.6, spec=replace(then.spec, precision="bf16"))
    assert compare(then, now).speed is None
    assert compare(then, now).steady_ratio == pytest.approx(1.25)
    assert compare(then, scale(1.25)).speed is None


def test_how_the_device_specs_differ_is_named() -> None:
    table = make_table()
    machine = replace(table.spec.machine, cores=8)
    other = replace(table, spec=replace(table.spec, precision="bf16", machine=machine))
    assert compare(table, other).differences == ("precision: f32, bf16", "machine's cores: 4, 8")


def test_only_shared_resolutions_count() -> None:
    table = make_table()
    found = compare(table, replace(table, resolutions=(20, 24)))
    assert (found.resolutions, found.subnets) == ((20,), 243)
    with pytest.raises(
        MismatchError, match=r"is of resolutions 16, 20 and .* of 24; profile one that they share"
    ):
        compare(table, replace(table, resolutions=(24,)))


def test_another_architecture_is_refused() -> None:
    table = make_table()
    with pytest.raises(MismatchError, match="of another architecture, other; compare tables of one"):
        compare(table, replace(table, architecture={**table.architecture, "name": "other"}))
