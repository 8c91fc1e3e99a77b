"""How long is left, from the latest steps and the work to come; and logs for people and programs."""

import json
from importlib.util import find_spec

import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.training.progress import (  # noqa: E402
    FEWEST_STEPS,
    Estimator,
    TrainingLog,
    TrainingProgress,
)
from latency_tables.errors import InputError  # noqa: E402

PROGRESS = TrainingProgress("teacher", 1, 5, 20, 1.5, 0.05, 321.4, 12.0, 7320.0, 2)


def test_nothing_is_said_before_enough_steps_were_seen():
    estimator = Estimator([1.0], [100])
    told = [estimator.count(0, step, float(step)) for step in range(1, FEWEST_STEPS + 2)]
    assert told[:FEWEST_STEPS] == [None] * FEWEST_STEPS
    assert told[-1] == pytest.approx(100 - FEWEST_STEPS - 1)


def test_steps_to_come_count_by_their_work():
    """50 steps of a second are left, and 200 steps of three times the work."""
    estimator = Estimator([2.0, 6.0], [100, 200])
    for step in range(30, 51):
        left = estimator.count(0, step, 1000.0 + step)
    assert left == pytest.approx(50 + 200 * 3)


def test_a_new_phase_is_timed_by_its_own_steps():
    estimator = Estimator([2.0, 2.0], [100, 100])
    for step in range(81, 101):
        estimator.count(0, step, float(step))
    told = [estimator.count(1, step, 100.0 + 4 * step) for step in range(1, FEWEST_STEPS + 2)]
    assert told[0] is None
    assert told[-1] == pytest.approx(4 * (100 - FEWEST_STEPS - 1))


def test_what_waits_between_steps_is_in_the_estimate():
    """A pause of 60 s in 20 steps of a second, as a slow disk or a stopped process makes it."""
    estimator = Estimator([1.0], [120])
    times = [float(step + (60 if step > 10 else 0)) for step in range(21)]
    for step, now in enumerate(times):
        left = estimator.count(0, step, now)
    assert left == pytest.approx(100 * 80 / 20)


def test_logs_are_for_programs_and_for_people(tmp_path):
    log = TrainingLog(tmp_path)
    log.write(PROGRESS)
    log.close()
    (line,) = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(line)["seconds_left"] == 7320.0
    text = (tmp_path / "train.log").read_text()
    assert text.endswith(
        "teacher, epoch 1, step 5 of 20: loss 1.500, lr 0.05, 321 images/s, about 2 h 2 min left\n"
    )
    assert not (tmp_path / "tensorboard").exists()


@pytest.mark.skipif(find_spec("tensorboard") is not None, reason="tensorboard is installed")
def test_tensorboards_files_need_its_package(tmp_path):
    with pytest.raises(InputError, match=r"need the package tensorboard; pip install '\.\[tensorboard\]'"):
        TrainingLog(tmp_path, tensorboard=True)


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="needs the extra tensorboard")
def test_tensorboard_reads_what_was_logged(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = TrainingLog(tmp_path, tensorboard=True)
    log.write(PROGRESS)
    log.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert events.Tags()["scalars"] == ["train/loss", "train/lr", "train/images/s"]
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(5, 1.5)]
