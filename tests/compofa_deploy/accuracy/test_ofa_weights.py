"""OFA's predictor gives the accuracies that the reference gives, and a file that is more than weights is refused."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.accuracy.ofa_weights import read_ofa_predictor  # noqa: E402
from compofa_deploy.accuracy.predictor import AccuracyPredictor  # noqa: E402
from latency_tables.errors import FormatError, InputError  # noqa: E402
from tests.compofa_deploy.accuracy.builders import draw_ofa_arrays, save_ofa_predictor  # noqa: E402
from tests.support.reference import import_ofa  # noqa: E402
from tests.support.subnets import sample_any  # noqa: E402


@pytest.fixture
def subnets(rng):
    return [sample_any(rng, int(r)) for r in rng.choice([160, 176, 192, 208, 224], 50)]


def predict_by_reference(path, subnets):
    """Top-1 as the reference's own predictor gives it, a fraction."""
    reference = import_ofa("ofa.tutorial.accuracy_predictor").AccuracyPredictor(
        pretrained=False, device="cpu"
    )
    reference.model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return reference.predict_accuracy([subnet.to_ofa() for subnet in subnets])[:, 0].numpy()


def test_random_weights_give_what_the_reference_gives(tmp_path, subnets):
    path = save_ofa_predictor(tmp_path / "acc_predictor.pth")
    found = read_ofa_predictor(path).predict_subnets(subnets)
    expected = 100 * predict_by_reference(path, subnets)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    assert expected.std() > 1


def test_the_published_weights_give_what_the_reference_gives(reference_folder, subnets):
    path = reference_folder / "acc_predictor.pth"
    found = read_ofa_predictor(path).predict_subnets(subnets)
    np.testing.assert_allclose(found, 100 * predict_by_reference(path, subnets), rtol=1e-6)
    assert 70 < found.min() < found.max() < 85


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])
def test_both_of_torchs_formats_are_read_and_need_torch_no_more(tmp_path, subnets, options):
    predictor = read_ofa_predictor(save_ofa_predictor(tmp_path / "p.pth", **options), "mbv3-w1.2-imagenet")
    predictor.save(tmp_path / "p.safetensors")
    again = AccuracyPredictor.load(tmp_path / "p.safetensors")
    assert np.array_equal(again.predict_subnets(subnets), predictor.predict_subnets(subnets))
    assert again.architecture == "mbv3-w1.2-imagenet"
    assert "p.pth" in again.origin


def test_weights_within_a_state_dict_are_found(tmp_path, subnets):
    plain = read_ofa_predictor(save_ofa_predictor(tmp_path / "plain.pth"))
    state = {name: torch.from_numpy(array) for name, array in draw_ofa_arrays().items()}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "nested.pth")
    nested = read_ofa_predictor(tmp_path / "nested.pth")
    assert np.array_equal(nested.predict_subnets(subnets), plain.predict_subnets(subnets))


class Trap:
    """Runs when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_a_file_that_wants_to_run_code_is_refused_and_does_not_run_it(tmp_path, save):
    save({"0.weight": Trap(tmp_path / "trapped")}, tmp_path / "p.pth")
    with pytest.raises(FormatError, match="nothing of it was executed"):
        read_ofa_predictor(tmp_path / "p.pth")
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_file_that_is_cut_off_is_refused(tmp_path, options, share):
    path = save_ofa_predictor(tmp_path / "p.pth", **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(FormatError, match=r"p\.pth: .*cut off"):
        read_ofa_predictor(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"p\.pth: "):
        read_ofa_predictor(tmp_path / "p.pth")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([1, 2], "holds a list, not a state dict"),
        ({"0.weight": 3}, "'0.weight' is a int, not a tensor"),
        ({"0.weight": torch.zeros(1, 100), "0.bias": torch.zeros(1)}, "reads 100 features, not the 128"),
        ({"0.weight": torch.zeros(1, 128)}, "array 0.bias is missing"),
        ({"blocks.0.weight": torch.zeros(1, 128)}, "array 'blocks.0.weight' belongs to no layer of"),
    ],
)
def test_other_weights_are_refused(tmp_path, state, message):
    torch.save(state, tmp_path / "p.pth")
    with pytest.raises(FormatError, match=message):
        read_ofa_predictor(tmp_path / "p.pth")
