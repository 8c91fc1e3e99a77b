"""Folders of images: classes by name, decoded once where they are small, and refused where they do not fit together."""

import errno
import os
import shutil
import tempfile

import numpy as np
import pytest
from PIL import Image

from compofa_deploy.data import encoded as encoded_module
from compofa_deploy.data import splits as data_module
from compofa_deploy.data.encoded import EncodedImages, SkippedImage
from compofa_deploy.data.folder import list_folder
from compofa_deploy.data.splits import LabelledImages, decode, load_splits, open_splits
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


def test_only_what_is_evaluated_on_is_decoded_in_whole(place):
    Image.new("RGB", (30, 17)).save(place / "train" / "red" / "wide.png")
    loaded = load_splits(place, 4, seed=0, side=12)
    assert isinstance(loaded.train, EncodedImages)
    assert loaded.validation.pixels.shape == (4, 12, 12, 3)
    assert loaded.test.pixels.shape == (9, 16, 16, 3)


@pytest.mark.parametrize("ahead", [4, 100])
def test_images_are_decoded_in_their_order(place, monkeypatch, ahead):
    monkeypatch.setattr(encoded_module, "DECODED_AHEAD", ahead)
    images = list_folder(place / "train")
    decoded = decode(images, 16)
    assert np.array_equal(decoded.labels, images.labels)
    for index, pixels in enumerate(decoded.pixels):
        assert np.array_equal(pixels, np.asarray(images.open(index)))


def test_what_is_too_much_for_the_memory_lies_in_a_file_that_leaves_nothing(place, monkeypatch, tmp_path):
    images = list_folder(place / "train")
    expected = decode(images, 12)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(data_module, "MEMORY_BYTES", 1000)
    decoded = decode(images, 12)
    assert isinstance(decoded.pixels, np.memmap)
    assert np.array_equal(decoded.pixels, expected.pixels)
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_one_line(place, monkeypatch):
    def refuse(descriptor, offset, size):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(data_module, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(InputError, match=r"no room for 0\.0 GB of pixels .*; set TMPDIR"):
        decode(list_folder(place / "train"), 12)


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
