"""A measured session: its samples come back from JSON, and its levels are percentiles of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.errors import FormatError
from latency_tables.measured_session import MeasuredSession, find_median_to_p20_ratio
from tests.latency_tables.builders import make_session

NS = st.lists(st.integers(1, 10**10), min_size=1, max_size=5)


@given(NS, NS, NS, st.booleans(), st.lists(st.text(), max_size=2))
def test_a_session_comes_back_from_its_dict(
    samples: list[int], before: list[int], after: list[int], steady: bool, flags: list[str]
) -> None:
    session = MeasuredSession(
        "a", 0, tuple(samples), tuple(before), tuple(after), 8, steady, tuple(flags), "now"
    )
    assert MeasuredSession.from_dict(session.to_dict()) == session


@pytest.mark.parametrize("value", [[], [0], [-5], [1.5], None])
def test_samples_that_cannot_be_times_are_refused(value: object) -> None:
    with pytest.raises(FormatError, match="samples_ns"):
        MeasuredSession.from_dict({**make_session([1]).to_dict(), "samples_ns": value})


def test_a_sessions_median_to_p20_ratio_is_its_median_call_over_the_20th_percentile() -> None:
    assert make_session([1000] * 4 + [1100] * 5).median_to_p20_ratio == pytest.approx(1.1)
    assert make_session([1000] * 9).median_to_p20_ratio == 1


def test_the_median_to_p20_ratio_of_a_run_is_that_of_a_typical_session() -> None:
    sessions = [make_session([1000] * 4 + [slow] * 5) for slow in (1000, 1030, 1050, 9000, 1020)]
    assert find_median_to_p20_ratio(sessions) == pytest.approx(1.03)
