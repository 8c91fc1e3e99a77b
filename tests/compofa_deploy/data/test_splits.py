"""Splits: the same images are held out each time, and the split for reporting is one that has labels."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

from compofa_deploy.data.encoded import EncodedImages, SkippedImage  # noqa: E402
from compofa_deploy.data.labelled import DecodedImages, LabelledImages  # noqa: E402
from compofa_deploy.data.splits import load_splits, open_splits  # noqa: E402
from latency_tables.errors import InputError  # noqa: E402
from tests.conftest import encode_png  # noqa: E402


def test_small_images_of_one_square_size_are_decoded_once(place):
    splits = open_splits(place, 4, seed=0)
    assert isinstance(splits.train, LabelledImages)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (20, 4, 9)
    assert splits.train.pixels.shape == (20, 16, 16, 3)


def test_only_the_images_for_evaluation_are_decoded_in_whole(place):
    Image.new("RGB", (30, 17)).save(place / "train" / "red" / "wide.png")
    loaded = load_splits(place, 4, seed=0)
    assert isinstance(loaded.train, EncodedImages)
    assert isinstance(loaded.validation, DecodedImages)
    assert loaded.validation.resize(12).shape == (4, 12, 12, 3)
    assert isinstance(loaded.test, LabelledImages)


def test_training_on_fewer_images_keeps_the_held_out_images(place):
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


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda place: shutil.rmtree(place / "val"), "needs train.parquet and test.parquet .*the folders"),
        (lambda place: shutil.rmtree(place / "val" / "red"), r"train and val differ in their classes \(red\)"),
        (lambda place: [shutil.rmtree(c) for c in (place / "train").iterdir()], "train: has no folders of images"),
        (lambda place: [f.write_bytes(b"") for f in (place / "val").glob("*/*")], "not an image that can be read"),
    ],
    ids=["no val", "a class less", "no classes", "nothing readable"],
)  # fmt: skip
def test_a_folder_that_cannot_be_trained_on_is_one_line(place, spoil, complaint):
    spoil(place)
    with pytest.raises(InputError, match=complaint) as caught:
        open_splits(place, 4, seed=0)
    assert "\n" not in str(caught.value)


def test_a_set_as_the_hub_has_it_is_read(tmp_path, images):
    """Several files in a folder data, a column img, and the names of the classes in the hub's own metadata."""
    features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    (tmp_path / "data").mkdir()
    for name, part in (("train-00000-of-00002", 0), ("train-00001-of-00002", 1), ("test-00000-of-00001", 0)):
        rows = [{"bytes": encode_png(image), "path": None} for image in images[10 * part : 10 * part + 10]]
        table = pyarrow.table({"img": rows, "label": [0, 1] * 5}).replace_schema_metadata(metadata)
        parquet.write_table(table, tmp_path / "data" / f"{name}.parquet")
    splits = open_splits(tmp_path, 4, seed=0)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (16, 4, 10)
    assert splits.train.class_names == ("cat", "dog")
    assert {image.tobytes() for image in splits.train.pixels} < {image.tobytes() for image in images}


@pytest.fixture
def folder(tmp_path, write_split, images):
    names = json.loads('["cat", "dog"]')
    write_split(tmp_path / "data" / "train.parquet", images, [0, 1] * 10, names)
    write_split(tmp_path / "data" / "test.parquet", images[:6], [0, 1] * 3, names)
    return tmp_path / "data"


def test_validation_images_are_held_out_the_same_way_each_time(folder, images):
    splits = [load_splits(folder, 5, seed=3) for _ in range(2)]
    assert [len(part) for part in (splits[0].train, splits[0].validation, splits[0].test)] == [15, 5, 6]
    assert np.array_equal(splits[0].validation.pixels, splits[1].validation.pixels)
    together = np.concatenate([splits[0].train.pixels, splits[0].validation.pixels])
    assert {image.tobytes() for image in together} == {image.tobytes() for image in images}


