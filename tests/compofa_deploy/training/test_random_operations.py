"""Random operations: each does what its name says, and nothing at no strength."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.training.random_operations import (  # noqa: E402
    OPERATIONS,
    Operations,
    apply_operations,
    draw_operations,
)

GREY = torch.full((1, 3, 1, 1), 100.0)


def run(images, name: str, strength: float):
    n = len(images)
    operations = Operations(np.full((1, n), OPERATIONS.index(name)), np.full((1, n), strength))
    return apply_operations(images, operations, GREY)


@pytest.fixture
def images(rng):
    return torch.from_numpy(rng.integers(20, 230, (4, 3, 10, 10))).float()


@pytest.mark.parametrize("strength", [-1.0, 1.0])
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "identity"])
def test_each_operation_changes_the_images_within_their_range(images, name, strength):
    before = images.clone()
    changed = run(images, name, strength)
    assert changed.shape == images.shape
    assert not torch.equal(changed, images)
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "autocontrast"])
def test_no_strength_is_no_change(images, name):
    torch.testing.assert_close(run(images, name, 0.0), images, atol=1e-3, rtol=0)


def test_a_translation_moves_pixels_and_fills_the_rest(images):
    # A third of 0.3 of 10 pixels is one pixel.
    across = run(images, "translate_x", 1 / 3)
    torch.testing.assert_close(across[..., :-1], images[..., 1:], atol=1e-3, rtol=0)
    torch.testing.assert_close(across[..., -1], torch.full((4, 3, 10), 100.0), atol=1e-3, rtol=0)
    down = run(images, "translate_y", 1 / 3)
    torch.testing.assert_close(down[..., :-1, :], images[..., 1:, :], atol=1e-3, rtol=0)


def test_a_rotation_keeps_the_centre_and_turns_the_rest():
    images = torch.full((1, 3, 11, 11), 50.0)
    images[..., 5, 6:] = 250
    turned = run(images, "rotate", 1.0)
    assert turned[0, 0, 5, 10] < 100
    assert (turned[0, 0] > 150).sum() > 2


def test_colours_change_by_their_factors():
    images = torch.tensor([40.0, 80.0, 120.0]).view(1, 3, 1, 1).expand(1, 3, 4, 4).clone()
    assert run(images, "brightness", 1.0)[0, :, 0, 0].tolist() == pytest.approx([76, 152, 228])
    grey = 0.299 * 40 + 0.587 * 80 + 0.114 * 120
    expected = [grey + 0.1 * (value - grey) for value in (40, 80, 120)]
    assert run(images, "saturation", -1.0)[0, :, 0, 0].tolist() == pytest.approx(expected)


def test_solarizing_inverts_what_is_above_the_threshold():
    images = torch.tensor([100.0, 200.0]).view(1, 1, 1, 2).expand(1, 3, 1, 2).clone()
    assert run(images, "solarize", 0.5)[0, 0, 0].tolist() == [100, 55]


def test_posterizing_keeps_the_first_bits():
    images = torch.tensor([31.0, 32.0, 255.0]).view(1, 1, 1, 3).expand(1, 3, 1, 3).clone()
    assert run(images, "posterize", 1.0)[0, 0, 0].tolist() == [0, 32, 224]


def test_autocontrast_stretches_each_channel_and_leaves_a_flat_one(images):
    images[0, 0] = 77
    stretched = run(images, "autocontrast", 0.3)
    assert (stretched[0, 0] == 77).all()
    assert stretched[1].amin((1, 2)).tolist() == [0, 0, 0]
    assert stretched[1].amax((1, 2)).tolist() == pytest.approx([255, 255, 255])


def test_operations_are_drawn_uniformly_within_the_magnitude(rng):
    drawn = draw_operations(2, 0.5, 4000, rng)
    counts = np.bincount(drawn.indices.ravel(), minlength=len(OPERATIONS))
    assert counts.min() > 0.8 * 8000 / len(OPERATIONS)
    assert 0.45 < np.abs(drawn.strengths).max() <= 0.5


def test_what_becomes_of_an_image_does_not_depend_on_how_the_batch_is_shared(images, rng):
    operations = draw_operations(3, 1.0, 4, rng)
    whole = apply_operations(images, operations, GREY)
    for part in (slice(0, 1), slice(1, 4)):
        torch.testing.assert_close(apply_operations(images[part], operations.take(part), GREY), whole[part])
