"""A teacher's logits in a file: of the views that training shows, and of no other images."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.training.augment import Augment  # noqa: E402
from compofa_deploy.training.subnet_gradients import SubnetGradients  # noqa: E402
from compofa_deploy.training.teacher_logits import (  # noqa: E402
    TeacherLogits,
    Views,
    compute_teacher_logits,
)
from compofa_deploy.training.trainer import Trainer  # noqa: E402
from latency_tables.errors import FormatError, InputError, MismatchError  # noqa: E402
from tests.compofa_deploy.training.builders import SHRINK, make_images, make_recipe  # noqa: E402

FROM_FILE = {**SHRINK, "distill_from": "file", "sort_channels": False}
RESIZED = {"crop": "resized", "crop_area": [0.3, 1.0]}


def judge(pixels):
    """A teacher whose logits are what it sees: the mean of each colour, and of the left half's red."""
    return torch.stack(
        [*pixels.mean((2, 3)).unbind(1)[:2], pixels[:, 0, :, : pixels.shape[3] // 2].mean((1, 2))], 1
    )


@pytest.fixture(scope="module")
def images():
    return make_images()


@pytest.fixture(params=[{}, RESIZED], ids=["padded", "resized"])
def recipe(request):
    return make_recipe([FROM_FILE], data=request.param)


@pytest.fixture
def logits(images, recipe):
    return compute_teacher_logits(judge, images, recipe.data, views=3, seed=5, batch=7)


def test_logits_are_those_of_the_views_that_training_shows(images, recipe, logits, rng):
    """Without colour changes, the teacher sees what a step trains on, but for the normalisation."""
    augment = Augment(recipe.data)
    indices = rng.permutation(24)[:10]
    draws, taught = Views(logits, recipe.data).choose(
        augment.draw(10, rng), indices, rng.integers(3, size=10)
    )
    shown = augment(images.pixels[indices], 16, draws)
    seen = shown * augment.std + augment.mean
    # Half precision keeps 11 bits of values up to 255.
    torch.testing.assert_close(taught, judge(seen), atol=0.15, rtol=0)


def test_views_of_an_image_differ(logits):
    assert np.ptp(logits.logits.astype(np.float32), axis=0).max() > 1


def test_a_file_is_read_as_it_was_written(tmp_path, logits):
    logits.save(tmp_path / "logits.safetensors")
    read = TeacherLogits.load(tmp_path / "logits.safetensors")
    assert np.array_equal(read.logits, logits.logits)
    assert (read.seed, read.settings, read.images) == (logits.seed, logits.settings, logits.images)
    assert read.fingerprint == logits.fingerprint


@pytest.mark.parametrize("content", [None, b"", b"no safetensors", "supernet"])
def test_what_is_no_such_file_is_named(tmp_path, content):
    path = tmp_path / "logits.safetensors"
    if content == "supernet":
        from safetensors.numpy import save

        content = save({"logits": np.zeros((1, 2, 3), np.float16)}, {"format": "compofa-supernet"})
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FormatError, match=r"logits\.safetensors: not a file of a teacher's logits; compute"):
        TeacherLogits.load(path)


def test_logits_that_are_not_finite_are_refused(tmp_path, logits):
    broken = logits.logits.copy()
    broken[1, 2, 0] = np.nan
    replace(logits, logits=broken).save(tmp_path / "logits.safetensors")
    with pytest.raises(FormatError, match="not finite"):
        TeacherLogits.load(tmp_path / "logits.safetensors")


def test_logits_of_other_images_or_another_order_are_refused(tmp_path, images, recipe, logits):
    for other in (images.take(np.arange(24)[::-1]), images.take(np.arange(20))):
        with pytest.raises(MismatchError, match="of other training images, or of another order"):
            Trainer(recipe, other, tmp_path, teacher_logits=logits)


def test_logits_of_other_crops_are_refused(tmp_path, images, logits, recipe):
    changed = recipe.model_copy(update={"data": recipe.data.model_copy(update={"flip": False})})
    with pytest.raises(MismatchError, match=r"data\.flip = True, and the recipe has False"):
        Trainer(changed, images, tmp_path, teacher_logits=logits)


def test_a_recipe_that_learns_from_a_file_needs_one(tmp_path, images, recipe):
    with pytest.raises(InputError, match="give it as --teacher-logits"):
        Trainer(recipe, images, tmp_path)


def test_every_subnet_of_a_step_learns_from_the_views_logits(tmp_path, images, recipe, logits, monkeypatch):
    trainer, seen = Trainer(recipe, images, tmp_path, teacher_logits=logits), []
    add = SubnetGradients.add

    def note(self, subnet, parts, taught, distillation):
        seen.append((taught[0].clone(), distillation))
        return add(self, subnet, parts, taught, distillation)

    monkeypatch.setattr(SubnetGradients, "add", note)
    trainer.run()
    assert len(seen) == 2 * trainer.total_steps
    known = logits.logits.reshape(-1, 3).astype(np.float32)
    for taught, distillation in seen:
        assert distillation == 1.0
        assert all((known == row).all(1).any() for row in taught.numpy())


def test_a_training_goes_on_bit_for_bit_and_only_with_the_same_logits(tmp_path, images, recipe, logits):
    whole = Trainer(recipe, images, tmp_path, teacher_logits=logits)
    whole.run()
    Path(tmp_path, "checkpoint.pt").unlink()
    part = Trainer(recipe, images, tmp_path, teacher_logits=logits)

    def stop(progress) -> None:
        raise KeyboardInterrupt

    monkey = pytest.MonkeyPatch()
    monkey.setattr("compofa_deploy.training.trainer.LOG_EVERY_STEPS", 3)
    with pytest.raises(KeyboardInterrupt):
        part.run(checkpoint_minutes=0, on_progress=stop)
    monkey.undo()
    other = compute_teacher_logits(judge, images, recipe.data, views=3, seed=6)
    with pytest.raises(MismatchError, match="other logits of a teacher"):
        Trainer(recipe, images, tmp_path, teacher_logits=other)
    last = Trainer(recipe, images, tmp_path, teacher_logits=logits)
    assert last.steps_done == 2
    last.run()
    for name, value in whole.supernet.state_dict().items():
        assert torch.equal(value, last.supernet.state_dict()[name]), name
