"""The closed loop: what is delivered was measured to keep the budget, on a device that may be unlike its table."""

import os
from dataclasses import replace

import pytest

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.bundle.bundle import load_bundle
from compofa_deploy.deploy import loop as deploy_module
from compofa_deploy.deploy.loop import CONFIDENCE, MAX_TRIES, Job, deploy
from compofa_deploy.search.candidate_lists import list_candidates
from compofa_deploy.search.constraints import MaxLatency, MaxMacs, MaxSize, MinAccuracy
from compofa_deploy.search.select import rank
from compofa_deploy.tables import provide as gather_module
from compofa_deploy.tables.cache import Cache
from latency_tables.errors import InfeasibleError, InputError, MismatchError, VerificationError
from tests.support.measurements import make_measured
from tests.support.supernets import TINY, make_accuracies, make_supernet, make_table

BUDGET_MS = 0.033


class Recorder:
    """Keeps what a deployment says of itself."""

    def __init__(self):
        self.steps = []

    def on_step(self, text):
        self.steps.append(text)

    def on_progress(self):
        return lambda progress: None


class Device:
    """A simulated device: its table, by how much it is slower than that, and what it was asked to do."""

    def __init__(self, table):
        self.table, self.slowdown = table, lambda subnet: 1.0
        self.profiled, self.measured = [], []

    def profile(self, architecture, spec, resolutions, cache, mode, on_progress):
        self.profiled.append(mode)
        self.table.save(cache.table_path(architecture, spec, mode))
        return self.table

    def measure(self, deployment, model, spec, *rest):
        self.measured.append(deployment.subnet)
        candidates = list_candidates(TINY, make_accuracies(make_supernet()), [self.table])
        subnets = [candidates.subnet(i).id for i in range(len(candidates))]
        predicted = candidates.latency_ms[subnets.index(deployment.subnet)]
        return make_measured(deployment.subnet, predicted * self.slowdown(deployment.subnet))


@pytest.fixture
def device(spec, monkeypatch):
    device = Device(make_table(spec=spec))
    monkeypatch.setattr(gather_module, "profile", device.profile)
    monkeypatch.setattr(deploy_module, "measure_model", device.measure)
    return device


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def job(tiny, spec):
    def make(latency_ms=BUDGET_MS, **changes):
        known = AccuraciesByPrecision(make_accuracies(tiny))
        return Job(tiny, known, (spec,), latency_ms, command="compofa deploy", **changes)

    return make


@pytest.fixture
def ranked(device, job):
    """Ids of the candidates that keep the budget by prediction, best first."""
    candidates = list_candidates(TINY, job().accuracies.f32, [device.table], confidence=CONFIDENCE)
    return [candidates.subnet(i).id for i in rank(candidates, [MaxLatency(BUDGET_MS)])]


def test_the_best_candidate_is_delivered_where_it_keeps_the_budget(device, job, cache, ranked, tmp_path):
    deployed = deploy(job(), tmp_path / "bundle", cache, Recorder())
    assert deployed.chosen.origin == "measured"
    assert device.profiled == ["quick"]
    assert device.measured == [ranked[0]]
    deployment = load_bundle(tmp_path / "bundle").deployment
    assert deployment == deployed.bundle.deployment
    assert deployment.subnet == ranked[0]
    assert deployment.tried == ()
    assert deployment.budget.limit_ms == BUDGET_MS
    assert deployment.predicted.high_ms <= BUDGET_MS
    assert deployment.measured.high_ms <= BUDGET_MS
    assert deployment.command == "compofa deploy"


def test_a_table_that_fits_is_not_measured_again(device, job, cache, tmp_path):
    first = deploy(job(), tmp_path / "1", cache, Recorder())
    second = deploy(job(), tmp_path / "2", cache, Recorder())
    assert (first.chosen.origin, second.chosen.origin) == ("measured", "cached")
    assert device.profiled == ["quick"]
    assert first.bundle.deployment.subnet == second.bundle.deployment.subnet


