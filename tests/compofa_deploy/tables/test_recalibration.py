"""The networks that recalibrate a table are chosen, and unsuitable tables are refused."""

from dataclasses import replace

import pytest

from compofa_deploy.space.layers import list_layers
from compofa_deploy.tables.recalibration import plan_recalibration
from latency_tables.errors import InputError, MismatchError
from tests.support.supernets import TINY, make_table


def test_at_most_ten_networks_cover_the_resolutions_and_every_depth_of_every_stage() -> None:
    plan = plan_recalibration(make_table())
    assert len(set(plan.subnets)) == 10
    assert {subnet.resolution for subnet in plan.subnets} == {16, 20}
    for stage in range(5):
        assert {subnet.depths[stage] for subnet in plan.subnets} >= {2, 4}
    assert plan == plan_recalibration(make_table())


def test_what_is_chosen_is_what_the_subnets_run() -> None:
    table = make_table()
    plan = plan_recalibration(table, networks=3)
    keys = {layer.key for subnet in plan.subnets for layer in list_layers(TINY, subnet)}
    assert keys <= table.costs_ms.keys()


def test_a_table_of_another_architecture_is_refused() -> None:
    with pytest.raises(MismatchError, match="is of tiny and not of other"):
        plan_recalibration(make_table(), replace(TINY, name="other"))


def test_a_resolution_that_the_old_table_lacks_is_refused() -> None:
    with pytest.raises(MismatchError, match="has resolutions 16, 20 and not 24"):
        plan_recalibration(make_table(), resolutions=(16, 24))


def test_a_table_of_no_known_architecture_is_refused() -> None:
    with pytest.raises(InputError, match="not an architecture"):
        plan_recalibration(replace(make_table(), architecture={"name": "what"}))


def test_a_table_that_states_no_error_is_a_prior_as_well() -> None:
    assert len(plan_recalibration(make_table(error=None, residuals=())).subnets) == 10
