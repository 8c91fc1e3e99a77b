"""No runtime reports to its maker: commands leave nothing in the home folder and make no network call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compofa_deploy.supernet.stored import save_supernet
from profilers.measuring.kit import make_item, write_kit
from profilers.runtimes.registry import find_runtime, list_runtimes
from profilers.targets.agent_archive import pack_agent
from tests.conftest import WriteSplit
from tests.profilers.models import make_onnx
from tests.support.brief_compofa import PLAN
from tests.support.observed import ROOT, can_trace, observe
from tests.support.supernets import TINY, make_accuracies, make_supernet
from tests.support.tensorrt import needs_rtx, without_gpu

COMPOFA = (sys.executable, "-P", "-m", "tests.support.brief_compofa")
REAL_RUNTIMES = [name for name in list_runtimes() if name != "fake"]
BENCH_TIMES = {"onnxruntime": "10s"}
"""ONNX Runtime 1.31 looks its maker's host up some 8 s after the process started; the other packages, at once."""
SHORT_BENCH = "1s"


def check_silence(commands: Sequence[Sequence[object]], folder: Path) -> None:
    observed = observe(commands, folder)
    if not can_trace():
        assert observed.files == ()
        pytest.skip("no files were written; strace does not work here, so network calls were not counted")
    assert (observed.files, observed.network_calls) == ((), ())


@pytest.fixture
def supernet(tmp_path: Path) -> Path:
    """The file of the tiny supernet, in an otherwise empty folder, with its accuracy table."""
    folder = tmp_path / "supernet"
    folder.mkdir()
    tiny = make_supernet()
    save_supernet(tiny, folder / "tiny.safetensors")
    make_accuracies(tiny).save(folder / "tiny.accuracy.json")
    return folder / "tiny.safetensors"


@pytest.mark.slow
@pytest.mark.parametrize("runtime", REAL_RUNTIMES)
def test_a_profile_a_deployment_and_a_benchmark_report_to_nobody(
    runtime: str, supernet: Path, tmp_path: Path
) -> None:
    availability = find_runtime(runtime).check()
    if not availability.works:
        pytest.skip(f"{runtime} does not work here: {availability.why}")
    asked = ("--runtime", runtime)
    profile = ("profile", "--arch", "tiny", "--quick", *asked, "-o", "table.json")
    deploy = ("deploy", "--latency", "50ms", "--supernet", supernet, *asked, "-o", "bundle")
    bench = ("bench", "run", "bundle", "--time", BENCH_TIMES.get(runtime, SHORT_BENCH), "-o", "result.json")
    check_silence([(*COMPOFA, *command) for command in (profile, deploy, bench)], tmp_path)
    assert json.loads((tmp_path / "result.json").read_text())


@pytest.mark.parametrize("runtime", REAL_RUNTIMES)
def test_the_agent_on_a_device_reports_to_nobody(runtime: str, tmp_path: Path) -> None:
    availability = find_runtime(runtime).check()
    if not availability.works:
        pytest.skip(f"{runtime} does not work here: {availability.why}")
    model, shape = make_onnx(), (1, 3, 8, 8)
    kinds = ("network", "reference")
    items = [make_item(kind, kind, model, layers=("all",), input_shape=shape) for kind in kinds]
    write_kit(tmp_path / "kit", {"name": "tiny"}, [(item, model) for item in items])
    (tmp_path / "agent.pyz").write_bytes(pack_agent())
    # -I: the device has no copy of the packages but the agent's own.
    run = (sys.executable, "-I", "agent.pyz", "run", "kit", "--runtime", runtime)
    check_silence([(*run, "--plan", json.dumps(PLAN.to_dict()), "-o", "m.json")], tmp_path)
    assert (tmp_path / "m.json").is_file()


@needs_rtx
@without_gpu
def test_building_an_engine_ahead_reports_to_nobody(supernet: Path, tmp_path: Path) -> None:
    asked = ("--runtime", "tensorrt_rtx", "--compute-capability", "8.6")
    check_silence(
        [(*COMPOFA, "export", "22222@16", "--supernet", supernet, *asked, "-o", "engine")], tmp_path
    )


def test_counting_accuracy_with_torch_reports_to_nobody(
    tmp_path: Path, write_split: WriteSplit, rng: np.random.Generator
) -> None:
    pytest.importorskip("torch")
    for name, count in (("train", 12), ("test", 5)):
        images = list(rng.integers(0, 256, (count, 20, 20, 3), dtype=np.uint8))
        write_split(tmp_path / "data" / f"{name}.parquet", images, [i % TINY.classes for i in range(count)])
    origin = {"data": "random", "data_settings": {"validation_images": 4, "split_seed": 0}}
    save_supernet(replace(make_supernet(), origin=origin), tmp_path / "trained.safetensors")
    asked = ("--supernet", "trained.safetensors", "--data", "data", "--resolutions", "16", "--threads", "1")
    check_silence([(*COMPOFA, "evaluate", *asked, "-o", "accuracy.json")], tmp_path)


@pytest.mark.parametrize(
    "module", ["compofa_deploy", "profilers", "profilers.measuring.worker", "profilers.targets.agent_entry"]
)
def test_telemetry_is_off_before_any_runtime_can_be_imported(module: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    code = f"import os, sys, {module}; print(os.environ['ORT_DISABLE_TELEMETRY'], sys.modules['openvino_telemetry'])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["1", "None"]
