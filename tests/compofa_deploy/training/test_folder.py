"""Folders of images: classes by name, decoded once where they are small, and refused where they do not fit together."""

import shutil

import numpy as np
import pytest
from PIL import Image

from compofa_deploy.training import data as data_module
from compofa_deploy.training.data import LabelledImages, decode, load_splits, open_splits
from compofa_deploy.training.encoded import EncodedImages, SkippedImage
from compofa_deploy.training.folder import list_folder
from latency_tables.errors import InputError
from tests.compofa_deploy.training.builders import make_images


@pytest.fixture
def place(tmp_path, write_folder):
    write_folder(tmp_path / "data" / "train", make_images(24))
    write_folder(tmp_path / "data" / "val", make_images(9))
    return tmp_path / "data"


def test_classes_are_the_folders_in_the_order_of_their_names(place):
    images = list_folder(place / "train")
    assert images.class_names == ("blue", "green", "red")
    assert images.labels.tolist() == sorted(images.labels.tolist())
    for index in range(len(images)):
        colour = np.asarray(images.open(index)).mean((0, 1)).argmax()
        assert ("red", "green", "blue")[colour] == images.class_names[images.labels[index]]


def test_small_images_of_one_square_size_are_decoded_once(place):
    splits = open_splits(place, 4, seed=0)
    assert isinstance(splits.train, LabelledImages)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (20, 4, 9)
    assert splits.train.pixels.shape == (20, 16, 16, 3)


def test_images_of_many_sizes_or_too_many_stay_encoded(place, monkeypatch):
    monkeypatch.setattr(data_module, "MEMORY_BYTES", 1000)
    splits = open_splits(place, 4, seed=0)
    assert isinstance(splits.train, EncodedImages)
    monkeypatch.undo()
    Image.new("RGB", (30, 17)).save(place / "train" / "red" / "wide.png")
    splits = open_splits(place, 4, seed=0)
    assert isinstance(splits.train, EncodedImages)
    assert isinstance(splits.test, LabelledImages)
    loaded = load_splits(place, 4, seed=0, side=12)
    assert loaded.train.pixels.shape == (21, 12, 12, 3)


def test_training_on_fewer_images_leaves_what_is_held_out_as_it_is(place):
    few, all_of_them = (open_splits(place, 4, 0, count) for count in (6, None))
    assert len(few.train) == 6
    assert np.array_equal(few.train.pixels, all_of_them.train.pixels[:6])
    assert np.array_equal(few.validation.pixels, all_of_them.validation.pixels)


def test_unreadable_images_are_named_counted_and_left_out(place):
    broken = sorted((place / "train" / "green").iterdir())[2]
    broken.write_bytes(broken.read_bytes()[:50])
    told: list[SkippedImage] = []
    splits = open_splits(place, 4, seed=0, on_skip=told.append)
    assert [skipped.name for skipped in told] == [str(broken)]
    assert len(splits.train) + len(splits.validation) == 23


def test_unreadable_images_of_a_large_set_are_left_out_when_they_are_decoded(place, monkeypatch):
    monkeypatch.setattr(data_module, "MEMORY_BYTES", 1000)
    broken = sorted((place / "val" / "green").iterdir())[0]
    broken.write_bytes(b"words")
    told: list[SkippedImage] = []
    test = decode(open_splits(place, 4, seed=0).test, 16, told.append)
    assert [skipped.name for skipped in told] == [str(broken)]
    assert np.bincount(test.labels).tolist() == [3, 2, 3]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda place: shutil.rmtree(place / "val"), "needs train.parquet and test.parquet .*the folders"),
        (lambda place: shutil.rmtree(place / "val" / "red"), r"train and val differ in their classes \(red\)"),
        (lambda place: (place / "train" / "empty").mkdir(), r"train/empty: has no images \(.jpg"),
        (lambda place: [shutil.rmtree(c) for c in (place / "train").iterdir()], "train: has no folders of images"),
        (lambda place: [f.write_bytes(b"") for f in (place / "val").glob("*/*")], "not an image that can be read"),
    ],
    ids=["no val", "a class less", "an empty class", "no classes", "nothing readable"],
)  # fmt: skip
def test_a_folder_that_cannot_be_trained_on_is_one_line(place, spoil, complaint):
    spoil(place)
    with pytest.raises(InputError, match=complaint) as caught:
        open_splits(place, 4, seed=0)
    assert "\n" not in str(caught.value)
