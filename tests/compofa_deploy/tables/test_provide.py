"""Tables are found where they are, and measured one after the other where they are not."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.profile import PLANS
from compofa_deploy.tables.provide import provide_tables
from latency_tables import shipped
from latency_tables.device import DeviceRequest
from latency_tables.errors import MeasurementError, MismatchError
from profilers.measuring.plan import Plan
from profilers.targets.runtime_status import RuntimeStatus
from profilers.targets.simulated import SimulatedDevice
from tests.latency_tables.builders import CONDITIONS
from tests.support.supernets import TINY, make_table

RESOLUTIONS = (16,)


class Recorder:
    """Keeps what is said of the progress."""

    def __init__(self):
        self.steps, self.shown = [], []

    def on_step(self, text):
        self.steps.append(text)

    def on_progress(self):
        return lambda progress: self.shown.append((progress.done, progress.total))


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


BRIEF = Plan(layer_sessions=1, network_sessions=2, min_calls=3, min_ms=0.0, max_calls=3, reference_calls=3)
CLAIMED = (
    RuntimeStatus("onnxruntime", "1.0", True, "", "", {"cpu": ("f32",)}, 2),
    RuntimeStatus("openvino", "2.0", True, "", "", {"cpu": ("f32", "bf16")}, 2),
)


@pytest.fixture
def device():
    return SimulatedDevice(statuses=CLAIMED)


@pytest.fixture
def specs(device):
    asked = [DeviceRequest(), DeviceRequest(threads=2), DeviceRequest("openvino", precision="bf16")]
    return list(map(device.find_spec, asked))


@pytest.fixture(autouse=True)
def _brief(monkeypatch):
    monkeypatch.setitem(PLANS, "quick", lambda: BRIEF)


class Broken(SimulatedDevice):
    """A device that cannot measure some precisions."""

    def __init__(self, errors):
        super().__init__(statuses=CLAIMED)
        self.errors = errors

    def measure_kit_impl(self, kit, spec, *rest):
        if spec.precision in self.errors:
            raise self.errors[spec.precision]
        return super().measure_kit_impl(kit, spec, *rest)


def collect(specs, device, cache, watcher=None, accept_doubtful=False):
    return provide_tables(
        TINY, specs, RESOLUTIONS, device, cache, "quick", watcher or Recorder(), accept_doubtful
    )


def test_each_is_measured_in_turn(device, specs, cache):
    found, left_out = collect(specs, device, cache)
    assert len(device.measured) == len(specs)
    assert [entry.table.spec for entry in found] == specs
    assert {entry.origin for entry in found} == {"measured"}
    assert left_out == []


def test_what_is_kept_is_not_measured_again(device, specs, cache):
    make_table(spec=specs[1]).save(cache.table_path(TINY, specs[1], "quick"))
    found, _ = collect(specs, device, cache)
    assert len(device.measured) == 2
    assert [entry.table.spec for entry in found] == specs
    assert [entry.origin for entry in found] == ["measured", "cached", "measured"]


def test_a_kept_table_of_a_disturbed_machine_is_measured_again_unless_it_is_accepted(device, specs, cache):
    hot = (CONDITIONS, replace(CONDITIONS, throttle_count=7))
    disturbed = make_table(spec=specs[0], conditions=(replace(hot[0], throttle_count=0), hot[1]))
    disturbed.save(cache.table_path(TINY, specs[0], "quick"))
    accepted, _ = collect(specs[:1], device, cache, accept_doubtful=True)
    assert [entry.origin for entry in accepted] == ["cached"]
    recorder = Recorder()
    again, _ = collect(specs[:1], device, cache, recorder)
    assert [entry.origin for entry in again] == ["measured"]
    assert "slowed by heat 7 times), so it is measured again; --accept-doubtful" in recorder.steps[0]
    kept, _ = collect(specs[:1], device, cache)
    assert [entry.origin for entry in kept] == ["cached"]


def test_a_table_that_ships_does_for_one_of_several_if_it_is_of_such_a_machine(
    device, specs, cache, tmp_path, monkeypatch
):
    elsewhere = replace(specs[1], machine=replace(specs[1].machine, cpu_model="another"))
    for number, spec in enumerate((specs[0], elsewhere)):
        make_table(spec=spec).save(tmp_path / f"{TINY.name}-{spec.runtime}-{spec.precision}-{number}.json")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    found, _ = collect(specs, device, cache)
    assert [entry.origin for entry in found] == ["shipped", "measured", "measured"]
    alone, _ = collect(specs[:1], device, Cache(tmp_path / "another"))
    assert [entry.origin for entry in alone] == ["measured"]


def test_an_older_table_that_ships_is_not_taken_for_one_of_this_machine(device, cache, tmp_path, monkeypatch):
    device.machine = replace(device.machine, cpu_details=("family 25", "model 17"))
    known = [device.find_spec(DeviceRequest(threads=threads)) for threads in (1, 2)]
    older = replace(known[0], machine=replace(known[0].machine, cpu_details=()))
    make_table(spec=older).save(tmp_path / f"{TINY.name}-{older.runtime}-{older.precision}-0.json")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    found, _ = collect(known, device, cache)
    assert [entry.origin for entry in found] == ["measured"] * 2


def test_one_that_cannot_be_measured_does_not_keep_the_others_from_it(specs, cache):
    device, watcher = Broken({"bf16": MismatchError("it uses f32")}), Recorder()
    found, left_out = collect([specs[2], *specs[:2]], device, cache, watcher)
    assert [entry.table.spec for entry in found] == specs[:2]
    assert [(left.what, left.why) for left in left_out] == [(specs[2].describe(), "it uses f32")]
    assert any(step.startswith("left out: openvino") for step in watcher.steps)


def test_where_none_can_be_measured_the_first_error_is_raised(specs, cache):
    device = Broken({"f32": MeasurementError("it crashed"), "bf16": MismatchError("it uses f32")})
    with pytest.raises(MeasurementError, match="it crashed"):
        collect(specs, device, cache)


def test_the_progress_is_of_all_together(device, specs, cache):
    watcher = Recorder()
    collect(specs, device, cache, watcher)
    total = len(watcher.shown)
    assert watcher.shown == [(done, total) for done in range(1, total + 1)]
    assert [step.split(",")[0] for step in watcher.steps] == [
        "profiling 1 of 3",
        "profiling 2 of 3",
        "profiling 3 of 3",
    ]
    assert "left)" not in watcher.steps[0]
    assert re.search(r"\(about \d+ s left\)", watcher.steps[1])


def test_alone_it_says_what_it_is_and_no_more(device, specs, cache):
    watcher = Recorder()
    collect(specs[:1], device, cache, watcher)
    assert watcher.steps == [f"profiling {specs[0].describe()}"]
