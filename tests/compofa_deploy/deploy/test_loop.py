"""The closed loop: what is delivered was measured to keep the budget, on a device that may be unlike its table."""

import os
from dataclasses import replace

import pytest

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.bundle import verify as verify_module
from compofa_deploy.bundle.bundle import load_bundle
from compofa_deploy.deploy import loop as deploy_module
from compofa_deploy.deploy.loop import CONFIDENCE, MAX_TRIES, Job, deploy
from compofa_deploy.search.candidate_lists import list_candidates
from compofa_deploy.search.constraints import MaxLatency, MaxMacs, MaxSize, MinAccuracy
from compofa_deploy.search.select import rank
from compofa_deploy.tables.cache import Cache
from compofa_deploy.tables.profile import PLANS
from latency_tables.errors import (
    ConnectionLost,
    InfeasibleError,
    InputError,
    MismatchError,
    VerificationError,
)
from profilers.measuring.plan import Plan
from profilers.runtimes.fake import FakeWorld
from profilers.targets.simulated import SimulatedDevice
from tests.latency_tables.builders import CONDITIONS
from tests.support.supernets import TINY, make_accuracies, make_supernet, make_table

BUDGET_MS = 0.033


class Recorder:
    """Keeps what a deployment says of itself."""

    def __init__(self):
        self.steps, self.progress = [], []

    def on_step(self, text):
        self.steps.append(text)

    def on_progress(self):
        return self.progress.append


@pytest.fixture(autouse=True)
def _brief(monkeypatch):
    """The simulated device has no noise, so that a few calls tell as much as many."""
    brief = Plan(
        layer_sessions=1, network_sessions=2, min_calls=5, min_ms=0.0, max_calls=5, reference_calls=3
    )
    monkeypatch.setitem(PLANS, "quick", lambda: brief)
    monkeypatch.setattr(verify_module, "MEASURE_PLAN", brief)


@pytest.fixture
def table(spec):
    """A table of the device that is simulated."""
    return make_table(spec=spec)


@pytest.fixture
def device(simulated, table):
    """A device whose networks take what the table predicts, unless they are slowed down."""
    simulated.world = FakeWorld(launch_ms=table.intercept_ms)
    simulated.cost_ms = lambda key: table.costs_ms.get(key, 0.01)
    return simulated


def list_profiled(device):
    """How many networks each profiling measured."""
    return [len(labels) for labels in device.measured if len(labels) > 1]


def list_tried(device):
    """The candidates that were measured alone, in their order."""
    return [labels[0] for labels in device.measured if len(labels) == 1]


@pytest.fixture
def empty_cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def cache(empty_cache, table):
    """A cache that has the device's table."""
    table.save(empty_cache.table_path(TINY, table.spec, "quick"))
    return empty_cache


@pytest.fixture
def job(tiny, spec):
    def make(latency_ms=BUDGET_MS, **changes):
        known = AccuraciesByPrecision(make_accuracies(tiny))
        return Job(tiny, known, (spec,), latency_ms, command="compofa deploy", **changes)

    return make


@pytest.fixture
def ranked(table, job):
    """Ids of the candidates that keep the budget by prediction, best first."""
    candidates = list_candidates(TINY, job().accuracies.f32, [table], confidence=CONFIDENCE)
    return [candidates.subnet(i).id for i in rank(candidates, [MaxLatency(BUDGET_MS)])]


def test_the_best_candidate_is_delivered_where_it_keeps_the_budget(device, job, cache, ranked, tmp_path):
    deployed = deploy(job(), tmp_path / "bundle", device, cache, Recorder())
    assert device.measured == [[ranked[0]]]
    deployment = load_bundle(tmp_path / "bundle").deployment
    assert deployment == deployed.bundle.deployment
    assert deployment.subnet == ranked[0]
    assert deployment.tried == ()
    assert deployment.budget.limit_ms == BUDGET_MS
    assert deployment.predicted.high_ms <= BUDGET_MS
    assert deployment.measured.high_ms <= BUDGET_MS
    assert deployment.command == "compofa deploy"


def test_a_device_that_has_no_table_yet_is_profiled_once(device, job, empty_cache, tmp_path):
    recorder = Recorder()
    first = deploy(job(), tmp_path / "1", device, empty_cache, recorder)
    second = deploy(job(), tmp_path / "2", device, empty_cache, Recorder())
    assert (first.chosen.origin, second.chosen.origin) == ("measured", "cached")
    assert recorder.steps[0].startswith("profiling onnxruntime")
    assert len(list_profiled(device)) == 1
    assert first.bundle.deployment.subnet == second.bundle.deployment.subnet
    assert second.bundle.deployment.predicted.latency_ms == pytest.approx(
        second.bundle.deployment.measured.latency_ms, rel=0.02
    )


