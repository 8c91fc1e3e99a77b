"""``compofa evaluate``, and ``train`` where it cannot begin."""

from dataclasses import replace

import numpy as np
import pytest

from compofa_deploy.accuracy.csv_table import read_stated
from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.supernet.stored import save_supernet
from tests.support.checkpoints import draw_arrays
from tests.support.supernets import TINY

torch = pytest.importorskip("torch")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def data(write_split, tmp_path, rng):
    for name, count in (("train", 12), ("test", 5)):
        images = rng.integers(0, 256, (count, 20, 20, 3), dtype=np.uint8)
        labels = [i % TINY.classes for i in range(count)]
        write_split(tmp_path / "data" / f"{name}.parquet", images, labels)
    return tmp_path / "data"


@pytest.fixture
def trained(tiny, tmp_path):
    """The tiny supernet, as if it had been trained on that data."""
    origin = {"data": "random", "data_settings": {"validation_images": 4, "split_seed": 0}}
    save_supernet(replace(tiny, origin=origin), tmp_path / "trained.safetensors")
    return tmp_path / "trained.safetensors"


def test_a_supernet_is_evaluated(compofa, data, trained, tiny, tmp_path):
    path = tmp_path / "trained.accuracy.json"
    ran = compofa("evaluate", "--supernet", trained, "--data", data, "--resolutions", "16", "--threads", "1",
                  "-o", path, "--json")  # fmt: skip
    assert ran.code == 0
    assert ran.json["subnets"] == 243
    table = AccuracyTable.load(path)
    table.check_supernet(tiny.digest)
    assert table.images == {"validation": 4, "test": 5}
    assert table.made_by.startswith("compofa evaluate --supernet")
    assert table.top5 is not None
    assert ran.json["seconds"] == table.seconds > 0
    assert ran.json["images"] == {"validation": 4, "test": 5}
    assert not path.with_name(f"{path.name}.partial").exists()


