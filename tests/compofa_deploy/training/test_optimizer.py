"""The optimizer: SGD as torch's plain loop computes it, whichever parameters a step uses."""

import copy

import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.supernet.module import Supernet  # noqa: E402
from compofa_deploy.training.optimizer import make_optimizer  # noqa: E402
from tests.compofa_deploy.training.builders import ARCHITECTURE, make_recipe  # noqa: E402


def give_gradients(module, used) -> None:
    generator = torch.Generator().manual_seed(1)
    for name, parameter in module.named_parameters():
        gradient = torch.randn(parameter.shape, generator=generator)
        parameter.grad = gradient if used(name) else None


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_that_use_different_parameters_are_those_of_plain_sgd(momentum):
    recipe = make_recipe(momentum=momentum, nesterov=momentum > 0, weight_decay=0.0)
    ours = Supernet(ARCHITECTURE)
    plain = copy.deepcopy(ours)
    optimizer = make_optimizer(ours, recipe, 0.1)
    reference = torch.optim.SGD(
        plain.parameters(), lr=0.1, momentum=momentum, nesterov=momentum > 0, foreach=False
    )
    for used in (lambda name: "blocks.3" not in name, lambda name: True, lambda name: "blocks.1" in name):
        for module, update in ((ours, optimizer), (plain, reference)):
            give_gradients(module, used)
            update.step()
    for name, value in plain.named_parameters():
        torch.testing.assert_close(ours.get_parameter(name), value)


def test_an_unused_parameter_stays_as_it_is():
    supernet = Supernet(ARCHITECTURE)
    optimizer = make_optimizer(supernet, make_recipe(weight_decay=0.1), 0.1)
    kept = supernet.get_parameter("blocks.3.expand.weight")
    give_gradients(supernet, lambda name: True)
    optimizer.step()
    before = kept.clone()
    give_gradients(supernet, lambda name: "blocks.3" not in name)
    optimizer.step()
    assert torch.equal(kept, before)
