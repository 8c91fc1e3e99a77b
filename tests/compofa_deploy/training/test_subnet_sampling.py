"""What a phase draws, and what that costs in expectation."""

import numpy as np
import pytest

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import count_macs, enumerate_compound, largest_subnet, list_layers
from compofa_deploy.space.subnet import COUPLED_EXPAND, MBV3_CHOICES
from compofa_deploy.training.recipe import Phase
from compofa_deploy.training.subnet_sampling import (
    draw_subnet,
    draw_subnets,
    mean_macs,
    step_macs,
    teacher_macs,
)

ELASTIC = Architecture("elastic", 0.5, 4, 1, (16, 24))
FIXED = Architecture("fixed", 0.5, 4, 1, (16, 24), elastic_kernel=False)


def make_phase(subnets: str, **changes: object) -> Phase:
    content = {"name": "a", "subnets": subnets, "epochs": 1, "batch": 8, "lr": 0.1, "resolutions": [16, 24]}
    return Phase.model_validate({**content, **changes})


def draw_many(phase: Phase, architecture: Architecture, rng, count: int = 300):
    return [draw_subnet(phase, architecture, 16, rng) for _ in range(count)]


def test_the_largest_alone_is_drawn_for_a_teacher(rng):
    assert set(draw_many(make_phase("largest"), ELASTIC, rng, 3)) == {largest_subnet(ELASTIC, 16)}
    assert largest_subnet(ELASTIC, 16).kernels == (7,) * 20


def test_compound_draws_are_members_of_the_243(rng):
    drawn = set(draw_many(make_phase("compofa"), FIXED, rng))
    assert drawn <= set(enumerate_compound(16))
    assert len(drawn) > 150


def test_elastic_compound_draws_couple_depth_and_width_and_leave_kernels_free(rng):
    drawn = draw_many(make_phase("compofa-elastic", kernels=[3, 7]), ELASTIC, rng)
    for subnet in drawn:
        for depth, expands in zip(subnet.depths, MBV3_CHOICES.split(subnet.expands), strict=True):
            assert set(expands) <= {COUPLED_EXPAND[depth], 0}
    assert {k for subnet in drawn for k in subnet.kernels} == {0, 3, 7}


def test_progressive_shrinking_draws_what_its_phase_allows(rng):
    drawn = draw_many(make_phase("ofa", depths=[3, 4], expands=[6], kernels=[3, 5, 7]), ELASTIC, rng)
    assert {d for subnet in drawn for d in subnet.depths} == {3, 4}
    assert {e for subnet in drawn for e in subnet.expands} == {0, 6}
    assert {k for subnet in drawn for k in subnet.kernels} == {0, 3, 5, 7}
    assert not all(subnet.is_compound for subnet in drawn)


def test_the_extremes_have_their_share(rng):
    drawn = draw_many(make_phase("compofa", largest_share=0.3, smallest_share=0.2), FIXED, rng, 2000)
    ids = [subnet.id for subnet in drawn]
    assert ids.count("44444@16") / 2000 == pytest.approx(0.3, abs=0.04)
    assert ids.count("22222@16") / 2000 == pytest.approx(0.2, abs=0.04)


@pytest.mark.parametrize("shares", [(0, 0), (0.15, 0.1)])
def test_the_mean_of_the_243_is_over_all_of_them(shares):
    largest, smallest = shares
    phase = make_phase("compofa", largest_share=largest, smallest_share=smallest)
    macs = np.array([
        [count_macs(list_layers(FIXED, subnet)) for subnet in enumerate_compound(side)]
        for side in phase.resolutions
    ])  # fmt: skip
    uniform = 1 - largest - smallest
    expected = uniform * macs.mean() + largest * macs[:, -1].mean() + smallest * macs[:, 0].mean()
    assert mean_macs(phase, FIXED) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("subnets", "choices"),
    [
        ("ofa", {}),
        ("ofa", {"depths": [3, 4], "expands": [6]}),
        ("compofa-elastic", {}),
        ("compofa-elastic", {"kernels": [3]}),
    ],
)
def test_the_mean_over_what_cannot_be_listed_is_that_of_many_draws(subnets, choices, rng):
    phase = make_phase(subnets, **{"resolutions": [16], **choices})
    drawn = draw_many(phase, ELASTIC, rng, 600)
    macs = [count_macs(list_layers(ELASTIC, subnet)) for subnet in drawn]
    margin = 4 * np.std(macs) / np.sqrt(len(macs))
    assert abs(mean_macs(phase, ELASTIC) - np.mean(macs)) < margin


def test_a_teacher_costs_what_the_largest_does():
    phase = make_phase("compofa")
    expected = np.mean([count_macs(list_layers(ELASTIC, largest_subnet(ELASTIC, side))) for side in (16, 24)])
    assert teacher_macs(phase, ELASTIC) == mean_macs(make_phase("largest"), ELASTIC) == expected


def test_a_step_begins_with_the_subnets_that_are_always_trained(rng):
    phase = make_phase("compofa", subnets_per_step=4, always=["largest", "smallest"])
    for _ in range(20):
        first, second, *drawn = draw_subnets(phase, FIXED, 16, rng)
        assert (first.id, second.id) == ("44444@16", "22222@16")
        assert len(drawn) == 2


def test_without_such_subnets_a_step_draws_what_it_drew_before():
    phase = make_phase("compofa", subnets_per_step=3, largest_share=0.2)
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    assert draw_subnets(phase, FIXED, 16, one) == [draw_subnet(phase, FIXED, 16, other) for _ in range(3)]


def test_a_steps_cost_is_that_of_all_its_subnets(rng):
    phase = make_phase("compofa", subnets_per_step=3, always=["smallest", "largest"], smallest_share=0.2)
    macs = [
        sum(count_macs(list_layers(FIXED, subnet)) for subnet in draw_subnets(phase, FIXED, side, rng))
        for side in (16, 24) for _ in range(400)
    ]  # fmt: skip
    margin = 4 * np.std(macs[:400]) / 20
    assert abs(step_macs(phase, FIXED) - np.mean(macs)) < margin
