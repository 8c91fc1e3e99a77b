"""The optimizer of a phase: SGD with Nesterov's momentum, and weight decay on weights alone."""

from __future__ import annotations

import torch
from torch import nn

from compofa_deploy.supernet.elastic_modules import ElasticBatchNorm
from compofa_deploy.training.recipe import Recipe


def make_optimizer(supernet: nn.Module, recipe: Recipe, lr: float) -> torch.optim.SGD:
    """Return an optimizer with a momentum of zero.

    Args:
        supernet: The module whose parameters are trained.
        recipe: Its momentum and weight decay; batch norm and biases have no weight decay.
        lr: The learning rate.
    """
    undecayed = {id(p) for m in supernet.modules() if isinstance(m, ElasticBatchNorm) for p in m.parameters()}
    undecayed |= {id(p) for name, p in supernet.named_parameters() if name.rpartition(".")[2] == "bias"}
    groups = [
        {
            "params": [p for p in supernet.parameters() if (id(p) in undecayed) == skip],
            "weight_decay": 0.0 if skip else recipe.weight_decay,
        }
        for skip in (False, True)
    ]
    optimizer = torch.optim.SGD(groups, lr=lr, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=True)
    if recipe.momentum:
        # torch's fused SGD fails in a step where some parameters have a momentum and others have none yet. Subnets use
        # different parameters, so that such steps occur. Starting from zero gives the same result.
        for parameter in supernet.parameters():
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer
