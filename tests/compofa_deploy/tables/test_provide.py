"""Tables are found where they are, and measured one after the other where they are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compofa_deploy.tables import provide as gather_module
from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.provide import gather
from latency_tables.errors import MeasurementError, MismatchError
from profilers.measuring.runner import Progress
from tests.support.supernets import TINY, make_table

RESOLUTIONS = TINY.resolutions
VISITS = 4


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


@pytest.fixture
def specs(spec):
    return [spec, replace(spec, threads=2), replace(spec, runtime="openvino", precision="bf16")]


@pytest.fixture
def profiled(monkeypatch):
    """Device specs that were measured; those whose precision is in ``fail`` cannot be."""
    profiled = []

    def profile(architecture, spec, resolutions, cache, mode, on_progress):
        profiled.append(spec)
        if spec.precision in profile.fail:
            raise profile.fail[spec.precision]
        for done in range(1, VISITS + 1):
            on_progress(Progress(done, VISITS, 0, "a network"))
        return make_table(spec=spec)

    profile.fail = {}
    profiled_by = profile
    monkeypatch.setattr(gather_module, "profile", profile)
    profiled_by.specs = profiled
    return profiled_by


def collect(specs, cache, watcher=None):
    return gather(TINY, specs, RESOLUTIONS, cache, "quick", watcher or Recorder())


def test_each_is_measured_in_turn(profiled, specs, cache):
    found, left_out = collect(specs, cache)
    assert profiled.specs == specs
    assert [entry.table.spec for entry in found] == specs
    assert {entry.origin for entry in found} == {"measured"}
    assert left_out == []


def test_what_is_kept_is_not_measured_again(profiled, specs, cache):
    make_table(spec=specs[1]).save(cache.table_path(TINY, specs[1], "quick"))
    found, _ = collect(specs, cache)
    assert profiled.specs == [specs[0], specs[2]]
    assert [entry.origin for entry in found] == ["measured", "cached", "measured"]


def test_a_table_that_ships_does_for_one_of_several_if_it_is_of_such_a_machine(
    profiled, specs, cache, tmp_path, monkeypatch
):
    elsewhere = replace(specs[1], machine=replace(specs[1].machine, cpu_model="another"))
    for number, spec in enumerate((specs[0], elsewhere)):
        make_table(spec=spec).save(tmp_path / f"{TINY.name}-{spec.runtime}-{spec.precision}-{number}.json")
    monkeypatch.setattr(gather_module, "list_shipped", lambda: sorted(tmp_path.glob("*.json")))
    found, _ = collect(specs, cache)
    assert [entry.origin for entry in found] == ["shipped", "measured", "measured"]
    alone, _ = collect(specs[:1], cache)
    assert [entry.origin for entry in alone] == ["measured"]


def test_an_older_table_that_ships_is_not_taken_for_one_of_this_machine(
    profiled, specs, cache, tmp_path, monkeypatch
):
    known = [
        replace(spec, machine=replace(spec.machine, cpu_details=("family 25", "model 17"))) for spec in specs
    ]
    older = replace(known[0], machine=replace(known[0].machine, cpu_details=()))
    make_table(spec=older).save(tmp_path / f"{TINY.name}-{older.runtime}-{older.precision}-0.json")
    monkeypatch.setattr(gather_module, "list_shipped", lambda: sorted(tmp_path.glob("*.json")))
    found, _ = collect(known, cache)
    assert [entry.origin for entry in found] == ["measured"] * 3


def test_one_that_cannot_be_measured_does_not_keep_the_others_from_it(profiled, specs, cache):
    profiled.fail = {"bf16": MismatchError("it uses f32")}
    watcher = Recorder()
    found, left_out = collect([specs[2], *specs[:2]], cache, watcher)
    assert [entry.table.spec for entry in found] == specs[:2]
    assert [(left.what, left.why) for left in left_out] == [(specs[2].describe(), "it uses f32")]
    assert any(step.startswith("left out: openvino") for step in watcher.steps)


def test_where_none_can_be_measured_the_first_error_is_raised(profiled, specs, cache):
    profiled.fail = {"f32": MeasurementError("it crashed"), "bf16": MismatchError("it uses f32")}
    with pytest.raises(MeasurementError, match="it crashed"):
        collect(specs, cache)


def test_the_progress_is_of_all_together(profiled, specs, cache):
    watcher = Recorder()
    collect(specs, cache, watcher)
    assert watcher.shown == [(done, len(specs) * VISITS) for done in range(1, len(specs) * VISITS + 1)]
    assert [step.split(",")[0] for step in watcher.steps] == [
        "profiling 1 of 3",
        "profiling 2 of 3",
        "profiling 3 of 3",
    ]
    assert "left)" not in watcher.steps[0]
    assert "(about 0 s left)" in watcher.steps[1]


def test_alone_it_says_what_it_is_and_no_more(profiled, specs, cache):
    watcher = Recorder()
    collect(specs[:1], cache, watcher)
    assert watcher.steps == [f"profiling {specs[0].describe()}"]
