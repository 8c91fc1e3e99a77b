from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from profilers.measuring.open_model import ModelPaths
from profilers.measuring.plan import Plan
from profilers.measuring.worker import Worker
from profilers.runtimes.fake import FakeModel, FakeRuntime, FakeSession
from tests.profilers.models import KEYS, SHAPE


def test_what_a_session_doubts_of_its_device_is_kept_with_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched: list[int] = []

    def watch(session: FakeSession) -> Callable[[], tuple[str, ...]]:
        watched.append(session.calls_since_switch)
        return lambda: (f"slow after {session.calls_since_switch - watched[0]} calls",)

    monkeypatch.setattr(FakeSession, "watch", watch)
    model = tmp_path / "model.json"
    model.write_bytes(FakeModel(KEYS).to_bytes())
    where = {**ModelPaths.hash(model).to_request(), "shape": list(SHAPE)}
    worker = Worker({"spec": FakeRuntime().spec().to_dict(), "reference_calls": 5, **where})
    session = worker.measure_session(
        {"item": "x", "session": 0, "limits": Plan().limits(), "layer_names": [], **where}
    )
    assert watched[0] == session.warm_up_calls
    assert session.flags == (f"slow after {len(session.samples_ns)} calls",)