def test_another_seed_holds_out_other_images(folder):
    one, other = (load_splits(folder, 5, seed=seed).validation.pixels for seed in (0, 1))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("count", [0, 20, 21, -1])
def test_more_or_fewer_validation_images_than_there_can_be_are_refused(folder, count):
    with pytest.raises(InputError, match="cannot be held out of 20"):
        load_splits(folder, count, seed=0)


def test_a_folder_may_call_its_test_split_val(folder):
    (folder / "test.parquet").rename(folder / "val.parquet")
    assert len(load_splits(folder, 5, seed=0).test) == 6


@pytest.mark.parametrize("missing", ["train.parquet", "test.parquet"])
def test_a_folder_without_a_split_says_which_files_it_needs(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(InputError, match=r"needs train\.parquet and test\.parquet"):
        load_splits(folder, 5, seed=0)


def test_a_test_split_without_labels_is_passed_over_for_the_next_one_and_said(place):
    (place / "test").mkdir()
    shutil.copy(next((place / "val" / "red").iterdir()), place / "test" / "0001.png")
    splits = open_splits(place, 4, seed=0)
    assert len(splits.test) == 9
    assert [account.describe() for account in splits.accounts] == [
        "train: 24 images of 3 classes",
        "val: 9 images of 3 classes; test has no labels, so val is used",
    ]
    shutil.rmtree(place / "val")
    with pytest.raises(
        InputError, match=r"test: has no folders of images.*; give --test-split the name of a split"
    ):
        open_splits(place, 4, seed=0)


def test_labels_of_minus_one_are_none(folder, write_split, images):
    write_split(folder / "validation.parquet", images[:5], [0, 1, 0, 1, 0], ["cat", "dog"])
    write_split(folder / "test.parquet", images[:6], [-1] * 6, ["cat", "dog"])
    splits = load_splits(folder, 5, seed=3)
    assert len(splits.test) == 5
    assert [account.describe() for account in splits.accounts] == [
        "train: 20 images of 2 classes",
        "validation: 5 images of 2 classes; test has no labels, so validation is used",
    ]


def test_a_test_split_may_be_named(place):
    shutil.copytree(place / "val", place / "other")
    next((place / "other" / "red").iterdir()).unlink()
    assert len(open_splits(place, 4, seed=0, test_split="other").test) == 8
    with pytest.raises(InputError, match="has no split tests beside train; give --test-split"):
        open_splits(place, 4, seed=0, test_split="tests")


def test_train_and_test_are_matched_by_name(folder, write_split, images):
    write_split(folder / "test.parquet", images[:6], [0, 0, 0, 1, 1, 1], ["dog", "cat"])
    splits = open_splits(folder, 5, seed=3)
    assert splits.test.class_names == ("cat", "dog")
    assert splits.test.labels.tolist() == [1, 1, 1, 0, 0, 0]


def test_a_test_split_that_lacks_the_last_class_has_those_of_the_training_set(tmp_path, write_split, images):
    write_split(tmp_path / "train.parquet", images, [0, 1, 2, 3] * 5)
    write_split(tmp_path / "test.parquet", images[:4], [0, 1, 2, 0])
    assert open_splits(tmp_path, 4, seed=0).test.class_names == ("0", "1", "2", "3")


def test_the_account_says_what_was_passed_over(place):
    (place / "train" / "red" / "notes.txt").write_text("notes")
    (place / "train" / "red" / ".cache").mkdir()
    assert open_splits(place, 4, seed=0).accounts[0].describe() == (
        "train: 24 images of 3 classes; passed over files whose names end in none of .jpg .jpeg .jfif .png .webp .bmp "
        f".tif .tiff .gif .ppm .pgm: 1 (first: {place}/train/red/notes.txt), hidden files and folders: 1 "
        f"(first: {place}/train/red/.cache)"
    )
