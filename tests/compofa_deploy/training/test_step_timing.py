"""What a step takes is measured, phase by phase, by steps that are thrown away."""

import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.training import step_timing as timing_module  # noqa: E402
from compofa_deploy.training.step_timing import count_steps, measure_steps  # noqa: E402
from compofa_deploy.training.trainer import Trainer  # noqa: E402
from tests.compofa_deploy.training.builders import SHRINK, TEACHER, make_images, make_recipe  # noqa: E402


def test_every_phase_is_run_for_fewer_and_for_more_steps_behind_one_of_its_teacher(monkeypatch):
    ran = []

    class Noted(Trainer):
        def run(self, *given, **named):
            super().run(*given, **named)
            steps = [self.schedule.count_steps(phase) for phase in self.recipe.phases]
            ran.append(
                ([phase.name for phase in self.recipe.phases], steps, list(self.folder.iterdir()) != [])
            )
            self.seconds = 0.5 * sum(steps)

    monkeypatch.setattr(timing_module, "Trainer", Noted)
    monkeypatch.setattr(timing_module, "STEPS", (1, 3))
    assert measure_steps(make_recipe(), make_images()) == [0.5, 0.5]
    assert [(names, steps) for names, steps, _ in ran] == [
        (["teacher"], [1]), (["teacher"], [3]), (["teacher", "all"], [1, 1]), (["teacher", "all"], [1, 3]),
    ]  # fmt: skip


def test_the_recipes_steps_are_counted():
    recipe = make_recipe([TEACHER, SHRINK])
    assert count_steps(recipe, 24) == [2 * 3, 2 * 4]
