"""Augmentation: the same for the same generator, and only what the settings ask for."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.files.images import Preprocess  # noqa: E402
from compofa_deploy.training.augment import Augment, draw_boxes  # noqa: E402
from compofa_deploy.training.recipe import DataSettings  # noqa: E402

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)


def make(crop_padding: int = 0, flip: bool = False, **settings: object) -> Augment:
    known = {"validation_images": 1, "mean": MEAN, "std": STD, "crop_padding": crop_padding, "flip": flip}
    return Augment(DataSettings.model_validate({**known, **settings}))


def run(augment: Augment, pixels, resolution: int, rng):
    return augment(pixels, resolution, augment.draw(len(pixels), rng))


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (16, 12, 12, 3), dtype=np.uint8)


def test_without_crop_and_flip_it_is_the_bundles_normalisation(pixels, rng):
    batch = run(make(), pixels, 12, rng)
    np.testing.assert_allclose(batch, Preprocess(MEAN, STD).normalise(pixels), atol=1e-5)


def test_resizing_is_near_the_bundles_own(rng):
    smooth = np.linspace(0, 255, 12 * 12 * 3).reshape(1, 12, 12, 3).astype(np.uint8)
    from PIL import Image

    found = run(make(), smooth, 8, rng)
    expected = Preprocess(MEAN, STD).load([Image.fromarray(smooth[0])], 8)
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize("resolution", [8, 12, 20])
def test_a_batch_is_channels_last_at_the_resolution(pixels, rng, resolution):
    batch = run(make(crop_padding=2, flip=True), pixels, resolution, rng)
    assert batch.shape == (16, 3, resolution, resolution)
    assert batch.dtype == torch.float32
    assert batch.is_contiguous(memory_format=torch.channels_last)


def test_each_image_is_flipped_or_not(pixels, rng):
    batch, plain = run(make(flip=True), pixels, 12, rng), run(make(), pixels, 12, rng)
    kept = [torch.equal(a, b) for a, b in zip(batch, plain, strict=True)]
    turned = [torch.equal(a, b.flip(2)) for a, b in zip(batch, plain, strict=True)]
    assert all(k != t for k, t in zip(kept, turned, strict=True))
    assert 0 < sum(kept) < 16


def test_each_image_is_a_crop_of_its_reflected_self(pixels, rng):
    batch, plain = run(make(crop_padding=2), pixels, 12, rng), run(make(), pixels, 12, rng)
    padded = torch.nn.functional.pad(plain, (2, 2, 2, 2), mode="reflect")
    for i in range(16):
        crops = [padded[i, :, t : t + 12, x : x + 12] for t in range(5) for x in range(5)]
        assert sum(torch.equal(batch[i], crop) for crop in crops) >= 1
    assert not torch.equal(batch, plain)


def test_a_generator_decides_everything(pixels):
    one, other = (run(make(2, True), pixels, 8, np.random.default_rng(7)) for _ in range(2))
    assert torch.equal(one, other)


def test_the_pixels_given_are_left_as_they_were(pixels, rng):
    before = pixels.copy()
    run(make(2, True), pixels, 8, rng)
    assert np.array_equal(pixels, before)


def test_what_becomes_of_an_image_does_not_depend_on_how_the_batch_is_shared(pixels):
    augment = make(2, True, brightness=0.2, saturation=0.5, random_operations=2, cutout=0.4)
    draws = augment.draw(16, np.random.default_rng(7))
    whole = augment(pixels, 10, draws)
    parts = [augment(pixels[part], 10, draws.take(part)) for part in (slice(0, 8), slice(8, 16))]
    torch.testing.assert_close(whole, torch.cat(parts), rtol=0, atol=1e-6)


def test_a_resized_crop_of_all_is_the_image(pixels, rng):
    whole = run(make(crop="resized", crop_area=[1, 1], crop_ratio=[1, 1]), pixels, 12, rng)
    torch.testing.assert_close(whole, run(make(), pixels, 12, rng), rtol=0, atol=1e-3)


def test_a_resized_crop_shows_a_part_as_large_as_asked(rng):
    """On a ramp from 0 to 255 the range of values that is seen is the share of the side that is cut."""
    ramp = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8)[None, None, :, None], (32, 64, 64, 3))
    augment = make(crop="resized", crop_area=[0.25, 0.25], crop_ratio=[1, 1], mean=[0, 0, 0], std=[1, 1, 1])
    batch = run(augment, np.ascontiguousarray(ramp), 64, rng)
    seen = batch.amax((1, 2, 3)) - batch.amin((1, 2, 3))
    torch.testing.assert_close(seen, torch.full((32,), 0.5), rtol=0, atol=0.03)
    assert batch.amin((1, 2, 3)).std() > 0.05


def test_boxes_have_the_area_and_the_ratio_that_were_asked_for_and_lie_within(rng):
    settings = make(crop="resized", crop_area=[0.2, 0.6], crop_ratio=[0.5, 2]).settings
    for shape in (1.0, 1.5):
        y, x, height, width = draw_boxes(settings, 4000, rng, shape)
        whole = (height < 1) & (width < 1)
        area, ratio = (height * width)[whole], (width * shape / height)[whole]
        assert 0.2 <= area.min() < 0.22
        assert 0.58 < area.max() <= 0.6 + 1e-9
        assert 0.5 - 1e-9 <= ratio.min() < 0.55
        assert 1.8 < ratio.max() <= 2 + 1e-9
        for centre, side in ((y, height), (x, width)):
            assert (centre - side / 2 >= -1e-9).all()
            assert (centre + side / 2 <= 1 + 1e-9).all()


def test_brightness_and_saturation_change_within_their_bounds():
    grey = np.full((200, 4, 4, 3), 100, np.uint8)
    dimmed = run(make(brightness=0.2, mean=[0, 0, 0], std=[1, 1, 1]), grey, 4, np.random.default_rng(0))
    factors = dimmed[:, 0, 0, 0] * 255 / 100
    assert 0.8 <= factors.min() < 0.82
    assert 1.18 < factors.max() <= 1.2
    saturated = run(make(saturation=0.9), grey, 4, np.random.default_rng(0))
    torch.testing.assert_close(saturated, run(make(), grey, 4, np.random.default_rng(0)), rtol=0, atol=1e-4)


def test_cutout_blanks_one_square_of_each_image(pixels, rng):
    batch, plain = run(make(cutout=0.5), pixels, 12, rng), run(make(), pixels, 12, rng)
    blank = (batch == 0).all(1)
    assert torch.equal(
        batch[~blank.unsqueeze(1).expand_as(batch)], plain[~blank.unsqueeze(1).expand_as(batch)]
    )
    for image in blank:
        rows, columns = image.any(1).nonzero().flatten(), image.any(0).nonzero().flatten()
        assert image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert 9 <= image.sum() <= 36


def test_without_mixing_labels_stay_labels(pixels, rng):
    augment, labels = make(), torch.arange(16)
    images = augment(pixels, 12, augment.draw(16, rng))
    assert augment.mix(images, labels, 16, augment.draw(16, rng)) == (images, labels)


def test_mixing_gives_probabilities(pixels, rng):
    augment, labels = make(cutmix=1.0), torch.arange(16) % 4
    draws = augment.draw(16, rng)
    images, targets = augment.mix(augment(pixels, 12, draws), labels, 4, draws)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert targets.shape == (16, 4)
