"""Sorting channels by importance, so that a narrower block keeps the most important ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from compofa_deploy.supernet.layer_modules import InvertedResidual
from compofa_deploy.supernet.module import Supernet
from latency_tables.layer import SE_REDUCTION, make_divisible


@torch.no_grad()
def sort_channels(supernet: Supernet, within: Sequence[int] = ()) -> None:
    """Sort the middle channels of every inverted residual by the L1 norm of the weights that leave them.

    The largest norm comes first (Once-for-All, section 3.3). The output of the whole block stays the same.

    Args:
        supernet: The module, which is changed in place.
        within: Expand ratios that were trained already; a channel that one of them has is not moved out of it.
    """
    for block in supernet.blocks:
        if not isinstance(block, InvertedResidual) or block.expand is None or block.expand_bn is None:
            continue
        widths = [make_divisible(round(block.expand.weight.shape[1] * ratio)) for ratio in within]
        order = _order(block.project.weight.abs().sum((0, 2, 3)), widths)
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
            narrower = [make_divisible(width // SE_REDUCTION) for width in widths]
            squeezed = _order(reduce.weight.abs().sum((1, 2, 3)), narrower)
            reduce.weight.copy_(reduce.weight[squeezed])
            reduce.bias.copy_(reduce.bias[squeezed])
            expand.weight.copy_(expand.weight[:, squeezed])


def _order(importance: Tensor, widths: Sequence[int]) -> Tensor:
    """Return the indices of channels, the most important first, such that each width keeps its channels."""
    order = importance.argsort(descending=True, stable=True)
    for width in sorted(widths, reverse=True):
        order = torch.cat([order[order < width], order[order >= width]])
    return order