def test_the_doubts_of_a_table_travel_with_the_bundle(device, job, cache, table, tmp_path):
    hot = (replace(CONDITIONS, throttle_count=0), replace(CONDITIONS, throttle_count=7))
    replace(table, conditions=hot).save(cache.table_path(TINY, table.spec, "quick"))
    deployed = deploy(job(accept_doubtful=True), tmp_path / "bundle", device, cache, Recorder())
    assert deployed.doubts == ("its latency table: the cores were slowed by heat 7 times",)
    assert load_bundle(tmp_path / "bundle").deployment.doubts == deployed.doubts


def test_a_device_slower_than_its_table_is_given_the_next_that_may_keep_the_budget(
    device, job, cache, ranked, tmp_path
):
    device.slow_down = lambda subnet: 1.1
    deployed = deploy(job(), tmp_path / "bundle", device, cache, Recorder())
    deployment = deployed.bundle.deployment
    measured = list_tried(device)
    assert measured[0] == ranked[0]
    assert measured[-1] == deployment.subnet
    assert [t.subnet for t in deployment.tried] == measured[:-1]
    assert deployment.measured.high_ms <= BUDGET_MS
    for tried in deployment.tried:
        assert tried.measured_high_ms > BUDGET_MS
        assert tried.measured_ms == pytest.approx(1.1 * tried.predicted_ms, rel=2e-3)


def test_what_was_learnt_of_the_device_spares_candidates_that_cannot_keep_the_budget(
    device, job, cache, ranked, tmp_path
):
    device.slow_down = lambda subnet: 1.1
    deploy(job(), tmp_path / "bundle", device, cache, Recorder())
    measured = list_tried(device)
    assert ranked.index(measured[-1]) >= len(measured)
    assert len(measured) <= 3


def test_a_candidate_that_is_slow_alone_is_passed_over(device, job, cache, ranked, tmp_path):
    device.slow_down = lambda subnet: 1.05 if subnet == ranked[0] else 1.0
    deployed = deploy(job(), tmp_path / "bundle", device, cache, Recorder())
    assert [t.subnet for t in deployed.bundle.deployment.tried] == [ranked[0]]
    positions = [ranked.index(subnet) for subnet in list_tried(device)]
    assert positions == sorted(positions)


def test_the_steps_say_what_was_tried(device, job, cache, ranked, tmp_path):
    device.slow_down = lambda subnet: 1.05 if subnet == ranked[0] else 1.0
    recorder = Recorder()
    deploy(job(), tmp_path / "bundle", device, cache, recorder)
    assert recorder.steps[0].startswith("searching a table of")
    assert any(f"{ranked[0]} took" in step and "trying the next" in step for step in recorder.steps)


def test_a_device_that_gets_slower_all_the_time_ends_in_no_answer(device, job, cache, table, tmp_path):
    """Each candidate breaks the budget by a little, so that nothing rules the next one out."""
    candidates = list_candidates(TINY, job().accuracies.f32, [table], confidence=CONFIDENCE)
    predicted = {candidates.subnet(i).id: candidates.latency_ms[i] for i in range(len(candidates))}
    generous = 10 * max(predicted.values())
    device.slow_down = lambda subnet: 1.001 * generous / predicted[subnet]
    with pytest.raises(InfeasibleError, match="candidates kept") as raised:
        deploy(job(generous), tmp_path / "bundle", device, cache, Recorder())
    measured = list_tried(device)
    assert 1 <= len(measured) <= MAX_TRIES
    assert f"none of {len(measured)} candidates" in str(raised.value)
    assert measured[-1] in str(raised.value)
    assert not (tmp_path / "bundle").exists()


def test_the_loop_gives_up_after_so_many_tries(device, job, cache, table, tmp_path, monkeypatch):
    monkeypatch.setattr(deploy_module, "MAX_TRIES", 2)
    candidates = list_candidates(TINY, job().accuracies.f32, [table], confidence=CONFIDENCE)
    predicted = {candidates.subnet(i).id: candidates.latency_ms[i] for i in range(len(candidates))}
    # Barely above the budget, whatever was tried before.
    device.slow_down = lambda subnet: 1.001 * BUDGET_MS / predicted[subnet]
    with pytest.raises(InfeasibleError, match=r"none of 2 candidates kept 0\.033 ms when measured"):
        deploy(job(), tmp_path / "bundle", device, cache, Recorder())
    assert len(list_tried(device)) == 2


def test_a_budget_that_nothing_keeps_names_the_fastest_and_exports_nothing(device, job, cache, tmp_path):
    with pytest.raises(InfeasibleError, match="the closest is 22222@16"):
        deploy(job(1e-6), tmp_path / "bundle", device, cache, Recorder())
    assert device.measured == []
    assert not (tmp_path / "bundle").exists()


def test_other_constraints_are_kept_too(device, job, cache, tmp_path):
    limits = (MaxMacs(1_200_000), MinAccuracy(50))
    deployment = deploy(
        job(10.0, constraints=limits), tmp_path / "bundle", device, cache, Recorder()
    ).bundle.deployment
    assert deployment.macs <= 1_200_000
    assert deployment.accuracy.validation >= 50