def test_a_device_slower_than_its_table_is_given_the_next_that_may_keep_the_budget(
    device, job, cache, ranked, tmp_path
):
    device.slowdown = lambda subnet: 1.1
    deployed = deploy(job(), tmp_path / "bundle", cache, Recorder())
    deployment = deployed.bundle.deployment
    assert device.measured[0] == ranked[0]
    assert device.measured[-1] == deployment.subnet
    assert [t.subnet for t in deployment.tried] == device.measured[:-1]
    assert deployment.measured.high_ms <= BUDGET_MS
    for tried in deployment.tried:
        assert tried.measured_high_ms > BUDGET_MS
        assert tried.measured_ms == pytest.approx(1.1 * tried.predicted_ms, rel=1e-3)


def test_what_was_learnt_of_the_device_spares_candidates_that_cannot_keep_the_budget(
    device, job, cache, ranked, tmp_path
):
    device.slowdown = lambda subnet: 1.1
    deploy(job(), tmp_path / "bundle", cache, Recorder())
    assert ranked.index(device.measured[-1]) >= len(device.measured)
    assert len(device.measured) <= 3


def test_a_candidate_that_is_slow_alone_is_passed_over(device, job, cache, ranked, tmp_path):
    device.slowdown = lambda subnet: 1.05 if subnet == ranked[0] else 1.0
    deployed = deploy(job(), tmp_path / "bundle", cache, Recorder())
    assert [t.subnet for t in deployed.bundle.deployment.tried] == [ranked[0]]
    positions = [ranked.index(subnet) for subnet in device.measured]
    assert positions == sorted(positions)


def test_the_steps_say_what_was_tried(device, job, cache, ranked, tmp_path):
    device.slowdown = lambda subnet: 1.05 if subnet == ranked[0] else 1.0
    recorder = Recorder()
    deploy(job(), tmp_path / "bundle", cache, recorder)
    assert recorder.steps[0].startswith("profiling onnxruntime")
    assert recorder.steps[1].startswith("searching a table of")
    assert any(f"{ranked[0]} took" in step and "trying the next" in step for step in recorder.steps)


def test_a_device_that_gets_slower_all_the_time_ends_in_no_answer(device, job, cache, tmp_path):
    """Each candidate breaks the budget by a little, so that nothing rules the next one out."""
    candidates = list_candidates(TINY, job().accuracies.f32, [device.table], confidence=CONFIDENCE)
    upper = {
        candidates.subnet(i).id: candidates.latency_ms[i] * (1 + candidates.margin[i])
        for i in range(len(candidates))
    }
    generous = 10 * max(upper.values())
    device.slowdown = lambda subnet: 1.0001 * generous / (upper[subnet] / (1 + candidates.margin[0]))
    with pytest.raises(InfeasibleError, match="candidates kept") as raised:
        deploy(job(generous), tmp_path / "bundle", cache, Recorder())
    assert 1 <= len(device.measured) <= MAX_TRIES
    assert f"none of {len(device.measured)} candidates" in str(raised.value)
    assert device.measured[-1] in str(raised.value)
    assert not (tmp_path / "bundle").exists()


def test_the_loop_gives_up_after_so_many_tries(device, job, cache, tmp_path, monkeypatch):
    monkeypatch.setattr(deploy_module, "MAX_TRIES", 2)
    real = deploy_module.summarise

    def barely_above(measurement, percentile):
        measured = real(measurement, percentile)
        return replace(measured, high_ms=BUDGET_MS * 1.0001)

    monkeypatch.setattr(deploy_module, "summarise", barely_above)
    with pytest.raises(InfeasibleError, match=r"none of 2 candidates kept 0\.033 ms when measured"):
        deploy(job(), tmp_path / "bundle", cache, Recorder())
    assert len(device.measured) == 2


def test_a_budget_that_nothing_keeps_names_the_fastest_and_exports_nothing(device, job, cache, tmp_path):
    with pytest.raises(InfeasibleError, match="the closest is 22222@16"):
        deploy(job(1e-6), tmp_path / "bundle", cache, Recorder())
    assert device.measured == []
    assert not (tmp_path / "bundle").exists()


def test_other_constraints_are_kept_too(device, job, cache, tmp_path):
    limits = (MaxMacs(1_200_000), MinAccuracy(50))
    deployment = deploy(
        job(10.0, constraints=limits), tmp_path / "bundle", cache, Recorder()
    ).bundle.deployment
    assert deployment.macs <= 1_200_000
    assert deployment.accuracy.validation >= 50


