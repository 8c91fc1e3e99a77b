"""Several processes train as one does, and what is killed goes on as if it had not been."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.training.checkpoint import NAME  # noqa: E402
from compofa_deploy.training.machine import Machine  # noqa: E402
from compofa_deploy.training.recipe import Recipe  # noqa: E402
from compofa_deploy.training.trainer import Trainer  # noqa: E402
from latency_tables.errors import InputError  # noqa: E402
from latency_tables.scratch import owner_tag  # noqa: E402
from tests.compofa_deploy.training.builders import (  # noqa: E402
    ELASTIC,
    SHRINK,
    TEACHER,
    make_images,
    make_recipe,
)

ROOT = Path(__file__).resolve().parents[3]
WAIT_SECONDS = 1200
TOLERANCE = 1e-5
SIDE = 32


@pytest.fixture(scope="module", autouse=True)
def _one_torch_thread():
    """As in the processes: sums over more threads are of another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def _in_float64():
    """Training is chaotic: in float32 a last digit grows to the third within ten steps, in one process as in two."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def start(
    folder: Path, recipe: Recipe, *more: str, rank: int = 0, world: int = 1, port: int = 0
) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    (folder / "recipe.json").write_text(recipe.model_dump_json())
    ranks = {
        "RANK": rank,
        "WORLD_SIZE": world,
        "LOCAL_RANK": rank,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }
    environment = {**os.environ, **{name: str(value) for name, value in ranks.items()}}
    script = [sys.executable, "-m", "tests.compofa_deploy.training.training_process", str(folder), *more]
    return subprocess.Popen(script, cwd=ROOT, env=environment)


def start_pair(folder: Path, recipe: Recipe) -> list[subprocess.Popen[bytes]]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    return [start(folder, recipe, "float64", rank=rank, world=2, port=port) for rank in range(2)]


def wait_for_steps(folder: Path, steps: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    log = folder / "log.jsonl"
    while not log.exists() or len(log.read_text().splitlines()) < steps:
        assert process.poll() is None, "it ended early"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def read_last_step(folder: Path) -> int:
    return int(json.loads((folder / "log.jsonl").read_text().splitlines()[-1])["step"])


def list_weights(trainer: Trainer):
    return dict(trainer.supernet.named_parameters())


def find_difference(weights, folder: Path) -> float:
    """The largest difference of any weight from those of a checkpoint."""
    state = torch.load(folder / NAME)["model"]
    return max((value - state[name]).abs().max().item() for name, value in weights.items())


def make_pair_recipe(batch_norm: str) -> Recipe:
    """Without dropout, whose masks are each process's own."""
    architecture = replace(ELASTIC, resolutions=(24, SIDE)).to_dict()
    more = {"batch": 12, "lr": 0.02}
    elastic = {
        "subnets": "compofa-elastic",
        "largest_share": 0,
        "smallest_share": 0,
        "resolutions": [24, SIDE],
    }
    phases = [{**TEACHER, **more, "resolutions": [24]}, {**SHRINK, **more, **elastic, "epochs": 3}]
    return make_recipe(phases, architecture=architecture, batch_norm=batch_norm, dropout=0.0)


@pytest.mark.slow
@pytest.mark.usefixtures("_in_float64")
@pytest.mark.parametrize("batch_norm", ["synced", "local"])
def test_two_processes_end_in_the_weights_of_one_with_the_batch_of_both(tmp_path, batch_norm):
    """With synced statistics one process normalises the whole batch; with local ones, half of it at a time. Kernels
    that no sampled subnet used have no gradient in either."""
    recipe = make_pair_recipe(batch_norm)
    processes = start_pair(tmp_path / "two", recipe)
    machine = Machine() if batch_norm == "synced" else HalfOfEach()
    alone = Trainer(recipe, make_images(side=SIDE), tmp_path, machine)
    before = {name: value.detach().clone() for name, value in alone.supernet.named_parameters()}
    alone.run()
    assert [process.wait(WAIT_SECONDS) for process in processes] == [0, 0]
    assert find_difference(before, tmp_path / "two") > 1000 * TOLERANCE, "they were trained"
    assert find_difference(list_weights(alone), tmp_path / "two") < TOLERANCE


class HalfOfEach(Machine):
    """One process that normalises each half of a batch on its own."""

    def count_at_once(self, share: int) -> int:
        return share // 2


@pytest.mark.slow
@pytest.mark.usefixtures("_in_float64")
def test_an_interrupt_of_one_process_stops_all_and_another_number_of_them_goes_on(tmp_path):
    recipe = make_pair_recipe("synced")
    processes = start_pair(tmp_path / "two", recipe)
    wait_for_steps(tmp_path / "two", 2, processes[0])
    processes[1].send_signal(signal.SIGINT)
    assert [process.wait(WAIT_SECONDS) for process in processes] == [130, 130]
    resumed = Trainer(recipe, make_images(side=SIDE), tmp_path / "two")
    assert 2 <= resumed.steps_done < resumed.total_steps
    resumed.run()
    whole = Trainer(recipe, make_images(side=SIDE), tmp_path)
    whole.run()
    assert find_difference(list_weights(whole), tmp_path / "two") < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("encoded", [False, True], ids=["memory", "workers"])
def test_a_training_that_is_killed_goes_on_bit_for_bit(tmp_path, encoded, write_folder):
    recipe, folder = make_recipe([{**TEACHER, "epochs": 3}, SHRINK]), tmp_path / "killed"
    whole = tmp_path / "whole"
    for place in (folder, whole) if encoded else ():
        write_folder(place / "images", make_images(24, 20))
    assert start(whole, recipe).wait(WAIT_SECONDS) == 0
    for lines in (4, 11):
        process = start(folder, recipe)
        wait_for_steps(folder, lines, process)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        state, last = torch.load(folder / NAME), read_last_step(folder)
        assert state["phase"] * 9 + state["step"] >= last - 1, "no more than a step was lost"
    abandoned = f".{NAME}.{owner_tag().rpartition('-')[0]}-1.x"
    (folder / abandoned).write_bytes(b"half a checkpoint")
    (folder / f".{NAME}.swp").write_bytes(b"another program's")
    assert start(folder, recipe).wait(WAIT_SECONDS) == 0
    assert not (folder / abandoned).exists()
    assert (folder / f".{NAME}.swp").exists()
    one, other = (torch.load(place / NAME) for place in (whole, folder))
    assert all(torch.equal(value, other["model"][name]) for name, value in one["model"].items())
    assert torch.equal(one["torch_rng"], other["torch_rng"])
    assert read_last_step(folder) == 9 + 8


def test_a_batch_that_cannot_be_shared_is_refused():
    from compofa_deploy.torch_process.distributed import Ranks

    with pytest.raises(
        InputError, match="a batch of 8 cannot be shared by 3 processes; start another number"
    ):
        Machine(ranks=Ranks(0, 3)).check(make_recipe())
