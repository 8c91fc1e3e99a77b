"""The agent as a device runs it: one file, an interpreter, numpy, and nothing of this project installed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from latency_tables.device import DeviceSpec
from latency_tables.measured_kit import MeasuredKit
from profilers.measuring.kit import Kit, make_item, write_kit
from profilers.measuring.kit_zip import pack_kit
from profilers.measuring.plan import Plan
from profilers.measuring.runner import measure_kit
from profilers.runtimes.registry import find_runtime
from profilers.targets.agent_archive import PACKAGES, pack_agent
from tests.profilers.models import make_external_onnx, make_kit, make_onnx

Agent = Callable[..., "subprocess.CompletedProcess[str]"]
PLAN = Plan(layer_sessions=2, network_sessions=2, min_calls=5, min_ms=0.0, max_calls=5, reference_calls=5)
FAKE = ("--runtime", "fake", "--plan", json.dumps(PLAN.to_dict()))


@pytest.fixture(scope="module")
def agent_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("agent") / "compofa-agent.pyz"
    path.write_bytes(pack_agent())
    return path


@pytest.fixture
def agent(agent_file: Path, tmp_path: Path) -> Agent:
    """Runs the file away from this project. ``-P`` and the folder: nothing of it must be found by accident."""

    def run(*arguments: object, input: str | None = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-W", "error", str(agent_file), *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, input=input, check=False, timeout=300
        )

    return run


def wait_for(path: Path) -> None:
    for _ in range(6000):
        if path.exists():
            return
        time.sleep(0.02)
    raise AssertionError(f"{path} did not come")


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    kit = make_kit(tmp_path / "kit")
    pack_kit(kit, tmp_path / "kit.zip")
    return kit


def test_the_file_holds_the_two_packages_alone_and_is_the_same_each_time(agent_file: Path) -> None:
    with zipfile.ZipFile(agent_file) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names} == {*PACKAGES, "__main__.py"}
    assert {"profilers/targets/agent.py", "profilers/measuring/worker.py", "latency_tables/layer.py"} <= set(
        names
    )
    assert agent_file.read_bytes() == pack_agent()
    assert agent_file.stat().st_size < 200_000


@pytest.mark.parametrize("source", ["kit", "kit.zip"])
def test_it_measures_a_kit_as_it_is_measured_here(
    agent: Agent, kit: Kit, tmp_path: Path, source: str
) -> None:
    done = agent("run", source, *FAKE, "-o", "measured.json")
    assert done.returncode == 0, done.stderr
    measured = MeasuredKit.load(tmp_path / "measured.json")
    here = measure_kit(kit, find_runtime("fake").spec(), None, PLAN)
    assert measured.spec == here.spec
    # The simulated device is the same one each time, and so is its clock.
    assert [m.latency_ms for m in measured.measurements] == [m.latency_ms for m in here.measurements]
    assert measured.build_table().costs_ms == here.build_table().costs_ms
    assert not (tmp_path / "measured.json.journal").exists()
    assert json.loads(done.stdout)["kit_id"] == kit.kit_id
    assert "50 of 50 sessions" not in done.stdout
    assert done.stderr.splitlines()[-1] == "36 of 36 sessions"


def test_without_another_process_it_measures_the_same_and_says_so(
    agent: Agent, kit: Kit, tmp_path: Path
) -> None:
    for name, options in (("apart.json", ()), ("here.json", ("--in-process",))):
        assert agent("run", "kit.zip", *FAKE, *options, "-o", name).returncode == 0
    apart, here = (MeasuredKit.load(tmp_path / name) for name in ("apart.json", "here.json"))
    assert (apart.in_process, here.in_process) == (False, True)
    assert [m.latency_ms for m in apart.measurements] == [m.latency_ms for m in here.measurements]


def test_asked_for_lines_it_answers_with_progress_and_the_measured_kit(agent_file: Path, kit: Kit) -> None:
    command = [
        sys.executable,
        str(agent_file),
        "run",
        str(kit.folder),
        *FAKE,
        "--lines",
        "--journal",
        "journal",
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=kit.folder
    ) as process:
        assert process.stdout is not None
        lines = [json.loads(line) for line in process.stdout]
    assert process.returncode == 0
    assert [line["progress"]["done"] for line in lines[:-1]] == list(range(1, 37))
    measured = MeasuredKit.from_dict(lines[-1]["answer"])
    assert measured.kit_id == kit.kit_id
    assert (kit.folder / "journal").exists()


def test_it_ends_when_nobody_waits_for_its_lines_any_more_and_goes_on_next_time(
    agent_file: Path, tmp_path: Path
) -> None:
    kit = make_kit(tmp_path / "kit", fault="hang", marker=str(tmp_path / "marker"))
    pack_kit(kit, tmp_path / "kit.zip")
    command = [
        sys.executable, str(agent_file), "run", "kit.zip", *FAKE, "--lines", "--journal", "kit.zip.journal",
    ]  # fmt: skip

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
        )

    with start() as process:
        assert process.stdout is not None
        assert process.stdin is not None
        wait_for(tmp_path / "marker")
        process.stdin.close()
        before = [json.loads(line) for line in process.stdout]
    assert process.returncode == 130
    assert "interrupted" in before[-1]["message"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("compofa-kit-")]
    with start() as process:
        assert process.stdout is not None
        lines = [json.loads(line) for line in process.stdout]
    assert process.returncode == 0
    assert lines[0]["progress"]["resumed"] == before[-2]["progress"]["done"]
    assert MeasuredKit.from_dict(lines[-1]["answer"]).kit_id == kit.kit_id


def test_a_newer_run_in_the_same_place_takes_over(agent_file: Path, tmp_path: Path) -> None:
    pack_kit(make_kit(tmp_path / "kit", fault="hang", marker=str(tmp_path / "marker")), tmp_path / "kit.zip")
    command = [
        sys.executable, str(agent_file), "run", "kit.zip", *FAKE, "--lines", "--journal", "kit.zip.journal",
    ]  # fmt: skip
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": tmp_path}
    with subprocess.Popen(command, **pipes) as older:  # type: ignore[call-overload]
        wait_for(tmp_path / "marker")
        with subprocess.Popen(command, **pipes) as newer:  # type: ignore[call-overload]
            last = [json.loads(line) for line in newer.stdout][-1]
        rest = [json.loads(line) for line in older.stdout]
    assert "interrupted" in rest[-1]["message"]
    assert older.returncode == 130
    assert MeasuredKit.from_dict(last["answer"]).measurements


def test_it_says_what_it_would_measure(agent: Agent) -> None:
    done = agent("check", "--runtime", "fake")
    assert DeviceSpec.from_dict(json.loads(done.stdout)["device_spec"]) == find_runtime("fake").spec()


def test_it_gives_a_models_outputs_for_the_inputs_that_it_is_given(
    agent: Agent, tmp_path: Path, rng: np.random.Generator
) -> None:
    image = rng.standard_normal((1, 3, 8, 8)).astype(np.float32)
    (tmp_path / "model.onnx").write_bytes(make_onnx())
    np.savez(tmp_path / "inputs.npz", image=image)
    done = agent("outputs", "model.onnx", "--inputs", "inputs.npz", "-o", "outputs.npz")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "outputs.npz") as outputs:
        np.testing.assert_allclose(outputs["logits"], np.maximum(image, 0).mean((2, 3)), rtol=1e-5)


def test_a_model_that_would_read_another_file_is_neither_run_nor_measured(
    agent: Agent, tmp_path: Path
) -> None:
    model = make_external_onnx(tmp_path)
    items = [(make_item(kind, kind, model), model) for kind in ("reference", "network")]
    pack_kit(write_kit(tmp_path / "kit", {}, items), tmp_path / "kit.zip")
    (tmp_path / "model.onnx").write_bytes(model)
    np.savez(tmp_path / "inputs.npz", image=np.zeros((1, 3, 8, 8), np.float32))
    for arguments in (
        ["outputs", "model.onnx", "--inputs", "inputs.npz", "-o", "written"],
        ["run", "kit.zip", "--plan", json.dumps(PLAN.to_dict()), "-o", "written"],
        ["run", "kit", "--plan", json.dumps(PLAN.to_dict()), "-o", "written"],
    ):
        done = agent(*arguments)
        assert done.returncode == 2, done.stderr
        assert "keeps weights in a file ('secret.bin') that no hash covers" in done.stderr
        assert not (tmp_path / "written").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "none.zip", *FAKE, "-o", "m.json"], 2, "none.zip: there is no such file"),
        (["run", "inputs.npz", *FAKE, "-o", "m.json"], 2, "manifest.json: there is no such file"),
        (["run", "text", *FAKE, "-o", "m.json"], 2, "text: not a zip that can be read"),
        (["run", "kit.zip", *FAKE], 2, "say where to write"),
        (["run", "kit.zip", *FAKE, "-o", "none/m.json"], 2, "No such file or directory"),
        (["run", "kit.zip", "--runtime", "fake", "--plan", "{", "-o", "m.json"], 2, "--plan: not the JSON"),
        (["run", "kit.zip", "--runtime", "fake", "--plan", "{}", "-o", "m.json"], 2, "plan, layer_sessions: is"),
        (["run", "kit.zip", *FAKE, "--batch", "2", "-o", "m.json"], 2, "a batch of 1, and 2 was asked for"),
        (["run", "kit.zip", *FAKE, "--threads", "4096", "-o", "m.json"], 2, "4096 threads were asked for"),
        (["check", "--runtime", "none"], 2, "no runtime 'none'; there are onnxruntime"),
        (["outputs", "text", "--inputs", "none.npz", "-o", "o.npz"], 2, "none.npz: there is no such file"),
        (["outputs", "text", "--inputs", "text", "-o", "o.npz"], 2, "text: cannot be read as a .npz"),
        (["outputs", "none", "--inputs", "inputs.npz", "-o", "o.npz"], 2, "none: cannot be read"),
        (["outputs", "text", "--inputs", "inputs.npz", "-o", "o.npz"], 3, "could not load the model"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(
    agent: Agent, kit: Kit, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "text").write_text("no zip, no model")
    np.savez(tmp_path / "inputs.npz", image=np.zeros(1))
    done = agent(*arguments)
    assert done.returncode == code, done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "m.json").exists()


def test_the_same_errors_over_lines_name_their_kind(agent: Agent, kit: Kit) -> None:
    done = agent("run", "kit.zip", *FAKE, "--threads", "4096", "--lines", "--journal", "j")
    assert done.returncode == 2
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["error"] == "InputError"
    assert "4096 threads" in answer["message"]