def test_a_size_limit_is_checked_against_the_file(device, job, cache, ranked, tmp_path):
    limit = 10**6
    deployed = deploy(
        job(10.0, constraints=(MaxSize(limit),), size_limit=limit),
        tmp_path / "bundle",
        device,
        cache,
        Recorder(),
    )
    assert deployed.bundle.deployment.model.size_bytes <= limit
    assert len(deployed.bundle.read_files().model) <= limit


def test_a_size_that_no_file_keeps_ends_in_no_answer(device, job, cache, tmp_path):
    with pytest.raises(InfeasibleError, match="none of 0 candidates"):
        deploy(job(0.0275, size_limit=10), tmp_path / "bundle", device, cache, Recorder())
    assert device.measured == []


def test_a_percentile_is_what_the_budget_is_on(device, job, cache, tmp_path):
    median = deploy(job(0.045), tmp_path / "1", device, cache, Recorder()).bundle.deployment
    tail = deploy(job(0.045, percentile=99), tmp_path / "2", device, cache, Recorder()).bundle.deployment
    assert tail.budget.percentile == 99
    assert tail.predicted.high_ms <= 0.045
    assert tail.macs < median.macs


@pytest.mark.parametrize("there", ["folder", "file"])
def test_what_is_no_bundle_is_refused_before_anything_is_measured(device, job, cache, tmp_path, there):
    place = tmp_path / "place"
    if there == "folder":
        place.mkdir()
        (place / "photo.jpg").write_bytes(b"precious")
    else:
        place.write_bytes(b"precious")
    with pytest.raises(InputError, match="exists and is not a bundle"):
        deploy(job(), place, device, cache, Recorder())
    assert device.measured == []


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_measured(device, job, cache, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be made"):
        deploy(job(), tmp_path / "file" / "bundle", device, cache, Recorder())
    assert device.measured == []


@pytest.mark.parametrize("latency", [0, -1, float("nan")])
def test_a_budget_that_makes_no_sense_is_refused_before_anything_is_measured(
    device, job, cache, tmp_path, latency
):
    with pytest.raises(InputError, match="a latency budget must be above 0"):
        deploy(job(latency), tmp_path / "bundle", device, cache, Recorder())
    assert device.measured == []


def test_accuracies_of_another_supernet_are_refused_before_anything_is_measured(
    device, tiny, spec, cache, tmp_path
):
    other = make_accuracies(make_supernet(seed=1))
    with pytest.raises(MismatchError, match="made from other weights"):
        deploy(
            Job(tiny, AccuraciesByPrecision(other), (spec,), 1.0),
            tmp_path / "bundle",
            device,
            cache,
            Recorder(),
        )
    assert device.measured == []


def test_an_older_bundle_is_kept_until_a_new_one_is_there(device, job, cache, bundle):
    before = load_bundle(bundle).deployment
    with pytest.raises(InfeasibleError):
        deploy(job(1e-6), bundle, device, cache, Recorder())
    assert load_bundle(bundle).deployment == before
    deploy(job(), bundle, device, cache, Recorder())
    assert load_bundle(bundle).deployment.subnet != before.subnet


def test_an_interruption_while_measuring_leaves_no_half_bundle(device, job, cache, tmp_path):
    def interrupt(subnet):
        raise KeyboardInterrupt

    device.slow_down = interrupt
    with pytest.raises(KeyboardInterrupt):
        deploy(job(), tmp_path / "out" / "bundle", device, cache, Recorder())
    assert not (tmp_path / "out" / "bundle").exists()
    assert sorted(os.listdir(tmp_path)) in (["cache"], ["cache", "out"])
    device.slow_down = lambda subnet: 1.0
    assert deploy(job(), tmp_path / "out" / "bundle", device, cache, Recorder()).chosen.origin == "cached"


def test_a_profiling_that_lost_its_connection_goes_on(device, job, empty_cache, tmp_path):
    device.stops_after = 30
    with pytest.raises(ConnectionLost):
        deploy(job(), tmp_path / "bundle", device, empty_cache, Recorder())
    recorder = Recorder()
    deploy(job(), tmp_path / "bundle", device, empty_cache, recorder)
    assert recorder.progress[0].resumed == 30


def test_a_full_disk_is_one_line_and_leaves_nothing(device, job, cache, tmp_path, monkeypatch):
    from compofa_deploy.bundle import bundle_writer

    def fail(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle_writer, "write_json", fail)
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="No space left on device") as raised:
        deploy(job(), tmp_path / "out" / "bundle", device, cache, Recorder())
    assert "\n" not in str(raised.value)
    assert os.listdir(tmp_path / "out") == []


def test_an_export_whose_numbers_are_off_is_not_delivered(device, job, cache, tmp_path):
    wrong = WrongNumbers(device)
    with pytest.raises(VerificationError, match="logits differ from the reference"):
        deploy(job(), tmp_path / "bundle", wrong, cache, Recorder())
    assert wrong.measured == []
    assert not (tmp_path / "bundle").exists()


class WrongNumbers(SimulatedDevice):
    """A device whose outputs are off by one."""

    def iterate_outputs_impl(self, model, spec, chunks):
        return (outputs + 1 for outputs in super().iterate_outputs_impl(model, spec, chunks))
