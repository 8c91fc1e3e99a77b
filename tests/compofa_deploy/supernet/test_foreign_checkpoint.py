"""A foreign file becomes arrays or a one-line error, and nothing in it runs."""

import os
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.supernet.foreign_checkpoint import read_checkpoint  # noqa: E402
from latency_tables.errors import FormatError, InputError  # noqa: E402
from tests.support.checkpoints import save_checkpoint  # noqa: E402

LEGACY = pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
STATE = {
    "first.weight": torch.arange(600, dtype=torch.float32).view(20, 30),
    "first.bn.num_batches_tracked": torch.tensor(7),
    "second.bias": torch.ones(3, dtype=torch.float16),
}


@LEGACY
@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"state_dict": STATE},
        {"state_dict": STATE, "epoch": 3, "best_acc": np.float64(76.5), "optimizer": {"lr": 0.1}},
        {"state_dict": {f"module.{name}": value for name, value in STATE.items()}},
    ],
    ids=["bare", "in state_dict", "of a training run", "of data-parallel training"],
)
def test_the_tensors_come_back_as_float32_in_the_order_of_the_file(tmp_path, content, legacy):
    arrays = read_checkpoint(save_checkpoint(tmp_path / "net.pth", content, legacy=legacy)).arrays
    assert list(arrays) == ["first.weight", "second.bias"]
    assert all(array.dtype == np.float32 for array in arrays.values())
    np.testing.assert_array_equal(arrays["first.weight"], STATE["first.weight"].numpy())


class Trap:
    """Unpickled with trust, it makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@LEGACY
def test_a_checkpoint_that_wants_to_execute_code_is_refused_and_does_not(tmp_path, legacy):
    sprung = tmp_path / "sprung"
    path = save_checkpoint(tmp_path / "trap.pth", {"state_dict": STATE, "x": Trap(sprung)}, legacy=legacy)
    with pytest.raises(FormatError, match=r"trap\.pth: asks for \w+\.mkdir; .* nothing of it was executed"):
        read_checkpoint(path)
    assert not sprung.exists()
    torch.load(path, weights_only=False)
    assert sprung.exists(), (
        "the trap works where a file is trusted, so that it was not sprung means something"
    )


@pytest.mark.parametrize("protocol", range(6))
def test_a_bare_pickle_that_wants_to_execute_code_is_refused_and_does_not(tmp_path, protocol):
    path = tmp_path / "trap.pkl"
    path.write_bytes(pickle.dumps(Trap(tmp_path / "sprung"), protocol))
    with pytest.raises(FormatError, match="nothing of it was executed"):
        read_checkpoint(path)
    assert not (tmp_path / "sprung").exists()


@LEGACY
@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.7, 0.999])
def test_a_truncated_checkpoint_is_refused_in_one_line(tmp_path, legacy, share):
    whole = save_checkpoint(tmp_path / "whole.pth", STATE, legacy=legacy).read_bytes()
    (tmp_path / "short.pth").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(FormatError, match=r"short\.pth: .*cut off") as refused:
        read_checkpoint(tmp_path / "short.pth")
    assert "\n" not in str(refused.value)
    assert "weights_only" not in str(refused.value), "torch's text says how to execute the file"


def wrap(prefix):
    return {f"{prefix}{name}": value for name, value in STATE.items()}


@pytest.mark.parametrize(
    "content",
    [
        wrap("_orig_mod."),
        wrap("module.module."),
        wrap("module._orig_mod."),
        wrap("_orig_mod.module."),
        {name.replace("first.", "first._orig_mod."): value for name, value in STATE.items()},
        {
            **STATE,
            "total_ops": torch.tensor(3.0),
            "first.total_params": torch.tensor(5.0, dtype=torch.float64),
        },
        {**wrap("module."), "n_averaged": torch.tensor(4)},
        {"model": STATE},
        {"net": wrap("module.")},
        {"state_dict_ema": STATE, "epoch": 3},
        {"ema": {"module": STATE, "decay": 0.999}},
        {"model": {"state_dict": STATE}},
    ],
)
def test_names_of_wrappers_counters_and_usual_entries_are_no_hindrance(tmp_path, content):
    checkpoint = read_checkpoint(save_checkpoint(tmp_path / "net.pth", content))
    assert list(checkpoint.arrays) == ["first.weight", "second.bias"]
    assert checkpoint.others == ()


def test_of_several_entries_the_usual_one_is_taken_and_the_others_are_named(tmp_path):
    averaged = {name: value + 1 for name, value in STATE.items()}
    path = save_checkpoint(tmp_path / "net.pth", {"state_dict_ema": averaged, "model": STATE})
    taken = read_checkpoint(path)
    assert (taken.entry, taken.others) == ("model", ("state_dict_ema",))
    other = read_checkpoint(path, "state_dict_ema")
    assert (other.entry, other.others) == ("state_dict_ema", ("model",))
    np.testing.assert_array_equal(other.arrays["second.bias"], taken.arrays["second.bias"] + 1)
    with pytest.raises(
        InputError, match=r"no weights under 'ema'; entries with weights: model, state_dict_ema"
    ):
        read_checkpoint(path, "ema")


def test_two_names_that_a_wrapper_alone_tells_apart_are_refused(tmp_path):
    path = save_checkpoint(tmp_path / "net.pth", {**STATE, **wrap("_orig_mod.")})
    with pytest.raises(FormatError, match=r"first\.weight is there twice"):
        read_checkpoint(path)


def test_a_config_in_place_of_weights_is_named_for_what_it_is(tmp_path):
    (tmp_path / "net.config").write_text('{"name": "MobileNetV3", "blocks": []}')
    with pytest.raises(FormatError, match=r"is JSON and holds no weights; .* read by compofa export"):
        read_checkpoint(tmp_path / "net.config")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds a list, not a state dict"),
        ({}, "holds no tensors"),
        ({"state_dict": 5}, "holds a int, not a state dict"),
        ({"a": torch.ones(2), "b": "text"}, "'b' is a str, not a tensor"),
        ({3: torch.ones(2)}, "3 is a Tensor"),
        ({"a": torch.ones(2, dtype=torch.int64)}, "tensor a is torch.int64"),
        ({"a": torch.ones(2), "b": torch.tensor([1.0, float("nan")])}, "tensor b holds numbers that are not"),
        ({"a": torch.ones(2).to_sparse()}, "tensor a is .*; weights are dense"),
    ],
)
def test_what_is_no_state_dict_of_numbers_is_named(tmp_path, content, message):
    with pytest.raises(FormatError, match=message):
        read_checkpoint(save_checkpoint(tmp_path / "net.pth", content))


def test_a_pointer_of_git_lfs_is_told_from_the_weights(tmp_path):
    (tmp_path / "net").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n")
    with pytest.raises(FormatError, match="git-lfs's pointer"):
        read_checkpoint(tmp_path / "net")


@pytest.mark.parametrize("name", ["none.pth", "."])
def test_what_is_no_file_is_named(tmp_path, name):
    with pytest.raises(InputError, match="cannot be read"):
        read_checkpoint(tmp_path / name)
