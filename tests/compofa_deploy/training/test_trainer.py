"""Training: decided by its recipe, goes on where it stopped bit for bit, and says what went wrong."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.space.layers import list_layers  # noqa: E402
from compofa_deploy.supernet.module import Supernet  # noqa: E402
from compofa_deploy.training import trainer as trainer_module  # noqa: E402
from compofa_deploy.training.augment import Augment  # noqa: E402
from compofa_deploy.training.errors import DivergedError, explain_memory  # noqa: E402
from compofa_deploy.training.loss import training_loss  # noqa: E402
from compofa_deploy.training.machine import Machine  # noqa: E402
from compofa_deploy.training.progress import TrainingProgress  # noqa: E402
from compofa_deploy.training.trainer import Trainer  # noqa: E402
from compofa_deploy.training.weight_average import WeightAverage  # noqa: E402
from latency_tables.errors import FormatError, InputError, MismatchError  # noqa: E402
from tests.compofa_deploy.training.builders import (  # noqa: E402
    ALL_KEYS,
    ELASTIC,
    IN_PLACE,
    SHRINK,
    STEPS,
    TEACHER,
    make_images,
    make_recipe,
)


@pytest.fixture(autouse=True)
def _progress_at_every_step(monkeypatch):
    monkeypatch.setattr(trainer_module, "LOG_EVERY_STEPS", 1)


@pytest.fixture(scope="module")
def images():
    return make_images()


@pytest.fixture(scope="module")
def whole(tmp_path_factory, images):
    """A training that nothing stopped."""
    trainer = Trainer(make_recipe(), images, tmp_path_factory.mktemp("whole"))
    trainer.run()
    return trainer


def interrupt_at(step: int):
    def on_progress(progress: TrainingProgress) -> None:
        if progress.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    return on_progress


def assert_same_state(one: Trainer, other: Trainer) -> None:
    for name, value in one.supernet.state_dict().items():
        assert torch.equal(value, other.supernet.state_dict()[name]), name


def test_the_same_recipe_gives_the_same_weights(tmp_path, images, whole):
    again = Trainer(make_recipe(), images, tmp_path)
    again.run()
    assert_same_state(whole, again)


@pytest.mark.parametrize("stops", [[2], [6], [7], [3, 11]])
def test_a_run_that_is_stopped_and_goes_on_ends_in_the_same_weights(tmp_path, images, whole, stops):
    """In the first phase, at the border of two, just behind it, and more than once."""
    for step in stops:
        part = Trainer(make_recipe(), images, tmp_path)
        with pytest.raises(KeyboardInterrupt):
            part.run(on_progress=interrupt_at(step))
        assert part.steps_done == step
    last = Trainer(make_recipe(), images, tmp_path)
    assert last.steps_done == stops[-1]
    last.run()
    assert_same_state(whole, last)
    assert torch.equal(*(torch.load(t.checkpoint)["torch_rng"] for t in (whole, last)))


def test_an_interrupt_waits_for_the_end_of_the_step(tmp_path, images, monkeypatch):
    trainer = Trainer(make_recipe(), images, tmp_path)
    monkeypatch.setattr(trainer.optimizer, "step", interrupt_then(trainer.optimizer.step))
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert trainer.steps_done == 1
    assert Trainer(make_recipe(), images, tmp_path).steps_done == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def interrupt_then(work):
    def run() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        work()

    return run


def test_a_second_interrupt_is_not_held_back_and_leaves_the_last_checkpoint(tmp_path, images, monkeypatch):
    trainer = Trainer(make_recipe(), images, tmp_path)
    trainer.save()
    before = trainer.checkpoint.read_bytes()
    monkeypatch.setattr(trainer.optimizer, "step", interrupt_then(interrupt_then(trainer.optimizer.step)))
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert trainer.checkpoint.read_bytes() == before


def test_a_finished_training_has_nothing_left_to_do(tmp_path, images):
    first = Trainer(make_recipe(), images, tmp_path)
    first.run()
    again = Trainer(make_recipe(), images, tmp_path)
    assert again.steps_done == again.total_steps == STEPS
    again.run(on_progress=lambda progress: pytest.fail("it trained on"))
    assert_same_state(first, again)


def test_training_learns_what_is_easy(tmp_path, images):
    losses = []
    phase = {**SHRINK, "epochs": 15, "distillation": 0, "sort_channels": False}
    recipe = make_recipe([phase], label_smoothing=0.0, dropout=0.0)
    Trainer(recipe, images, tmp_path).run(on_progress=lambda progress: losses.append(progress.loss))
    assert np.median(losses[:4]) > 0.9
    assert np.median(losses[-12:]) < 0.6 * np.median(losses[:4])


def test_progress_is_told_and_logged(tmp_path, images):
    told: list[TrainingProgress] = []
    Trainer(make_recipe(), images, tmp_path).run(on_progress=told.append)
    assert [progress.step for progress in told] == list(range(1, STEPS + 1))
    assert {progress.total_steps for progress in told} == {STEPS}
    assert [progress.phase for progress in told] == ["teacher"] * 6 + ["all"] * 8
    logged = [json.loads(line) for line in Path(tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["loss"] for line in logged] == [progress.loss for progress in told]


def test_batch_norm_and_biases_are_not_decayed(tmp_path, images):
    trainer = Trainer(make_recipe(), images, tmp_path)
    decayed, undecayed = trainer.optimizer.param_groups
    assert (decayed["weight_decay"], undecayed["weight_decay"]) == (3e-5, 0)
    assert all(p.ndim > 1 for p in decayed["params"])
    assert all(p.ndim == 1 for p in undecayed["params"])
    both = len(decayed["params"]) + len(undecayed["params"])
    assert both == len(list(trainer.supernet.parameters()))


def test_a_loss_that_is_no_number_is_named_with_all_that_is_known(tmp_path, images):
    trainer = Trainer(make_recipe([{**TEACHER, "lr": 1e30}]), images, tmp_path)
    trainer.save()
    before = trainer.checkpoint.read_bytes()
    with pytest.raises(
        DivergedError,
        match=r"the loss became (nan|inf) in phase 'teacher' at step \d, lr \d.*, subnet 44444@12; the checkpoint is "
        r"of step 0; lower lr",
    ):
        trainer.run()
    assert trainer.checkpoint.read_bytes() == before
    assert DivergedError("").exit_code == 1


def test_weights_that_are_no_numbers_never_reach_a_checkpoint(tmp_path, images):
    trainer = Trainer(make_recipe(), images, tmp_path)
    with torch.no_grad():
        trainer.supernet.get_parameter("classifier.weight")[0, 0] = float("inf")
    with pytest.raises(
        DivergedError, match="a weight is no longer a number at step 0; there is no checkpoint"
    ):
        trainer.save()
    assert not trainer.checkpoint.exists()


def test_memory_that_runs_out_is_one_line_with_the_mend(tmp_path, images, monkeypatch):
    trainer = Trainer(make_recipe(), images, tmp_path)

    def run_out(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(Supernet, "forward", run_out)
    with pytest.raises(
        InputError, match="out of memory in phase 'teacher', subnet 44444@12, with 8 images at once; "
    ) as caught:
        trainer.run()
    assert "give --images-at-once 4" in str(caught.value)
    with (
        pytest.raises(InputError, match="with 1 images at once; set a smaller"),
        explain_memory(lambda: ("it", 1)),
    ):
        torch.empty(1 << 62, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="a bug"), explain_memory(lambda: ("it", 1)):
        raise RuntimeError("a bug")


def test_another_recipes_checkpoint_is_refused(tmp_path, images):
    Trainer(make_recipe(), images, tmp_path).save()
    with pytest.raises(MismatchError, match="another recipe or other images; give another folder"):
        Trainer(make_recipe(seed=1), images, tmp_path)


def test_a_checkpoint_of_another_architecture_says_which(tmp_path, images):
    Trainer(make_recipe(), images, tmp_path).save()
    with pytest.raises(
        MismatchError,
        match=r"is of architecture tiny, and the recipe trains tiny-elastic \(they differ in elastic_kernel\); give",
    ):
        Trainer(make_recipe(architecture=ELASTIC.to_dict()), images, tmp_path)


def test_a_checkpoint_of_other_images_is_refused(tmp_path, images):
    Trainer(make_recipe(), images, tmp_path).save()
    with pytest.raises(MismatchError, match="other images"):
        Trainer(make_recipe(), images.take(np.arange(20)), tmp_path)


def test_a_broken_checkpoint_is_named(tmp_path, images):
    trainer = Trainer(make_recipe(), images, tmp_path)
    trainer.save()
    whole = trainer.checkpoint.read_bytes()
    for broken in (b"", b"words", whole[: len(whole) // 2]):
        trainer.checkpoint.write_bytes(broken)
        with pytest.raises(FormatError, match=r"checkpoint\.pt: this checkpoint cannot be read"):
            Trainer(make_recipe(), images, tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path, images):
    trainer = Trainer(make_recipe(), images, tmp_path / "none")
    with pytest.raises(InputError, match=r"log\.jsonl: cannot be written"):
        trainer.run()


def test_fewer_images_than_a_batch_are_refused(tmp_path, images):
    with pytest.raises(InputError, match="a batch of 8 is more than the 5 training images"):
        Trainer(make_recipe(), images.take(np.arange(5)), tmp_path)


@pytest.mark.parametrize("stop", [2, 6, 9])
def test_a_run_with_averaged_weights_and_mixed_images_goes_on_bit_for_bit(tmp_path, images, stop):
    recipe = make_recipe([TEACHER, IN_PLACE], **ALL_KEYS)
    whole = Trainer(recipe, images, tmp_path)
    whole.run()
    whole.checkpoint.unlink()
    with pytest.raises(KeyboardInterrupt):
        Trainer(recipe, images, tmp_path).run(on_progress=interrupt_at(stop))
    last = Trainer(recipe, images, tmp_path)
    assert last.steps_done == stop
    last.run()
    assert_same_state(whole, last)


def test_a_phase_ends_with_the_moving_average_of_its_weights(tmp_path, images, monkeypatch):
    recipe = make_recipe([{**TEACHER, "name": "first"}, {**TEACHER, "name": "second"}], ema_decay=0.3)
    trainer = Trainer(recipe, images, tmp_path)
    weight = trainer.supernet.get_parameter("classifier.weight")
    seen, update, ends = [], WeightAverage.update, []

    def note(average) -> None:
        seen.append(weight.detach().clone())
        update(average)

    monkeypatch.setattr(WeightAverage, "update", note)
    start = weight.detach().clone()
    trainer.run(on_phase=lambda phase: ends.append(weight.detach().clone()))
    for phase in range(2):
        expected = start
        for step, value in enumerate(seen[3 * phase * 2 : 3 * (phase + 1) * 2], 1):
            decay = min(0.3, (1 + step) / (10 + step))
            expected = decay * expected + (1 - decay) * value
        torch.testing.assert_close(ends[phase], expected)
        start = expected
    assert len(seen) == 12


def test_a_teacher_that_is_given_is_not_replaced_by_an_average(tmp_path, images):
    recipe = make_recipe([TEACHER, SHRINK], ema_decay=0.9)
    weights = {name: value + 1 for name, value in Supernet(recipe.architecture.build()).named_parameters()}
    trainer = Trainer(recipe, images, tmp_path)
    trainer.start_from(weights)
    given = trainer.teacher.get_parameter("classifier.weight")
    assert torch.equal(given, weights["classifier.weight"])


def test_in_place_distillation_takes_the_largest_subnets_logits_of_the_same_step(
    tmp_path, images, monkeypatch
):
    phase = {**IN_PLACE, "always": ["largest", "smallest"], "subnets_per_step": 2, "sort_channels": False}
    trainer = Trainer(make_recipe([phase], dropout=0.0), images, tmp_path)
    trainer.supernet.train()
    monkeypatch.setattr(trainer.optimizer, "step", lambda: None)
    seen = []
    run, augment = trainer.supernet.forward, Augment.__call__

    def note(self, *given):
        seen.append(augment(self, *given))
        return seen[-1]

    monkeypatch.setattr(Augment, "__call__", note)
    pixels, labels = torch.from_numpy(images.pixels[:6]), torch.from_numpy(images.labels[:6])
    trainer.train_step(pixels, labels)
    found = {name: p.grad.clone() for name, p in trainer.supernet.named_parameters() if p.grad is not None}
    trainer.supernet.zero_grad()
    largest, smallest = (list_layers(trainer.supernet.architecture, subnet) for subnet in trainer.drawn)
    taught = run(seen[0], largest)
    training_loss(taught, labels, 0.1).backward()
    training_loss(run(seen[0], smallest), labels, 0.1, taught.detach(), 1.0).backward()
    for name, value in found.items():
        torch.testing.assert_close(trainer.supernet.get_parameter(name).grad, value)


def test_the_loss_with_a_teacher_is_the_papers(rng):
    logits, teacher = (torch.from_numpy(rng.standard_normal((5, 4))) for _ in range(2))
    labels = torch.tensor([0, 1, 2, 3, 0])
    logs = logits.log_softmax(1)
    hard = -logs[range(5), labels].mean()
    soft = -(teacher.softmax(1) * logs).sum(1).mean()
    assert training_loss(logits, labels, 0.0).item() == pytest.approx(hard.item())
    for k in (0.5, 1.0, 3.0):
        expected = 2 / (1 + k) * (k * soft + hard)
        assert training_loss(logits, labels, 0.0, teacher, k).item() == pytest.approx(expected.item())


def test_parts_of_a_batch_give_the_gradients_of_the_whole_when_normalised_alike(tmp_path, images):
    """With statistics of their own they differ; without batch norm's part in it they would not."""
    recipe = make_recipe([{**TEACHER, "epochs": 1}], dropout=0.0)
    whole, parts, same = (
        Trainer(recipe, images, tmp_path / str(n), Machine(images_at_once=n)) for n in (None, 4, 8)
    )
    for trainer in (whole, parts, same):
        trainer.folder.mkdir()
        trainer.run()
    assert_same_state(whole, same)
    one, other = (trainer.supernet.get_parameter("classifier.bias") for trainer in (whole, parts))
    assert not torch.equal(one, other)
    torch.testing.assert_close(one, other, atol=0.02, rtol=0)


