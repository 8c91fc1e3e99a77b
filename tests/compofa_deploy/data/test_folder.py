"""Folders of images: classes by name, everything listed once, and an account of what is passed over."""

import os
import shutil

import numpy as np
import pytest

from compofa_deploy.data.classes import UnlabelledError
from compofa_deploy.data.folder import list_folder
from latency_tables.errors import InputError


def list_passed_over(images):
    return {kind.kind.split(" whose")[0]: (kind.count, kind.first) for kind in images.passed_over}


def test_classes_are_the_folders_in_the_order_of_their_names(place):
    images = list_folder(place / "train")
    assert images.class_names == ("blue", "green", "red")
    assert images.labels.tolist() == sorted(images.labels.tolist())
    for index in range(len(images)):
        colour = np.asarray(images.open(index)).mean((0, 1)).argmax()
        assert ("red", "green", "blue")[colour] == images.class_names[images.labels[index]]


@pytest.fixture
def train(place):
    return place / "train"


def test_folders_of_numbers_are_in_their_natural_order(train):
    for name, number in (("blue", "10"), ("green", "9"), ("red", "2")):
        (train / name).rename(train / number)
    images = list_folder(train)
    assert images.class_names == ("2", "9", "10")
    for index in range(len(images)):
        assert images.sources[index].parent.name == images.class_names[images.labels[index]]
    # The images are in the alphabetical order of the folders, on which it depends which of them are held out.
    assert [path.parent.name for path in images.sources] == ["10"] * 8 + ["2"] * 8 + ["9"] * 8


def test_a_link_to_a_folder_that_is_listed_adds_nothing(train):
    (train / "blue" / "again").symlink_to(train / "blue")
    (train / "red" / "theirs").symlink_to(train / "green")
    (train / "red" / "above").symlink_to(train)
    images = list_folder(train)
    assert len(images) == 24
    assert list_passed_over(images) == {"links to what is listed already": (3, str(train / "blue" / "again"))}


def test_a_real_folder_goes_before_the_links_to_it(train):
    (train / "blue" / "deeper").mkdir()
    for path in list((train / "blue").glob("*.png")):
        path.rename(train / "blue" / "deeper" / path.name)
    (train / "blue" / "a link").symlink_to(train / "blue" / "deeper")
    images = list_folder(train)
    assert len(images) == 24
    assert {path.parent.name for path in images.sources} == {"deeper", "green", "red"}


def test_classes_and_images_that_are_links_to_other_places_are_listed(train, tmp_path):
    (train / "red").rename(tmp_path / "elsewhere")
    (train / "red").symlink_to(tmp_path / "elsewhere")
    picture = next((train / "blue").iterdir())
    picture.rename(tmp_path / "one.png")
    picture.symlink_to(tmp_path / "one.png")
    (train / "blue" / "twice.png").symlink_to(tmp_path / "one.png")
    (train / "blue" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    images = list_folder(train)
    assert np.bincount(images.labels).tolist() == [8, 8, 8]
    assert {kind: count for kind, (count, _) in list_passed_over(images).items()} == {
        "links that lead nowhere": 1, "links to what is listed already": 1
    }  # fmt: skip


def test_hidden_copies_other_files_and_loose_files_are_passed_over_and_counted(train):
    picture = next((train / "blue").iterdir())
    for folder in (train / "blue" / ".ipynb_checkpoints", train / "blue" / "@eaDir", train / "__MACOSX"):
        folder.mkdir()
        shutil.copy(picture, folder / "0-checkpoint.png")
    (train / "green" / "notes.txt").write_text("notes")
    (train / "green" / "._0.png").write_bytes(b"")
    (train / "labels.csv").write_text("a,b\n")
    images = list_folder(train)
    assert len(images) == 24
    assert list_passed_over(images) == {
        "hidden files and folders": (4, str(train / "__MACOSX")),
        "files": (1, str(train / "green" / "notes.txt")),
        "files outside of the classes' folders": (1, str(train / "labels.csv")),
    }


def test_endings_that_a_bundle_reads_are_read_here(train):
    picture = next((train / "blue").iterdir())
    for name in ("a.GIF", "b.ppm", "c.jfif"):
        shutil.copy(picture, train / "blue" / name)
    assert len(list_folder(train)) == 27


def test_hard_links_are_images_of_their_own(train):
    picture = next((train / "blue").iterdir())
    os.link(picture, train / "blue" / "same.png")
    assert len(list_folder(train)) == 25


def test_a_folder_without_classes_has_no_labels(place):
    shutil.copy(next((place / "val" / "red").iterdir()), place / "val" / "0.png")
    for folder in (place / "val").iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    with pytest.raises(UnlabelledError, match="val: has no folders of images; it needs one for each class"):
        list_folder(place / "val")


def test_a_class_without_images_is_refused(train):
    (train / "empty").mkdir()
    with pytest.raises(InputError, match=r"train/empty: has no images \(.jpg"):
        list_folder(train)
