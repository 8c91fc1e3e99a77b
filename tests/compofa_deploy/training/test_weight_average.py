"""The moving average of weights."""

import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.training.weight_average import WeightAverage  # noqa: E402


@pytest.fixture
def module():
    return torch.nn.Linear(2, 1)


def set_weights(module, value: float) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(value)


def test_the_decay_grows_to_the_one_that_is_given(module):
    set_weights(module, 0.0)
    average = WeightAverage(module, 0.25)
    set_weights(module, 1.0)
    average.update()
    average.update()
    average.apply()
    # Decays of 2/11 and 3/12.
    assert module.weight[0, 0].item() == pytest.approx(1 - 2 / 11 * 3 / 12)


def test_the_weights_are_left_as_they_are_until_it_is_applied(module):
    average = WeightAverage(module, 0.9)
    set_weights(module, 5.0)
    average.update()
    assert module.bias.item() == 5.0


def test_what_was_kept_goes_on_where_it_stopped(module):
    one = WeightAverage(module, 0.9)
    set_weights(module, 2.0)
    one.update()
    kept = {name: value.clone() for name, value in one.state()["averages"].items()}  # type: ignore[attr-defined]
    other = WeightAverage(module, 0.9)
    other.restore(kept, 1)
    for average in (one, other):
        average.update()
    assert all(torch.equal(a, b) for a, b in zip(one.averages, other.averages, strict=True))
