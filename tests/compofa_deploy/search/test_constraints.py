"""One contract for every constraint: at most 0 exactly where the limit holds, and limits that make no sense refused."""

import numpy as np
import pytest

from compofa_deploy.search.constraints import MaxLatency, MaxMacs, MaxParams, MaxSize, MinAccuracy
from latency_tables.errors import InputError
from tests.compofa_deploy.search.builders import make_candidates

VALUES = list(range(1, 51))


class ConstraintContract:
    """What every constraint keeps. A subclass says how one is made, and which candidates have which values."""

    refused = (0, -1, float("nan"))

    def make(self, limit):
        raise NotImplementedError

    def candidates(self, values):
        raise NotImplementedError

    def holds(self, value, limit):
        return value <= limit

    @pytest.mark.parametrize("limit", [1, 7, 25, 50])
    def test_it_is_at_most_0_exactly_where_the_limit_holds(self, limit):
        excess = self.make(limit).excess(self.candidates(VALUES))
        assert (excess <= 0).tolist() == [self.holds(value, limit) for value in VALUES]

    def test_it_is_a_finite_number_for_each_candidate(self):
        excess = self.make(25).excess(self.candidates(VALUES))
        assert excess.shape == (len(VALUES),)
        assert excess.dtype == np.float64
        assert np.isfinite(excess).all()

    def test_a_limit_that_makes_no_sense_is_refused(self):
        for limit in self.refused:
            with pytest.raises(InputError, match=r"must be above 0|between 0 and 100"):
                self.make(limit)

    def test_it_says_what_it_limits(self):
        assert "at " in self.make(20).describe()
        assert "20" in self.make(20).describe()


class TestMaxLatency(ConstraintContract):
    make = MaxLatency

    def candidates(self, values):
        return make_candidates(values, [50] * len(values))

    def test_the_upper_end_of_the_interval_counts(self):
        candidates = make_candidates([1.0, 1.0], [50, 50], margin=0.5)
        assert (MaxLatency(1.4).excess(candidates) > 0).all()
        assert (MaxLatency(1.5).excess(candidates) <= 0).all()


class TestMaxSize(ConstraintContract):
    def make(self, limit):
        return MaxSize(limit * 10**6)

    def candidates(self, values):
        sizes = [value * 10**6 for value in values]
        return make_candidates([1] * len(values), [50] * len(values), size_bytes=sizes)


class TestMaxMacs(ConstraintContract):
    def make(self, limit):
        return MaxMacs(limit * 10**6)

    def candidates(self, values):
        macs = [value * 10**6 for value in values]
        return make_candidates([1] * len(values), [50] * len(values), macs=macs)


class TestMaxParams(ConstraintContract):
    def make(self, limit):
        return MaxParams(limit * 10**6)

    def candidates(self, values):
        params = [value * 10**6 for value in values]
        return make_candidates([1] * len(values), [50] * len(values), params=params)


class TestMinAccuracy(ConstraintContract):
    make = MinAccuracy
    refused = (-1, 101, float("nan"))

    def candidates(self, values):
        return make_candidates([1] * len(values), values)

    def holds(self, value, limit):
        return value >= limit
