"""What a recipe costs follows from the recipe; the published totals come out of the published recipes."""

from dataclasses import replace

import pytest

from compofa_deploy.space.layers import count_macs, largest_subnet, list_layers
from compofa_deploy.training.cost import (
    IMAGENET_IMAGES,
    POUND_KG,
    Cost,
    count_spent,
    estimate_measured,
    estimate_published,
    list_work,
)
from compofa_deploy.training.recipe_file import load_recipe
from latency_tables.errors import InputError


def read(name, *changes):
    return load_recipe(name, changes)


@pytest.mark.parametrize(
    ("name", "hours", "thousand_dollars", "lbs"),
    [("ofa-imagenet", 978.3, 2.4, 277), ("compofa-imagenet", 493.5, 1.2, 128)],
)
def test_the_published_table_is_computed_from_the_published_recipes(name, hours, thousand_dollars, lbs):
    cost = estimate_published(read(name))
    assert round(cost.hours, 1) == hours
    assert cost.dollars is not None
    assert round(cost.dollars / 1000, 1) == thousand_dollars
    assert cost.co2_kg is not None
    assert round(cost.co2_kg / POUND_KG) == lbs


def test_hours_follow_the_epochs_and_the_subnets_of_a_step():
    whole = estimate_published(read("compofa-imagenet"))
    half = estimate_published(
        read("compofa-imagenet", "phases.*.epochs*=0.5", "phases.compound-2.warmup_epochs=2")
    )
    assert half.hours == pytest.approx(whole.hours / 2)
    one = estimate_published(read("compofa-imagenet", "phases.compound-2.subnets_per_step=1"))
    per_subnet = (whole.phases[2].hours - one.phases[2].hours) / 3
    assert 0 < per_subnet < whole.phases[2].hours / 4
    assert [phase.hours for phase in one.phases[:2]] == [phase.hours for phase in whole.phases[:2]]


def test_the_work_of_a_teacher_is_three_forward_passes_of_the_largest_net_over_its_images():
    recipe = read("compofa-imagenet", "phases.*.resolutions=[160]")
    architecture = recipe.architecture.build()
    largest = count_macs(list_layers(architecture, largest_subnet(architecture, 160)))
    teacher, compound, _ = list_work(recipe, 100)
    assert teacher.macs == pytest.approx(180 * 100 * 3 * largest)
    assert not teacher.taught
    assert compound.taught
    assert 25 * 100 * largest < compound.macs < 25 * 100 * (12 + 1) * largest


def test_another_price_is_taken_and_stated():
    cost = estimate_published(read("compofa-imagenet"), dollars_per_hour=10)
    assert cost.dollars == pytest.approx(10 * cost.hours)
    assert [text for text in cost.assumptions if text.startswith("$")] == ["$10 a GPU-hour, as was asked for"]


def test_every_assumption_is_stated():
    cost = estimate_published(read("ofa-imagenet"))
    told = " ".join(cost.assumptions)
    for number in (
        str(IMAGENET_IMAGES),
        "2e12",
        "0.951",
        "0.505",
        "$2.45",
        "1.58",
        "0.954",
        "128 W",
        "204 W",
    ):
        assert number in told


def test_a_recipe_that_is_not_of_imagenet_has_no_published_cost():
    with pytest.raises(
        InputError, match=r"not for ImageNet.*; give --data to measure the cost on this machine"
    ):
        estimate_published(read("compofa-cifar10"))


def test_a_measured_estimate_multiplies_steps_by_what_each_took():
    recipe = read("claim-compofa-cifar10")
    cost = estimate_measured(recipe, 1000, [1.0, 2.0, 3.0], [3600, 1800, 1200], "a machine")
    assert [phase.hours for phase in cost.phases] == [1.0, 1.0, 1.0]
    assert cost.hours == 3
    assert (cost.kwh, cost.co2_kg, cost.dollars) == (None, None, None)
    told = estimate_measured(
        recipe,
        1000,
        [1.0, 2.0, 3.0],
        [3600, 1800, 1200],
        "a machine",
        watts=200,
        kg_per_kwh=0.5,
        dollars_per_hour=2,
    )
    assert told.kwh == pytest.approx(0.6)
    assert told.co2_kg == pytest.approx(0.3)
    assert told.dollars == pytest.approx(6)
    assert any("200 W" in text for text in told.assumptions)


def test_energy_is_unknown_where_a_phases_is():
    cost = estimate_published(read("compofa-imagenet"))
    phases = (replace(cost.phases[0], kwh=None), *cost.phases[1:])
    assert Cost(phases, 0.5, 1.0, ()).co2_kg is None


def test_what_a_training_spent_is_its_hours_and_what_was_measured():
    recipe = read("claim-compofa-cifar10")
    cost = count_spent(recipe, 1000, 7200, "a machine", kwh=0.5, co2_kg=0.2, dollars_per_hour=3)
    assert cost.hours == pytest.approx(2)
    assert cost.kwh == pytest.approx(0.5)
    assert cost.co2_kg == pytest.approx(0.2)
    assert cost.dollars == pytest.approx(6)
    assert [phase.hours / cost.hours for phase in cost.phases] == pytest.approx(
        [phase.work.macs / cost.macs for phase in cost.phases]
    )
    assert any("codecarbon" in text for text in cost.assumptions)
    unmeasured = count_spent(recipe, 1000, 7200, "a machine")
    assert (unmeasured.kwh, unmeasured.co2_kg, unmeasured.dollars) == (None, None, None)
