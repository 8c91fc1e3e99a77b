"""``compofa models``: what there is, and what is brought along."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.space.architecture import IMAGENET_RESOLUTIONS, Architecture  # noqa: E402
from tests.support.checkpoints import draw_arrays, make_state, save_checkpoint  # noqa: E402
from tests.support.supernets import TINY  # noqa: E402

SMALL = Architecture("mbv3-w0.35-5classes", 0.35, 5, 2, IMAGENET_RESOLUTIONS)


@pytest.fixture
def checkpoint(tmp_path):
    return save_checkpoint(tmp_path / "net.pth", {"state_dict": make_state(draw_arrays(SMALL))})


def test_the_list_names_what_is_published_and_how_to_get_it(compofa):
    listed = compofa("models", "list", "--json").json
    named = {published["file"]: published for published in listed["published"]}
    entry = named["ofa_mbv3_d234_e346_k357_w1.2"]
    assert entry["architecture"] in {a["name"] for a in listed["architectures"]}
    assert entry["url"] in entry["steps"][0]
    assert entry["steps"][-1] in compofa("models", "list").out


def test_an_imported_supernet_can_be_shown_and_exported(compofa, checkpoint, tmp_path):
    output = tmp_path / "net.safetensors"
    ran = compofa("models", "import", checkpoint, "-o", output, "--json")
    assert ran.code == 0
    assert ran.json["architecture"] == SMALL.to_dict()
    assert ran.json["size_bytes"] == output.stat().st_size
    assert "batch-norm statistics are the checkpoint's" in ran.err
    shown = compofa("models", "show", output, "--json").json
    assert shown["digest"] == ran.json["digest"]
    assert shown["accuracy"] == []
    assert "no accuracy table" in compofa("models", "show", output).out
    exported = compofa("export", "23344@128", "--supernet", output, "-o", tmp_path / "bundle", "--json")
    assert exported.code == 0, exported.err
    assert exported.json["accuracy"] is None
    assert "no accuracy table" in exported.err


def test_an_import_says_what_it_found(compofa, checkpoint, tmp_path):
    ran = compofa(
        "models", "import", checkpoint, "-o", tmp_path / "net.safetensors", "--resolutions", "32,48"
    )
    assert "net.safetensors: mbv3-w0.35-5classes-32to48px, 5 classes, 32 to 48 px, " in ran.out


def test_class_names_are_read_from_a_file(compofa, checkpoint, tmp_path):
    (tmp_path / "names.txt").write_text("cat\ndog\n\nhen\nfox\nape\n")
    output = tmp_path / "net.safetensors"
    compofa("models", "import", checkpoint, "-o", output, "--class-names", tmp_path / "names.txt")
    assert compofa("models", "show", output, "--json").json["classes"] == ["cat", "dog", "hen", "fox", "ape"]
    ran = compofa("models", "import", checkpoint, "-o", output, "--class-names", tmp_path / "none.txt")
    assert (ran.code, "there is no such file" in ran.error) == (2, True)


def test_a_checkpoint_that_does_not_fit_is_one_line_that_names_the_tensor(compofa, checkpoint, tmp_path):
    state = make_state(draw_arrays(SMALL))
    first = "blocks.1.mobile_inverted_conv.point_linear.conv.weight"
    state[first] = state[first][:, :-1]
    ran = compofa("models", "import", save_checkpoint(checkpoint, state), "-o", tmp_path / "net.safetensors")
    assert ran.code == 2
    assert f"tensor {first} is" in ran.error
    assert not (tmp_path / "net.safetensors").exists()


def test_the_output_must_be_named_as_a_supernet_is(compofa, checkpoint, tmp_path):
    ran = compofa("models", "import", checkpoint, "-o", tmp_path / "net.pth2")
    assert (ran.code, ran.error) == (
        2, f"Error: {tmp_path}/net.pth2: a supernet's file ends in .safetensors; name it so"
    )  # fmt: skip


def test_an_imported_supernet_is_calibrated_evaluated_and_searched(
    compofa, write_split, tmp_path, rng, table
):
    """What a checkpoint lacks is made by two commands; after them it is a supernet like the one that ships."""
    arrays = draw_arrays(replace(TINY, elastic_kernel=True))
    path = save_checkpoint(tmp_path / "net.pth", make_state(arrays))
    for name, count in (("train", 12), ("test", 5)):
        images = rng.integers(0, 256, (count, 20, 20, 3), dtype=np.uint8)
        write_split(tmp_path / "data" / f"{name}.parquet", images, [i % TINY.classes for i in range(count)])
    net, data = tmp_path / "net.safetensors", tmp_path / "data"
    compofa("models", "import", path, "--resolutions", "16,20", "--stem-stride", "1", "-o", net)
    refused = compofa("evaluate", "--supernet", net, "--data", data, "-o", tmp_path / "net.accuracy.json")
    assert (refused.code, "compofa" in refused.error) == (2, True)
    ran = compofa("models", "calibrate", net, "--data", data, "--resolutions", "16,20", "--validation-images", "4",
                  "--device", "cpu", "--threads", "1", "-o", net, "--json")  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.json["images"] == 8
    assert ran.json["digest"] == compofa("models", "show", net, "--json").json["digest"]
    accuracy = tmp_path / "net.accuracy.json"
    ran = compofa("evaluate", "--supernet", net, "--data", data, "--threads", "1", "-o", accuracy, "--json")
    assert (ran.code, ran.json["subnets"]) == (0, 2 * 243), ran.err
    architecture = compofa("models", "show", net, "--json").json["architecture"]
    replace(table, architecture=architecture).save(tmp_path / "table.json")
    ran = compofa(
        "search", "--supernet", net, "--table", tmp_path / "table.json", "--latency", "1s", "--json"
    )
    assert ran.code == 0, ran.err
