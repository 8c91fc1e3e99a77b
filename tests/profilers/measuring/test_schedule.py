from pathlib import Path

import numpy as np
import pytest

from profilers.measuring.kit import make_item, write_kit
from profilers.measuring.plan import Plan
from profilers.measuring.schedule import list_measured, schedule
from profilers.runtimes.fake import FakeModel, FakeRuntime
from tests.profilers.models import REFERENCE, make_kit

PLAN = Plan(layer_sessions=2, network_sessions=3)


def test_each_round_measures_every_item_once_in_an_order_of_its_own(tmp_path: Path) -> None:
    kit = make_kit(tmp_path, networks=3)
    order = [(item.id, session) for item, session in schedule(kit.measured, PLAN, np.random.default_rng(0))]
    assert len(set(order)) == len(order) == 12 * 2 + 3 * 3
    assert [session for _, session in order] == [0] * 15 + [1] * 15 + [2] * 3
    assert [id for id, _ in order[:15]] != [id for id, _ in order[15:30]]
    assert order == [(i.id, s) for i, s in schedule(kit.measured, PLAN, np.random.default_rng(0))]


@pytest.mark.parametrize(
    ("profiles", "measured"), [(True, ["network", "alone"]), (False, ["seen", "network", "alone"])]
)
def test_a_layer_is_measured_alone_where_it_cannot_be_profiled_within_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profiles: bool, measured: list[str]
) -> None:
    monkeypatch.setattr(FakeRuntime, "profiles", lambda self, spec: profiles)
    model = FakeModel(("a",)).to_bytes()
    items = [
        make_item("seen", "layer", model, layers=("a",)),
        make_item("network", "network", model, layers=("a",), layer_names=("0.a",)),
        make_item("alone", "layer", model, layers=("b",)),
        make_item("reference", "reference", REFERENCE.to_bytes()),
    ]
    kit = write_kit(
        tmp_path, {}, [(item, REFERENCE.to_bytes() if item.kind == "reference" else model) for item in items]
    )
    assert [item.id for item in list_measured(kit, FakeRuntime().spec())] == measured
