"""``compofa models``: what there is, and what is brought along."""

import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.architecture import IMAGENET_RESOLUTIONS, Architecture  # noqa: E402
from tests.support.checkpoints import draw_arrays, make_state, save_checkpoint  # noqa: E402

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
    assert (ran.code, "cannot be read as text" in ran.error) == (2, True)


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
