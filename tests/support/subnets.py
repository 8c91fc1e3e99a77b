"""Random subnets of any family, and subnets as arrays of choices."""

from __future__ import annotations

import numpy as np

from compofa_deploy.space.choice_arrays import ABSENT, SETTINGS, ChoiceArray
from compofa_deploy.space.elastic_choices import ElasticChoices
from compofa_deploy.space.subnet import MBV3_CHOICES, Subnet


def sample_any(rng: np.random.Generator, resolution: int, choices: ElasticChoices = MBV3_CHOICES) -> Subnet:
    """Return a random member of the family's largest space: each choice is drawn on its own."""
    kernels = rng.choice(choices.kernels, size=choices.block_count) if choices.kernels else ()
    widths = rng.choice(choices.width_choices, size=choices.widths) if choices.widths else ()
    return Subnet(
        tuple(int(rng.choice(depths)) for depths in choices.depths),
        tuple(int(e) for e in rng.choice(choices.expands, size=choices.block_count)),
        tuple(int(k) for k in kernels),
        resolution,
        tuple(int(w) for w in widths),
        choices,
    )


def to_choices(subnet: Subnet) -> ChoiceArray:
    """Return (20,): the setting of each block of a subnet."""
    pairs = zip(subnet.kernels, subnet.expands, strict=True)
    return np.array([SETTINGS.index(pair) if all(pair) else ABSENT for pair in pairs])
