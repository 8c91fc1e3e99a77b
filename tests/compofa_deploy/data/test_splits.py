"""Data sets: read from Parquet, split the same way each time, and refused where they are not what they must be."""

import json

import numpy as np
import pytest

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

from compofa_deploy.data.encoded import EncodedImages  # noqa: E402
from compofa_deploy.data.parquet import read_parquet  # noqa: E402
from compofa_deploy.data.splits import LabelledImages, hold, load_splits, open_splits  # noqa: E402
from latency_tables.errors import FormatError, InputError  # noqa: E402
from tests.conftest import encode_png  # noqa: E402


def load_parquet(path):
    return hold(read_parquet([path]))


@pytest.fixture
def images(rng):
    return list(rng.integers(0, 256, (20, 8, 8, 3), dtype=np.uint8))


def test_a_split_is_read_as_it_was_written(tmp_path, write_split, images):
    labels = [i % 3 for i in range(20)]
    path = write_split(tmp_path / "train.parquet", images, labels, ["cat", "dog", "frog"])
    split = load_parquet(path)
    assert len(split) == 20
    assert np.array_equal(split.pixels, images)
    assert split.labels.tolist() == labels
    assert split.class_names == ("cat", "dog", "frog")


def test_classes_without_names_are_numbered(tmp_path, write_split, images):
    split = load_parquet(write_split(tmp_path / "train.parquet", images, [0, 4] * 10))
    assert split.class_names == ("0", "1", "2", "3", "4")


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_outside_the_named_classes_is_refused(tmp_path, write_split, images, label):
    path = write_split(tmp_path / "train.parquet", images, [0] * 19 + [label], ["cat", "dog", "frog"])
    with pytest.raises(FormatError, match="labels must lie in 0 to 2"):
        load_parquet(path)


def test_images_of_different_or_oblong_sizes_stay_encoded(tmp_path, write_split, images):
    mixed = [*images[:2], np.zeros((9, 9, 3), np.uint8)]
    assert isinstance(load_parquet(write_split(tmp_path / "mixed.parquet", mixed, [0, 1, 0])), EncodedImages)
    oblong = write_split(tmp_path / "oblong.parquet", [np.zeros((8, 9, 3), np.uint8)], [0])
    assert isinstance(load_parquet(oblong), EncodedImages)


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


def test_parts_that_name_other_classes_are_refused(tmp_path, write_split, images):
    parts = [
        write_split(tmp_path / f"train-0000{i}-of-00002.parquet", images[:4], [0] * 4, [name])
        for i, name in enumerate(("cat", "dog"))
    ]
    with pytest.raises(FormatError, match="the parts of a split differ in class_names"):
        read_parquet(parts)


def test_a_split_without_rows_is_refused(tmp_path):
    image = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    schema = pyarrow.schema([("image", image), ("label", pyarrow.int64())])
    parquet.write_table(schema.empty_table(), tmp_path / "empty.parquet")
    with pytest.raises(FormatError, match=r"empty\.parquet"):
        load_parquet(tmp_path / "empty.parquet")


def test_a_row_that_holds_no_image_is_named(tmp_path):
    table = pyarrow.table({"image": [{"bytes": b"words", "path": "0.png"}], "label": [0]})
    parquet.write_table(table, tmp_path / "bad.parquet")
    with pytest.raises(InputError, match=r"bad\.parquet, row 0: not an image"):
        load_parquet(tmp_path / "bad.parquet")


@pytest.mark.parametrize(
    "columns",
    [
        {"picture": [1], "label": [0]},
        {"image": [{"bytes": b""}]},
        {"image": [{"path": "0.png"}], "label": [0]},
        {"image": [b"plain"], "label": [0]},
        {"image": [{"bytes": b""}], "label": ["cat"]},
        {"image": [{"bytes": None}], "label": [0]},
        {"image": [None], "label": [0]},
        {"image": [{"bytes": b""}], "label": [None]},
    ],
    ids=["no image", "no label", "no bytes", "no struct", "word", "null bytes", "null image", "null label"],
)
def test_other_columns_are_refused(tmp_path, columns):
    parquet.write_table(pyarrow.table(columns), tmp_path / "other.parquet")
    with pytest.raises(InputError, match=r"other\.parquet"):
        load_parquet(tmp_path / "other.parquet")


@pytest.mark.parametrize("names", ["words", 5, {"a": 1}])
def test_class_names_that_are_no_list_are_refused(tmp_path, images, write_split, names):
    path = write_split(tmp_path / "train.parquet", images, [0] * 20, names)
    with pytest.raises(FormatError, match="class_names"):
        load_parquet(path)


def test_a_file_that_is_missing_no_parquet_or_cut_off_is_one_line(tmp_path, write_split, images):
    with pytest.raises(InputError, match="there is no such file"):
        load_parquet(tmp_path / "none.parquet")
    whole = write_split(tmp_path / "whole.parquet", images, [0] * 20).read_bytes()
    for name, data in (("words.parquet", b"words"), ("cut.parquet", whole[: len(whole) // 2])):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(FormatError, match=name) as caught:
            load_parquet(tmp_path / name)
        assert "\n" not in str(caught.value)


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


def test_images_are_resized_as_in_a_bundle_and_left_alone_at_their_own_size(images):
    split = LabelledImages(np.stack(images), np.zeros(20, np.int64), ("cat",))
    assert split.resize(8) is split.pixels
    assert split.resize(6).shape == (20, 6, 6, 3)
