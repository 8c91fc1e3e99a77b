"""From an image file to a network's input."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from compofa_deploy.files import images as images_module
from compofa_deploy.files.images import FORMATS, MOST_OBLONG, Preprocess, fit, open_image, read_size, to_rgb
from latency_tables.errors import InputError

PREPROCESS = Preprocess((0.5, 0.4, 0.3), (0.2, 0.25, 0.5))


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise).convert(mode)


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (40, 90), (90, 40), (7, 300), (1, 1), (33, 32)])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK", "1"])
def test_any_size_and_mode_becomes_one_square(size, mode):
    pixels = fit(picture(*size, mode), 32)  # type: ignore[call-arg]
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


def test_preprocessing_does_the_steps_that_a_bundle_states():
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


def encode(image, kind, **given):
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **given)
    return io.BytesIO(buffer.getvalue())


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_gray_images_of_16_bits_are_as_bright_as_those_of_8_bits(kind):
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = np.repeat(gray[:, :, None], 3, axis=2)
    assert np.array_equal(np.asarray(open_image(encode(Image.fromarray(gray), kind), "it")), expected)
    wide = Image.fromarray(gray.astype(np.uint16) * 257)
    assert np.array_equal(np.asarray(open_image(encode(wide, kind), "it")), expected)
    assert np.array_equal(fit(wide, 16), expected)


@pytest.mark.parametrize(("dtype", "kind"), [(np.float32, "floats"), (np.int32, "32-bit integers")])
def test_pixels_of_an_unknown_range_are_refused_by_name(dtype, kind):
    image = Image.fromarray(np.ones((16, 16), dtype))
    with pytest.raises(
        InputError, match=rf"it\.tif: .*its pixels are {kind}, whose range is unknown; save it with 8"
    ):
        open_image(encode(image, "TIFF"), "it.tif")
    with pytest.raises(ValueError, match="whose range is unknown"):
        to_rgb(image)


def test_a_palette_with_transparency_keeps_its_colours():
    palette = picture(16, 16).convert("P")
    source = encode(palette, "PNG", transparency=bytes(range(256)))
    assert np.array_equal(np.asarray(open_image(source, "it")), np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_undone(orientation):
    image, exif = picture(20, 10), Image.Exif()
    exif[0x0112] = orientation
    source = encode(image, "PNG", exif=exif)
    expected = ImageOps.exif_transpose(Image.open(encode(image, "PNG", exif=exif)))
    assert np.array_equal(np.asarray(open_image(source, "it")), np.asarray(expected))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize(
    "exif", [b"II*\0\x08", b"Exif\0\0II*\0\x08", b"Exif\0\0words", b"MM\0*\0\0\0\x08\xff\xff"]
)
def test_an_orientation_that_cannot_be_parsed_is_ignored(kind, exif):
    image = picture(20, 10)
    assert open_image(encode(image, kind, exif=exif), "it").size == (20, 10)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_unknown_orientation_is_ignored(value):
    exif = Image.Exif()
    exif[0x0112] = value
    assert open_image(encode(picture(20, 10), "PNG", exif=exif), "it").size == (20, 10)


@pytest.mark.parametrize("fault", [KeyError("x"), MemoryError(), RecursionError(), ZeroDivisionError("by zero"),
                                   OverflowError("large"), AssertionError(), EOFError()])  # fmt: skip
def test_any_fault_of_a_decoder_is_one_line_that_names_the_image(monkeypatch, fault):
    def fail(*given, **more):
        raise fault

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(
        InputError, match=r"^it\.png: not an image that can be read \(.+\); give a PNG"
    ) as caught:
        open_image(io.BytesIO(b""), "it.png")
    assert "\n" not in str(caught.value)


def test_formats_that_nobody_asked_for_are_refused():
    source = encode(picture(16, 16), "ICO")
    with pytest.raises(InputError, match=r"it\.ico: not an image"):
        open_image(source, "it.ico")
    assert "ICO" not in FORMATS


@pytest.mark.parametrize("size", [(16 * MOST_OBLONG + 1, 16), (1, MOST_OBLONG + 1), (400_000, 1)])
def test_an_image_that_would_be_huge_once_it_is_resized_is_refused(size):
    source = encode(Image.new("1", size), "PNG")
    with pytest.raises(InputError, match=r"sides with a ratio of [0-9]+, more than 100; crop it"):
        open_image(source, "wide.png")
    assert open_image(encode(Image.new("1", (16 * MOST_OBLONG, 16)), "PNG"), "it").size == (1600, 16)


def test_the_size_is_read_from_the_header():
    assert read_size(encode(picture(20, 10), "JPEG")) == (20, 10)
    assert read_size(io.BytesIO(b"words")) is None


def test_an_image_with_too_many_pixels_is_refused_by_its_header(monkeypatch):
    monkeypatch.setattr(images_module, "MOST_PIXELS", 100)
    source = encode(picture(64, 64), "PNG")
    with pytest.raises(InputError, match=r"large\.png: .*64 x 64 pixels, more than 100; make it smaller"):
        open_image(source, "large.png")


def test_an_image_of_absurd_size_is_refused(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    buffer = io.BytesIO()
    picture(64, 64).save(buffer, format="PNG")
    with pytest.raises(InputError, match=r"bomb\.png"):
        open_image(buffer, "bomb.png")
