"""The perceptron is the one that torch runs, and spoilt arrays are named."""

import numpy as np
import pytest

from compofa_deploy.accuracy.mlp import ROWS_AT_ONCE, Mlp
from latency_tables.errors import FormatError
from tests.compofa_deploy.accuracy.builders import TORCH_NUMBERS, draw_ofa_arrays


@pytest.fixture
def in_torch():
    """The same perceptron, made of torch's layers."""
    torch = pytest.importorskip("torch")
    layers = []
    for number in TORCH_NUMBERS:
        arrays = [torch.from_numpy(draw_ofa_arrays()[f"{number}.{part}"]) for part in ("weight", "bias")]
        linear = torch.nn.Linear(*reversed(arrays[0].shape))
        linear.load_state_dict({"weight": arrays[0], "bias": arrays[1]})
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def test_outputs_agree_with_torch(rng, in_torch):
    import torch

    features = rng.integers(0, 2, (100, 128)).astype(np.float32)
    with torch.inference_mode():
        expected = in_torch(torch.from_numpy(features))[:, 0].numpy()
    found = Mlp.from_arrays(draw_ofa_arrays(), "it").run(features)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert expected.std() > 0.1


def test_gradients_agree_with_torch(rng, in_torch):
    import torch

    features = rng.integers(0, 2, (50, 128)).astype(np.float32)
    inputs = torch.from_numpy(features).requires_grad_()
    in_torch(inputs).sum().backward()
    mlp = Mlp.from_arrays(draw_ofa_arrays(), "it")
    np.testing.assert_allclose(mlp.gradient(features), inputs.grad.numpy(), rtol=1e-4, atol=1e-5)
    assert mlp.gradient(features[:0]).shape == (0, 128)


def test_many_rows_are_run_in_parts_with_the_same_numbers(rng):
    mlp = Mlp.from_arrays(draw_ofa_arrays(), "it")
    features = rng.integers(0, 2, (ROWS_AT_ONCE + 3, 128)).astype(np.float32)
    np.testing.assert_allclose(mlp.run(features)[-3:], mlp.run(features[-3:]), rtol=1e-5, atol=1e-5)
    assert mlp.run(features[:0]).shape == (0,)


def test_the_gradient_of_a_single_layer_is_its_weights():
    mlp = Mlp((np.array([[1, -2, 3]], np.float32),), (np.zeros(1, np.float32),))
    assert mlp.gradient(np.ones((2, 3), np.float32)).tolist() == [[1, -2, 3], [1, -2, 3]]


def test_a_network_comes_back_from_its_arrays():
    mlp = Mlp.from_arrays(draw_ofa_arrays(), "it")
    again = Mlp.from_arrays(mlp.arrays(), "it")
    assert [a.tolist() for a in again.weights] == [a.tolist() for a in mlp.weights]
    assert [a.tolist() for a in again.biases] == [a.tolist() for a in mlp.biases]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda a: a.clear(), "array '0.weight' belongs to no layer of"),
        (lambda a: a.pop("2.bias"), "array 2.bias is missing"),
        (lambda a: a.pop("2.weight"), "array 2.weight is missing"),
        (lambda a: a.update({"conv.weight": a["0.bias"]}), "array 'conv.weight' belongs to no layer of"),
        (lambda a: a.update({"\u00b2.weight": a["0.bias"]}), "array '\u00b2.weight' belongs to no layer of"),
        (lambda a: a.update({"4.weight": a["4.weight"][:, :9]}), r"array 4.weight is \[400, 9\]"),
        (lambda a: a.update({"4.bias": a["4.bias"][:9]}), r"a bias of \[9\]"),
        (lambda a: a.update({"6.weight": a["4.weight"], "6.bias": a["4.bias"]}), r"array 6.weight is \[400, 400\]"),
        (lambda a: a.update({"0.weight": a["0.bias"]}), r"array 0.weight is \[400\]"),
        (lambda a: a["2.bias"].__setitem__(0, np.nan), "array 2.bias must hold finite"),
        (lambda a: a.update({"2.bias": a["2.bias"].astype(np.int64)}), "array 2.bias must hold finite"),
    ],
)  # fmt: skip
def test_a_spoilt_array_is_named(spoil, message):
    arrays = draw_ofa_arrays()
    spoil(arrays)
    with pytest.raises(FormatError, match=f"it: {message}|{message}"):
        Mlp.from_arrays(arrays, "it")
