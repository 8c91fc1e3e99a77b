"""Candidates keep their order, are ranked without ties, and describe themselves."""

import numpy as np
import pytest

from compofa_deploy.space.subnet import Subnet


def test_taking_keeps_the_order_that_was_asked_for(candidates):
    taken = candidates.take(np.array([5, 3]))
    assert [taken.subnet(i) for i in range(2)] == [candidates.subnet(5), candidates.subnet(3)]
    assert len(taken) == 2


def test_the_order_is_total_and_does_not_depend_on_where_candidates_stand(candidates, rng):
    shuffled = candidates.take(rng.permutation(len(candidates)))
    expected = [candidates.subnet(i) for i in candidates.order()]
    assert [shuffled.subnet(i) for i in shuffled.order()] == expected


def test_a_description_is_of_the_candidate_and_its_interval(candidates):
    found = candidates.describe(100)
    subnet = Subnet.parse(found["subnet"])
    assert subnet == candidates.subnet(100)
    assert found["latency_upper_ms"] == pytest.approx(found["latency_ms"] * (1 + candidates.margin[100]))
    assert found["macs"] == candidates.macs[100]
