"""The reference network is the middle of what an architecture has, in every family."""

import numpy as np
import onnxruntime
import pytest

from compofa_deploy.graph.reference_network import build_reference, middle_subnet
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.families import FAMILIES
from compofa_deploy.space.subnet import Subnet
from tests.support.supernets import TINY


def test_it_has_middle_depths_and_widths_at_the_middle_resolution():
    assert middle_subnet(TINY, (24, 28, 32)) == Subnet.compound((3,) * 5, 28)
    assert middle_subnet(TINY, (32, 24, 28)) == Subnet.compound((3,) * 5, 28)
    assert middle_subnet(TINY, (16,)) == Subnet.compound((3,) * 5, 16)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_one_that_runs(family):
    architecture = Architecture(
        "small", 0.25, 4, 1, (16, 24, 32), family, elastic_kernel=family == "proxyless"
    )
    session = onnxruntime.InferenceSession(
        build_reference(architecture, batch=1), providers=["CPUExecutionProvider"]
    )
    (logits,) = session.run(None, {"image": np.zeros((1, 3, 24, 24), np.float32)})
    assert logits.shape == (1, 4)
