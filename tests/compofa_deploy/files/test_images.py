"""From an image file to a network's input."""

import io

import numpy as np
import pytest
from PIL import Image

from compofa_deploy.files.images import Preprocess, fit, open_image
from latency_tables.errors import InputError

PREPROCESS = Preprocess((0.5, 0.4, 0.3), (0.2, 0.25, 0.5))


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise).convert(mode)


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (40, 90), (90, 40), (7, 300), (1, 1), (33, 32)])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK", "1"])
def test_any_size_and_mode_becomes_one_square(size, mode):
    pixels = fit(picture(*size, mode), 32)
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8


def test_an_image_of_the_right_size_is_left_as_it_is():
    image = picture(32, 32)
    assert np.array_equal(fit(image, 32), np.asarray(image))


def test_the_centre_of_the_longer_side_is_kept():
    pixels = np.zeros((32, 96, 3), np.uint8)
    pixels[:, 32:64] = 255
    assert (fit(Image.fromarray(pixels), 32) == 255).all()


def test_a_flat_image_stays_flat_when_resized():
    image = Image.new("RGB", (70, 50), (10, 120, 250))
    assert (fit(image, 24) == (10, 120, 250)).all()


def test_normalising_is_scale_mean_and_deviation_per_channel():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    expected = (pixels / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.25, 0.5]
    normalised = PREPROCESS.normalise(pixels)
    assert normalised.dtype == np.float32
    assert normalised.flags["C_CONTIGUOUS"]
    np.testing.assert_allclose(normalised, expected.transpose(0, 3, 1, 2), atol=2e-6)


def test_a_batch_of_any_sizes_is_one_input():
    batch = PREPROCESS.load([picture(40, 50), picture(32, 32), picture(100, 20)], 32)
    assert batch.shape == (3, 3, 32, 32)


def test_what_a_bundle_states_is_what_is_done():
    stated = PREPROCESS.to_dict(24)
    assert (stated["resize_shorter_side"], stated["centre_crop"]) == (24, 24)
    pixels = fit(picture(24, 24), 24)
    by_hand = (pixels * stated["scale"] - stated["mean"]) / stated["std"]
    np.testing.assert_allclose(PREPROCESS.normalise(pixels[None])[0], by_hand.transpose(2, 0, 1), atol=2e-6)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_png_and_jpeg_are_opened(tmp_path, suffix):
    path = tmp_path / f"image.{suffix}"
    picture(20, 10).save(path)
    assert open_image(path, "it").size == (20, 10)


def test_an_image_is_turned_the_way_its_camera_was_held(tmp_path):
    image, exif = picture(20, 10), Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert open_image(tmp_path / "turned.jpg", "it").size == (10, 20)


def test_an_image_that_is_missing_broken_or_cut_off_is_named(tmp_path):
    buffer = io.BytesIO()
    picture(64, 64).save(buffer, format="JPEG")
    sources = {
        "none.png": tmp_path / "none.png",
        "words.png": io.BytesIO(b"these are words"),
        "empty.png": io.BytesIO(b""),
        "cut.jpg": io.BytesIO(buffer.getvalue()[: len(buffer.getvalue()) // 2]),
        "folder": tmp_path,
    }
    for name, source in sources.items():
        with pytest.raises(InputError, match=name):
            open_image(source, name)


def test_an_image_of_absurd_size_is_refused(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    buffer = io.BytesIO()
    picture(64, 64).save(buffer, format="PNG")
    with pytest.raises(InputError, match=r"bomb\.png"):
        open_image(buffer, "bomb.png")
