"""Encoded images: chosen, sampled and named without being decoded."""

import io

import numpy as np
import pytest
from PIL import Image

from compofa_deploy.data.encoded import EncodedImages, find_side
from compofa_deploy.data.folder import list_folder
from latency_tables.errors import InputError
from tests.conftest import encode_png


def make_encoded(sizes):
    """One image of each size (width, height)."""
    sources = [encode_png(np.zeros((height, width, 3), np.uint8)) for width, height in sizes]
    count = len(sources)
    return EncodedImages("it.parquet", sources, np.arange(count), np.zeros(count, np.int64), ("cat",))


def test_an_image_is_named_by_its_row_or_its_path(place):
    assert make_encoded([(8, 8)] * 3).take(np.array([2])).name_of(0) == "it.parquet, row 2"
    images = list_folder(place / "train")
    assert images.name_of(3) == str(images.sources[3])


def test_a_sample_is_in_order_and_without_repetition(place, rng):
    images = list_folder(place / "train")
    drawn = images.sample(10, rng)
    assert drawn.rows.tolist() == sorted(set(drawn.rows.tolist()))
    assert drawn.labels.tolist() == images.labels[drawn.rows].tolist()
    assert len(images.sample(100, rng)) == 24


@pytest.mark.parametrize(
    ("sizes", "side"),
    [([(8, 8)] * 100, 8), ([(8, 9)] * 3, None), ([(8, 8), (9, 9)], None), ([(8, 8)], 8)],
)
def test_the_side_is_that_of_images_that_are_square_and_of_one_size(sizes, side):
    assert find_side(make_encoded(sizes)) == side


def test_images_without_a_header_do_not_count_and_all_of_them_are_refused():
    images = make_encoded([(8, 8)] * 3)
    broken = EncodedImages("it", [b"words", *images.sources], np.arange(4), np.zeros(4, np.int64), ("cat",))
    assert find_side(broken) == 8
    with pytest.raises(InputError, match="it, row 0: not an image"):
        find_side(broken.take(np.array([0])))


def test_an_image_that_vanishes_before_it_is_fitted_is_named(place):
    images = list_folder(place / "train")
    images.sources[5].unlink()
    with pytest.raises(InputError, match="there is no such file"):
        images.resize(8)


def test_fitting_gives_the_pixels_of_each_image_in_its_place():
    sources = []
    for gray in (10, 200):
        buffer = io.BytesIO()
        Image.new("L", (20, 10), gray).save(buffer, "PNG")
        sources.append(buffer.getvalue())
    images = EncodedImages("it", sources, np.array([1, 0]), np.zeros(2, np.int64), ("cat",))
    assert images.resize(8)[:, 0, 0, 0].tolist() == [200, 10]