def test_a_size_limit_is_checked_against_the_file(device, job, cache, ranked, tmp_path):
    limit = 10**6
    deployed = deploy(
        job(10.0, constraints=(MaxSize(limit),), size_limit=limit), tmp_path / "bundle", cache, Recorder()
    )
    assert deployed.bundle.deployment.model.size_bytes <= limit
    assert len(deployed.bundle.read_model()) <= limit


def test_a_size_that_no_file_keeps_ends_in_no_answer(device, job, cache, tmp_path):
    with pytest.raises(InfeasibleError, match="none of 0 candidates"):
        deploy(job(0.0275, size_limit=10), tmp_path / "bundle", cache, Recorder())
    assert device.measured == []


def test_a_percentile_is_what_the_budget_is_on(device, job, cache, tmp_path):
    median = deploy(job(0.045), tmp_path / "1", cache, Recorder()).bundle.deployment
    tail = deploy(job(0.045, percentile=99), tmp_path / "2", cache, Recorder()).bundle.deployment
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
        deploy(job(), place, cache, Recorder())
    assert device.profiled == []


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_measured(device, job, cache, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be made"):
        deploy(job(), tmp_path / "file" / "bundle", cache, Recorder())
    assert device.profiled == []


@pytest.mark.parametrize("latency", [0, -1, float("nan")])
def test_a_budget_that_makes_no_sense_is_refused_before_anything_is_measured(
    device, job, cache, tmp_path, latency
):
    with pytest.raises(InputError, match="a latency budget must be above 0"):
        deploy(job(latency), tmp_path / "bundle", cache, Recorder())
    assert device.profiled == []


def test_accuracies_of_another_supernet_are_refused_before_anything_is_measured(
    device, tiny, spec, cache, tmp_path
):
    other = make_accuracies(make_supernet(seed=1))
    with pytest.raises(MismatchError, match="made from other weights"):
        deploy(Job(tiny, AccuraciesByPrecision(other), (spec,), 1.0), tmp_path / "bundle", cache, Recorder())
    assert device.profiled == []


def test_an_older_bundle_is_kept_until_a_new_one_is_there(device, job, cache, bundle):
    before = load_bundle(bundle).deployment
    with pytest.raises(InfeasibleError):
        deploy(job(1e-6), bundle, cache, Recorder())
    assert load_bundle(bundle).deployment == before
    deploy(job(), bundle, cache, Recorder())
    assert load_bundle(bundle).deployment.subnet != before.subnet


def test_an_interruption_while_measuring_leaves_no_half_bundle(device, job, cache, tmp_path, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(deploy_module, "measure_model", interrupt)
    with pytest.raises(KeyboardInterrupt):
        deploy(job(), tmp_path / "out" / "bundle", cache, Recorder())
    assert not (tmp_path / "out" / "bundle").exists()
    assert sorted(os.listdir(tmp_path)) in (["cache"], ["cache", "out"])
    monkeypatch.setattr(deploy_module, "measure_model", device.measure)
    again = deploy(job(), tmp_path / "out" / "bundle", cache, Recorder())
    assert again.chosen.origin == "cached"
    assert device.profiled == ["quick"]


def test_a_full_disk_is_one_line_and_leaves_nothing(device, job, cache, tmp_path, monkeypatch):
    from compofa_deploy.bundle import bundle_writer

    def fail(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle_writer, "write_json", fail)
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="No space left on device") as raised:
        deploy(job(), tmp_path / "out" / "bundle", cache, Recorder())
    assert "\n" not in str(raised.value)
    assert os.listdir(tmp_path / "out") == []


def test_an_export_whose_numbers_are_off_is_not_delivered(device, job, cache, tmp_path, monkeypatch):
    monkeypatch.setattr(deploy_module, "decode_reference", lambda data, where: wrong_reference(data, where))
    with pytest.raises(VerificationError, match="logits differ from the reference"):
        deploy(job(), tmp_path / "bundle", cache, Recorder())
    assert device.measured == []
    assert not (tmp_path / "bundle").exists()


def wrong_reference(data, where):
    from compofa_deploy.bundle.bundle import decode_reference

    pixels, logits = decode_reference(data, where)
    return pixels, logits + 1.0
