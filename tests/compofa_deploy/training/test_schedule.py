"""Steps and learning rates of a recipe."""

import pytest

from compofa_deploy.training.schedule import Schedule, weigh_step
from compofa_deploy.training.subnet_sampling import mean_macs, teacher_macs
from tests.compofa_deploy.training.builders import ARCHITECTURE, SHRINK, STEPS, TEACHER, make_recipe


def make_schedule(images: int = 24, **changes: object) -> Schedule:
    return Schedule(make_recipe([{**TEACHER, **changes}]), images)


def list_rates(schedule: Schedule) -> list[float]:
    (phase,) = schedule.recipe.phases
    return [schedule.find_lr(phase, step) for step in range(schedule.count_steps(phase))]


def test_the_learning_rate_warms_up_then_falls_as_a_cosine():
    rates = list_rates(make_schedule(epochs=4, warmup_epochs=1, lr=0.2, final_lr=0.02))
    assert rates[:3] == pytest.approx([0.05, 0.1, 0.15])
    assert rates[3] == pytest.approx(0.2)
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert 0.02 < rates[-1] < 0.04


def test_a_warm_up_may_begin_above_nothing():
    rates = list_rates(make_schedule(epochs=4, warmup_epochs=1, lr=0.2, warmup_lr=0.12))
    assert rates[:4] == pytest.approx([0.14, 0.16, 0.18, 0.2])


def test_rates_are_scaled_to_the_batch_where_the_recipe_says_for_how_many_images_they_are():
    recipe = make_recipe([{**TEACHER, "lr": 0.4}], lr_per_images=64)
    schedule = Schedule(recipe, 24)
    assert schedule.find_lr(recipe.phases[0], 0) == pytest.approx(0.4 * 8 / 64)


def test_steps_count_whole_batches_and_parts_of_epochs():
    schedule = Schedule(make_recipe(), 24)
    assert schedule.total_steps == STEPS
    assert schedule.count_before(1) == 6
    assert make_schedule(images=23, epochs=2).total_steps == 4
    assert make_schedule(epochs=1.5).total_steps == 4
    assert make_schedule(epochs=0.01).total_steps == 1


def test_a_step_weighs_its_subnets_three_times_and_its_teacher_once():
    teacher, shrink = make_recipe([TEACHER, SHRINK]).phases
    assert weigh_step(teacher, ARCHITECTURE) == pytest.approx(3 * mean_macs(teacher, ARCHITECTURE))
    expected = 3 * 2 * mean_macs(shrink, ARCHITECTURE) + teacher_macs(shrink, ARCHITECTURE)
    assert weigh_step(shrink, ARCHITECTURE) == pytest.approx(expected)