def test_bfloat16_trains_with_weights_in_float32(tmp_path, images):
    losses = []
    trainer = Trainer(make_recipe(), images, tmp_path, Machine(precision="bf16"))
    trainer.run(on_progress=lambda progress: losses.append(progress.loss))
    assert {parameter.dtype for parameter in trainer.supernet.parameters()} == {torch.float32}
    assert len(losses) == STEPS
    assert np.isfinite(losses).all()


def test_the_teacher_is_the_largest_as_it_was_trained_alone_and_stays_so(tmp_path, images):
    later = {**SHRINK, "name": "later", "sort_channels": False}
    trainer = Trainer(make_recipe([TEACHER, SHRINK, later]), images, tmp_path)
    kept = {}

    def keep(phase) -> None:
        kept[phase.name] = {name: value.clone() for name, value in trainer.teacher.named_parameters()}

    trainer.run(on_phase=keep)
    assert list(kept) == ["teacher", "all", "later"]
    for name, value in kept["teacher"].items():
        assert torch.equal(value, kept["later"][name])
    assert trainer.teacher.get_submodule("classifier").dropout == 0
    assert not torch.equal(
        kept["teacher"]["classifier.weight"], trainer.supernet.get_parameter("classifier.weight")
    )


@pytest.mark.parametrize(
    "phase",
    [
        {"subnets": "ofa", "depths": [3, 4], "expands": [4, 6], "sort_within": [4]},
        {"subnets": "compofa-elastic", "kernels": [3, 7]},
    ],
)
def test_progressive_and_elastic_phases_train_kernels(tmp_path, images, phase):
    shares = {"largest_share": 0, "smallest_share": 0}
    recipe = make_recipe([TEACHER, {**SHRINK, **shares, **phase}], architecture=ELASTIC.to_dict())
    trainer = Trainer(recipe, images, tmp_path)
    trainer.run()
    moved = [
        not torch.equal(value, torch.eye(len(value)))
        for name, value in trainer.supernet.named_parameters()
        if "matrix" in name
    ]
    assert any(moved)
