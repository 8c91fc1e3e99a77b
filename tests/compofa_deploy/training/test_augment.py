"""Augmentation: the same for the same generator, and only what the settings ask for."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.images import Preprocess  # noqa: E402
from compofa_deploy.training.augment import Augment  # noqa: E402
from compofa_deploy.training.recipe import DataSettings  # noqa: E402

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)


def make(crop_padding: int = 0, flip: bool = False) -> Augment:
    return Augment(
        DataSettings(validation_images=1, mean=MEAN, std=STD, crop_padding=crop_padding, flip=flip)
    )


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (16, 12, 12, 3), dtype=np.uint8)


def test_without_crop_and_flip_it_is_the_bundles_normalisation(pixels, rng):
    batch = make()(pixels, 12, rng)
    np.testing.assert_allclose(batch, Preprocess(MEAN, STD).normalise(pixels), atol=1e-5)


def test_resizing_is_near_the_bundles_own(rng):
    smooth = np.linspace(0, 255, 12 * 12 * 3).reshape(1, 12, 12, 3).astype(np.uint8)
    from PIL import Image

    found = make()(smooth, 8, rng)
    expected = Preprocess(MEAN, STD).load([Image.fromarray(smooth[0])], 8)
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize("resolution", [8, 12, 20])
def test_a_batch_is_channels_last_at_the_resolution(pixels, rng, resolution):
    batch = make(crop_padding=2, flip=True)(pixels, resolution, rng)
    assert batch.shape == (16, 3, resolution, resolution)
    assert batch.dtype == torch.float32
    assert batch.is_contiguous(memory_format=torch.channels_last)


def test_each_image_is_flipped_or_not(pixels, rng):
    batch, plain = make(flip=True)(pixels, 12, rng), make()(pixels, 12, rng)
    kept = [torch.equal(a, b) for a, b in zip(batch, plain, strict=True)]
    turned = [torch.equal(a, b.flip(2)) for a, b in zip(batch, plain, strict=True)]
    assert all(k != t for k, t in zip(kept, turned, strict=True))
    assert 0 < sum(kept) < 16


def test_each_image_is_a_crop_of_its_reflected_self(pixels, rng):
    batch, plain = make(crop_padding=2)(pixels, 12, rng), make()(pixels, 12, rng)
    padded = torch.nn.functional.pad(plain, (2, 2, 2, 2), mode="reflect")
    for i in range(16):
        crops = [padded[i, :, t : t + 12, x : x + 12] for t in range(5) for x in range(5)]
        assert sum(torch.equal(batch[i], crop) for crop in crops) >= 1
    assert not torch.equal(batch, plain)


def test_a_generator_decides_everything(pixels):
    one, other = (make(2, True)(pixels, 8, np.random.default_rng(7)) for _ in range(2))
    assert torch.equal(one, other)


def test_the_pixels_given_are_left_as_they_were(pixels, rng):
    before = pixels.copy()
    make(2, True)(pixels, 8, rng)
    assert np.array_equal(pixels, before)