def test_images_that_cannot_be_read_are_named_and_left_out(compofa, data, trained, tmp_path):
    path = data / "test.parquet"
    table = parquet.read_table(path)
    rows = table["image"].to_pylist()
    rows[1]["bytes"] = b"words"
    parquet.write_table(table.set_column(0, "image", [rows]), path)
    ran = compofa("evaluate", "--supernet", trained, "--data", data, "--resolutions", "16", "--threads", "1",
                  "-o", tmp_path / "out.json", "--json")  # fmt: skip
    assert (ran.code, ran.json["images"]) == (0, {"validation": 4, "test": 4})
    assert "Warning: skipped: " in ran.err
    assert "test.parquet, row 1: not an image" in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resolutions", "24"], "no batch-norm statistics at 24 px; there are 16, 20"),
        (["--data", "none"], "needs train.parquet and test.parquet"),
        (["--supernet", "none.safetensors"], "none.safetensors: there is no such file"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(compofa, data, trained, tmp_path, arguments, message):
    given = {"--supernet": trained, "--data": data, "-o": tmp_path / "out.json"}
    given.update(zip(arguments[::2], arguments[1::2], strict=True))
    ran = compofa("evaluate", *(word for pair in given.items() for word in pair))
    assert ran.code == 2
    assert message in ran.error
    assert not (tmp_path / "out.json").exists()


@pytest.fixture
def elastic(tiny, tmp_path):
    """One with elastic kernels, as it comes from an import, and trained on that data."""
    architecture = replace(TINY, name="tiny-elastic", elastic_kernel=True)
    origin = {"data_settings": {"validation_images": 4, "split_seed": 0}}
    made = replace(
        tiny, architecture=architecture, arrays=draw_arrays(architecture), statistics=None, origin=origin
    )
    save_supernet(made, tmp_path / "elastic.safetensors")
    return tmp_path / "elastic.safetensors"


def test_random_subnets_of_a_large_space_are_written_for_a_predictor(compofa, data, elastic, tmp_path):
    path = tmp_path / "ofa.csv"
    ran = compofa("evaluate", "--supernet", elastic, "--data", data, "--space", "ofa", "--subnets", 3,
                  "--calibration-images", 6, "--device", "cpu", "--threads", 1, "-o", path, "--json")  # fmt: skip
    assert ran.code == 0
    assert (ran.json["subnets"], ran.json["images"], ran.json["mean_validation_top5"]) == (3, 4, 100)
    stated = read_stated(path)
    assert len(stated.subnets) == 3
    assert ran.json["best_validation"] == pytest.approx(stated.top1.max())
    assert not list(tmp_path.glob("*.partial*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "out.json"], "out.json: accuracies of a sample are a .csv"),
        (["-o", "out.csv", "--runtime", "fake"], "--space ofa is evaluated in torch; leave --runtime out"),
        (
            ["-o", "out.csv"],
            "tiny has no subnets of the space ofa: these need elastic kernels of family mbv3",
        ),
    ],
)
def test_a_sample_that_cannot_be_is_refused(compofa, data, trained, arguments, message):
    ran = compofa("evaluate", "--supernet", trained, "--data", data, "--space", "ofa", *arguments)
    assert ran.code == 2
    assert message in ran.error


def test_a_gpu_that_is_not_there_is_refused(compofa, data, trained, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    ran = compofa("evaluate", "--supernet", trained, "--data", data, "--device", "cuda", "-o", tmp_path / "o")
    assert ran.code == 2
    assert "there is no GPU 0: torch sees 0 here; use --device cpu" in ran.error


def test_classes_that_do_not_match_are_refused(compofa, data, trained, write_split, rng, tmp_path):
    images = rng.integers(0, 256, (9, 20, 20, 3), dtype=np.uint8)
    write_split(data / "train.parquet", images, [i % 3 for i in range(9)], ["cat", "dog", "frog"])
    write_split(data / "test.parquet", images, [i % 3 for i in range(9)], ["cat", "dog", "frog"])
    ran = compofa("evaluate", "--supernet", trained, "--data", data, "-o", tmp_path / "o")
    assert ran.code == 2
    assert "the images are of 3 classes (cat, dog, frog), and tiny tells 4 classes" in ran.error


def test_a_supernet_that_does_not_say_what_it_was_trained_on_is_refused(
    compofa, data, supernet_file, tmp_path
):
    ran = compofa("evaluate", "--supernet", supernet_file, "--data", data, "-o", tmp_path / "out.json")
    assert ran.code == 2
    assert "does not say which images were held out of its training" in ran.error


def test_more_validation_images_than_there_are_is_bad_input(compofa, data, tiny, tmp_path):
    origin = {"data_settings": {"validation_images": 40, "split_seed": 0}}
    save_supernet(replace(tiny, origin=origin), tmp_path / "odd.safetensors")
    ran = compofa(
        "evaluate", "--supernet", tmp_path / "odd.safetensors", "--data", data, "-o", tmp_path / "o"
    )
    assert ran.code == 2
    assert "cannot be held out" in ran.error


@pytest.mark.parametrize(
    "settings", [{}, {"validation_images": 4}, {"validation_images": "4", "split_seed": 0}, 5]
)
def test_data_settings_that_are_none_are_bad_input(compofa, data, tiny, tmp_path, settings):
    save_supernet(replace(tiny, origin={"data_settings": settings}), tmp_path / "odd.safetensors")
    ran = compofa(
        "evaluate", "--supernet", tmp_path / "odd.safetensors", "--data", data, "-o", tmp_path / "o"
    )
    assert ran.code == 2
    assert "held out" in ran.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "none"], "none"),
        (["--recipe", "none.toml"], "none.toml"),
        (["--recipe", "compofa-cifar10", "--data", "none"], "needs train.parquet"),
    ],
)
def test_a_training_that_cannot_begin_is_one_line(compofa, data, tmp_path, arguments, message):
    ran = compofa("train", "--data", data, *arguments, "-o", tmp_path / "run")
    assert ran.code == 2
    assert message in ran.error
