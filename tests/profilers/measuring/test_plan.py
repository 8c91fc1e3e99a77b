import pytest

from latency_tables.errors import InputError
from profilers.measuring.plan import Plan


@pytest.mark.parametrize(
    "wrong", [{"layer_sessions": 0}, {"min_calls": 2000}, {"min_ms": 1e9}, {"min_ms": -1}]
)
def test_a_plan_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="a plan's counts"):
        Plan(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("plan", [Plan(), Plan.quick(), Plan.full()])
def test_a_plan_comes_back_from_its_dict(plan: Plan) -> None:
    assert Plan.from_dict(plan.to_dict()) == plan


def test_a_plan_is_stored_under_the_names_of_older_files() -> None:
    stored = Plan(session_limit_s=7.0).to_dict()
    assert stored["visit_limit_s"] == 7.0
    assert "session_limit_s" not in stored
