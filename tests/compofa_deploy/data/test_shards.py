"""The shards of a split are found where the hub puts them, and must be complete."""

import pytest

from compofa_deploy.data.shards import find_parquet
from latency_tables.errors import InputError


def make_files(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def list_names(folder, split="train"):
    return [str(path.relative_to(folder)) for path in find_parquet(folder, split)]


@pytest.mark.parametrize("place", ["", "data/", "plain_text/", "another/"])
def test_one_file_or_all_shards_are_found_in_the_folder_or_in_one_below(tmp_path, place):
    make_files(
        tmp_path,
        f"{place}test.parquet",
        f"{place}train-00001-of-00002.parquet",
        f"{place}train-00000-of-00002.parquet",
    )
    assert list_names(tmp_path, "test") == [f"{place}test.parquet"]
    assert list_names(tmp_path) == [f"{place}train-0000{i}-of-00002.parquet" for i in range(2)]
    assert list_names(tmp_path, "validation") == []


def test_a_hash_behind_the_numbers_is_part_of_a_shards_name(tmp_path):
    make_files(tmp_path, "train-00000-of-00001-a09b74b3ef9c3b56.parquet")
    assert list_names(tmp_path) == ["train-00000-of-00001-a09b74b3ef9c3b56.parquet"]


def test_other_splits_other_files_and_hidden_folders_are_none(tmp_path):
    make_files(tmp_path, "training.parquet", "train-notes.parquet", "train.txt", ".cache/train.parquet")
    assert list_names(tmp_path) == []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train-00000-of-00003.parquet", "train-00002-of-00003.parquet"], "the split train lacks shard 1 of 3"),
        (["train-00000-of-00001.parquet", "train-00000-of-00001-ab.parquet"], "are one shard; keep one of them"),
        (["train-00000-of-00001.parquet", "train-00000-of-00002.parquet", "train-00001-of-00002.parquet"],
         "are of different numbers of shards"),
        (["train-00000-of-00001.parquet", "train-00001-of-00001.parquet"], "the split train has more than 1 shards"),
        (["train.parquet", "train-00000-of-00001.parquet"], "the split train is there twice, as"),
        (["train.parquet", "data/train.parquet"], r"is there twice, as .*train\.parquet and .*data/train\.parquet"),
    ],
)  # fmt: skip
def test_a_shard_that_is_missing_or_there_twice_is_refused(tmp_path, names, message):
    make_files(tmp_path, *names)
    with pytest.raises(InputError, match=message):
        find_parquet(tmp_path, "train")
