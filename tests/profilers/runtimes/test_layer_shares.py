from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.errors import MeasurementError
from profilers.runtimes.layer_shares import divide_run

times = st.floats(0.001, 1000)


@given(
    st.lists(
        st.tuples(st.sampled_from(["b1/conv", "b1/act", "b2/conv", "b3/add", "reorder"]), times), min_size=1
    )
)
def test_shares_add_up_to_the_whole_run_or_the_layers_are_not_named(
    operators: list[tuple[str, float]],
) -> None:
    named = {name.split("/")[0] for name, _ in operators} & {"b1", "b2", "b3"}
    if operators[0][0] == "reorder":
        named.add("b1")
    if len(named) < 2:
        with pytest.raises(MeasurementError, match="a runtime's profiler does not name the model's layers"):
            divide_run("a runtime", ["b1", "b2", "b3"], operators)
    else:
        shares = divide_run("a runtime", ["b1", "b2", "b3"], operators)
        assert sum(shares) == pytest.approx(1)
        assert {name for name, share in zip(("b1", "b2", "b3"), shares, strict=True) if share} == named


def test_an_operator_that_the_runtime_added_is_of_the_layer_before_it() -> None:
    operators = [("reorder", 1.0), ("b2/conv", 2.0), ("reorder", 1.0), ("b1/conv", 4.0)]
    assert divide_run("a runtime", ["b1", "b2"], operators) == pytest.approx((5 / 8, 3 / 8))
