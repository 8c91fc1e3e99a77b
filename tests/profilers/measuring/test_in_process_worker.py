"""A worker in this process leaves the collection of garbage as it found it."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from latency_tables.device import DeviceRequest
from profilers.measuring.in_process_worker import InProcessWorker
from profilers.measuring.plan import Plan
from profilers.measuring.runner import run_kit
from profilers.runtimes.registry import find_spec
from tests.profilers.models import make_kit

PLAN = Plan(layer_sessions=1, network_sessions=1, min_calls=3, min_ms=0.0, max_calls=3, reference_calls=3)


def test_objects_of_the_host_are_frozen_while_it_measures_and_free_again_behind(tmp_path: Path) -> None:
    seen: list[tuple[int, bool]] = []
    assert gc.get_freeze_count() == 0
    kit, spec = make_kit(tmp_path / "kit"), find_spec(DeviceRequest("fake"))
    run_kit(
        kit,
        spec,
        None,
        PLAN,
        lambda progress: seen.append((gc.get_freeze_count(), gc.isenabled())),
        in_process=True,
    )
    assert any(frozen > 1000 and not enabled for frozen, enabled in seen)
    assert (gc.get_freeze_count(), gc.isenabled()) == (0, True)


def test_what_others_have_frozen_stays_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "get_freeze_count", lambda: 7)
    monkeypatch.setattr(gc, "unfreeze", lambda: pytest.fail("nothing of others may be freed"))
    with InProcessWorker():
        pass
