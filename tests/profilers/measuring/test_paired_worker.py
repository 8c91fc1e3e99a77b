"""Two models side by side: fresh sessions, turns that cancel a drift, and errors that say which model."""

import json

import pytest

from latency_tables.errors import FormatError, InputError, MeasurementError
from profilers.measuring.open_model import ModelPaths
from profilers.measuring.paired_worker import BURST_ORDER, Block, PairedWorker, locate
from profilers.runtimes.fake import FakeModel, FakeWorld
from profilers.runtimes.registry import find_runtime
from tests.profilers.models import SHAPE


@pytest.fixture
def pair(tmp_path):
    """A worker for two models of the fake runtime."""

    def make(old, new, shape=SHAPE):
        sides = {}
        for word, model in (("old", old), ("new", new)):
            (tmp_path / word).write_bytes(model.to_bytes())
            sides[word] = locate(find_runtime("fake").spec(), ModelPaths.hash(tmp_path / word), shape)
        return PairedWorker({"pair": sides})

    return make


def model(ms, **world):
    return FakeModel(("layer",), (ms,), FakeWorld(launch_ms=0.0, **world))


@pytest.mark.parametrize("new_first", [True, False])
def test_calls_are_told_apart_whoever_was_first(pair, new_first):
    block = pair(model(1.0), model(3.0)).measure(new_first, calls=10)
    assert block.new_first is new_first
    assert min(block.new_ns) / min(block.old_ns) == pytest.approx(3, rel=1e-3)
    assert len(block.old_ns) == len(block.new_ns) == 10 * BURST_ORDER.count(1)


def test_every_block_opens_both_anew(pair):
    worker = pair(model(1.0, placement_noise=0.1), model(1.0, placement_noise=0.1))
    blocks = [worker.measure(False, calls=10) for _ in range(5)]
    assert len({min(block.old_ns) for block in blocks}) == 5
    assert len({min(block.new_ns) for block in blocks}) == 5


def test_a_steady_drift_meets_both_alike(pair):
    drift = {"drift": 0.5, "drift_period_ms": 4000.0}
    block = pair(model(1.0, **drift), model(1.0, **drift)).measure(False, calls=20)
    assert max(block.old_ns) / min(block.old_ns) > 1.05
    assert sum(block.new_ns) / sum(block.old_ns) == pytest.approx(1, abs=0.02)


def test_an_error_says_which_model_it_is_of(pair):
    with pytest.raises(MeasurementError, match="the new model: fake could not run the model: it was told to"):
        pair(model(1.0), FakeModel(("layer",), fault="error")).measure(False, calls=3)
    with pytest.raises(InputError, match="the old model: input image is float32 of any x 3 x 8 x 8"):
        pair(model(1.0), model(1.0), shape=(1, 3, 4, 4))


def test_a_block_is_written_and_read(pair):
    block = pair(model(1.0), model(1.0)).measure(True, calls=3)
    assert Block.from_dict(json.loads(json.dumps(block.to_dict()))) == block


@pytest.mark.parametrize("name", ["old_ns", "new_ns"])
def test_a_block_without_calls_is_refused(name):
    block = Block((1,), (2,), False, ()).to_dict()
    with pytest.raises(FormatError, match=f"{name}: is empty"):
        Block.from_dict({**block, name: []})
