"""Parquet files: read in the forms that the hub has, and refused by column where they are not what they must be."""

import json

import numpy as np
import pytest

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

from compofa_deploy.data.classes import UnlabelledError  # noqa: E402
from compofa_deploy.data.decode import hold  # noqa: E402
from compofa_deploy.data.encoded import EncodedImages  # noqa: E402
from compofa_deploy.data.parquet import read_parquet  # noqa: E402
from latency_tables.errors import FormatError, InputError  # noqa: E402
from tests.conftest import encode_png  # noqa: E402


def load_parquet(path):
    return hold(read_parquet([path]))


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
        {"image": [{"bytes": None}], "label": [0]},
        {"image": [None], "label": [0]},
        {"image": [{"bytes": b""}], "label": [None]},
    ],
    ids=["no image", "no label", "no bytes", "null bytes", "null image", "null label"],
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


def write_table(path, labels, images=None, names=None):
    encoded = [encode_png(np.full((8, 8, 3), number, np.uint8)) for number in range(len(labels))]
    table = pyarrow.table({"image": encoded if images is None else images, "label": labels})
    if names is not None:
        table = table.replace_schema_metadata({"class_names": json.dumps(names)})
    parquet.write_table(table, path)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "it.parquet"


def test_images_may_be_plain_bytes(path):
    split = load_parquet(write_table(path, [0, 1, 2]))
    assert split.pixels[:, 0, 0, 0].tolist() == [0, 1, 2]


def test_labels_may_be_names(path):
    split = load_parquet(write_table(path, ["dog", "cat", "dog"]))
    assert (split.class_names, split.labels.tolist()) == (("cat", "dog"), [1, 0, 1])
    split = load_parquet(write_table(path, ["10", "9", "10"]))
    assert (split.class_names, split.labels.tolist()) == (("9", "10"), [1, 0, 1])
    split = load_parquet(write_table(path, ["dog", "cat"], names=["dog", "emu", "cat"]))
    assert (split.class_names, split.labels.tolist()) == (("dog", "emu", "cat"), [0, 2])
    dictionary = pyarrow.array(["b", "a"]).dictionary_encode()
    assert load_parquet(write_table(path, dictionary)).labels.tolist() == [1, 0]


def test_a_name_that_is_no_class_is_refused_by_its_row(path):
    with pytest.raises(FormatError, match=r"row 1 has label 'yak'; is none of the 2 classes \(cat, dog"):
        load_parquet(write_table(path, ["dog", "yak"], names=["cat", "dog"]))


@pytest.mark.parametrize("labels", [[-1, -1, -1], [None, None, None], [-1, None, -1]])
def test_a_split_without_any_label_says_so(path, labels):
    with pytest.raises(UnlabelledError, match=r"it\.parquet: no image has a label"):
        read_parquet([write_table(path, pyarrow.array(labels, pyarrow.int64()))])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.7, 1.0, 2.0], r"column label: must hold whole numbers or the names of classes, not 0\.7"),
        ([True, False, True], r"column label: must hold whole numbers .*, not True"),
        ([[1], [2], [3]], r"column label: must hold whole numbers .*, not \[1\]"),
        ([0, -1, 1], "row 1 has label -1; labels must lie in 0 to 1"),
        ([0, None, 1], "row 1 has label None; labels must lie in 0 to 1"),
        ([0, 10**12, 1], "has label 1000000000000; number the classes from 0 on"),
    ],
)
def test_unusable_labels_are_refused(path, labels, message):
    with pytest.raises(FormatError, match=message):
        read_parquet([write_table(path, labels)])


@pytest.mark.parametrize(
    ("images", "found"),
    [([1, 2], "not 1"), (["a.png", "b.png"], r"not 'a\.png'"), ([{"path": "a.png"}] * 2, "not a struct of path"),
     ([None, None], "not nothing")],
)  # fmt: skip
def test_a_column_without_images_is_named_with_what_it_must_hold(path, images, found):
    with pytest.raises(
        FormatError, match=f"column image, row 0: must hold an encoded image as bytes.*{found}"
    ):
        read_parquet([write_table(path, [0, 1], images)])


def test_a_pointer_of_git_lfs_is_named_with_the_command_that_fetches_the_data(path):
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    with pytest.raises(
        FormatError, match=r"it\.parquet: is a pointer of Git LFS .*; fetch it with git lfs pull"
    ):
        read_parquet([path])


def test_a_class_that_is_named_twice_is_refused(path):
    with pytest.raises(FormatError, match="class_names has 'cat' twice"):
        read_parquet([write_table(path, [0, 1], names=["cat", "cat"])])


def test_classes_that_nothing_names_are_those_of_the_training_split(path):
    assert read_parquet([write_table(path, [0, 1])], ("cat", "dog", "emu")).class_names == (
        "cat",
        "dog",
        "emu",
    )
