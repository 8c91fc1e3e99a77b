"""``compofa train``: from a folder of images to a supernet that deploys, and one line for each thing that is wrong."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.accuracy.table import AccuracyTable  # noqa: E402
from compofa_deploy.supernet.stored import load_supernet  # noqa: E402
from tests.compofa_deploy.training.builders import ARCHITECTURE, CLASSES, make_images  # noqa: E402

RECIPE = """
name = "mine"
calibration_images = 8
[architecture]
name = "tiny"
width = 0.25
classes = 3
stem_stride = 1
resolutions = [12]
elastic_kernel = false
[data]
validation_images = 6
mean = [0.5, 0.5, 0.5]
std = [0.25, 0.25, 0.25]
[[phases]]
name = "teacher"
subnets = "largest"
epochs = 1
batch = 6
lr = 0.05
resolutions = [12]
[[phases]]
name = "all"
subnets = "compofa"
epochs = 1
batch = 6
lr = 0.05
resolutions = [12]
distillation = 1.0
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def data(tmp_path, write_split):
    for split, count in (("train", 30), ("test", 9)):
        images = make_images(count)
        write_split(tmp_path / "images" / f"{split}.parquet", images.pixels, images.labels.tolist(), CLASSES)
    return tmp_path / "images"


@pytest.fixture
def train(compofa, recipe, data, tmp_path):
    def run(*more, recipe=recipe, output="run"):
        return compofa(
            "train", "--recipe", recipe, "--data", data, "-o", tmp_path / output, "--device", "cpu", *more
        )

    return run


@pytest.mark.slow
def test_a_folder_of_images_becomes_a_supernet_with_accuracies_and_a_front(train, tmp_path):
    ran = train("--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    supernet = load_supernet(found["supernet"])
    assert supernet.architecture == replace(ARCHITECTURE, resolutions=(12,))
    assert supernet.origin["unreadable_images"] == 0
    table = AccuracyTable.load(tmp_path / "run" / "supernet.accuracy.json")
    table.check_supernet(supernet.digest)
    assert table.images == {"validation": 6, "test": 9}
    assert (tmp_path / "run" / "front.svg").read_bytes().startswith(b"<?xml")
    assert not list((tmp_path / "run").glob("*.partial*"))

    other = train("--teacher", tmp_path / "run" / "teacher.safetensors", "--no-evaluate", output="other")
    assert other.code == 0, other.err
    assert "going on from step 4 of 8" in other.err
    assert load_supernet(tmp_path / "other" / "supernet.safetensors").digest == supernet.digest, (
        "its own teacher makes the same supernet"
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_named(train):
    assert "there is no GPU 0: torch sees 0 here; use --device cpu" in train("--device", "cuda").error


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("sed=1", "sed: there is no such key; did you mean 'seed'?"),
        ("phases.all.epohcs=1", "phases.1.epohcs: there is no such key; did you mean 'epochs'?"),
        (
            "phases.*.batch=100",
            "phase 'teacher': a batch of 100 is more than the 24 training images; lower batch",
        ),
        ("data.validation_images=30", "30 validation images cannot be held out of 30"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_one_line(train, change, complaint):
    ran = train("--set", change)
    assert ran.code == 2
    assert complaint in ran.error


def test_classes_that_do_not_match_say_how_to_make_them(train):
    error = train("--set", "architecture.classes=4").error
    assert re.search(
        r"images: has 3 classes, and tiny has 4; choose another recipe, or give --set architecture.classes=3",
        error,
    )


def test_a_folder_without_images_says_what_it_needs(compofa, recipe, tmp_path):
    (tmp_path / "empty").mkdir()
    ran = compofa("train", "--recipe", recipe, "--data", tmp_path / "empty", "-o", tmp_path / "run")
    assert ran.code == 2
    assert "empty: needs train.parquet and test.parquet" in ran.error


def test_a_checkpoint_of_another_architecture_is_refused(train, recipe):
    from compofa_deploy.training.checkpoint import NAME, write_checkpoint
    from compofa_deploy.training.recipe_file import load_recipe

    run = recipe.parent / "run"
    run.mkdir()
    other = load_recipe(str(recipe), ["architecture.width=0.5", "architecture.name=wide"])
    write_checkpoint(run / NAME, other, 24, {"phase": 0, "step": 0})
    ran = train()
    assert ran.code == 2
    assert (
        "is of architecture wide, and the recipe trains tiny (they differ in width); give another folder"
        in ran.error
    )


def test_a_teacher_must_fit(train, supernet_file, recipe):
    assert (
        "is of architecture tiny, and the recipe trains tiny; give a teacher of the same"
        in train("--teacher", supernet_file).error
    )
    alone = recipe.with_name("alone.toml")
    alone.write_text(
        RECIPE.replace('subnets = "largest"', 'subnets = "compofa"').replace("distillation = 1.0", "")
    )
    assert (
        "recipe mine does not begin with a teacher" in train("--teacher", supernet_file, recipe=alone).error
    )


def test_unreadable_images_are_named_and_counted(train, data, tmp_path):
    import pyarrow
    import pyarrow.parquet as parquet

    table = parquet.read_table(data / "train.parquet")
    rows = table["image"].to_pylist()
    rows[4]["bytes"] = b"words"
    broken = pyarrow.table({"image": rows, "label": table["label"]}, schema=table.schema)
    parquet.write_table(broken, data / "train.parquet")
    ran = train("--set", "phases.*.epochs=0.1", "--set", "calibration_images=2", "--no-evaluate")
    assert ran.code == 0, ran.err
    assert "train.parquet, row 4: not an image that can be read" in ran.err
    assert load_supernet(tmp_path / "run" / "supernet.safetensors").origin["unreadable_images"] == 1
    assert np.isfinite(
        load_supernet(tmp_path / "run" / "supernet.safetensors").arrays["classifier.bias"]
    ).all()
