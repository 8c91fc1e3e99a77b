"""Sorting channels by importance, so that a narrower block keeps the ones that matter."""

from __future__ import annotations

import torch

from compofa_deploy.supernet.module import InvertedResidual, Supernet


@torch.no_grad()
def sort_channels(supernet: Supernet) -> None:
    """Order the middle channels of every inverted residual by the L1 norm of the weights that leave them, largest
    first (Once-for-All, section 3.3). What the whole block computes is unchanged."""
    for block in supernet.blocks:
        if not isinstance(block, InvertedResidual) or block.expand is None or block.expand_bn is None:
            continue
        order = block.project.weight.abs().sum((0, 2, 3)).argsort(descending=True, stable=True)
        block.project.weight.copy_(block.project.weight[:, order])
        block.expand.weight.copy_(block.expand.weight[order])
        block.depthwise.weight.copy_(block.depthwise.weight[order])
        for norm in (block.expand_bn, block.depthwise_bn):
            for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                values.copy_(values[order])
        if block.se is not None:
            reduce, expand = block.se.reduce, block.se.expand
            assert reduce.bias is not None
            assert expand.bias is not None
            reduce.weight.copy_(reduce.weight[:, order])
            expand.weight.copy_(expand.weight[order])
            expand.bias.copy_(expand.bias[order])
            squeezed = reduce.weight.abs().sum((1, 2, 3)).argsort(descending=True, stable=True)
            reduce.weight.copy_(reduce.weight[squeezed])
            reduce.bias.copy_(reduce.bias[squeezed])
            expand.weight.copy_(expand.weight[:, squeezed])
