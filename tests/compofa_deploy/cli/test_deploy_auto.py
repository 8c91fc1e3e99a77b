"""``compofa deploy --runtime auto`` on a device that is simulated, exporting for real."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compofa_deploy.bundle import verify as verify_module
from compofa_deploy.bundle.bundle import load_bundle
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import save_supernet
from compofa_deploy.tables.profile import PLANS
from profilers.machine.environment import read_machine
from profilers.measuring.plan import Plan
from profilers.runtimes.fake import FakeWorld
from profilers.targets.registry import TARGETS
from profilers.targets.simulated import SimulatedDevice
from tests.support.supernets import TINY, make_accuracies, make_table

openvino = pytest.importorskip("openvino")

BUDGET = "28us"
SPEED = {"onnxruntime f32": 1.0, "openvino f32": 0.9, "openvino bf16": 0.7, "openvino f16": 0.6}
"""What a layer takes, beside ONNX Runtime."""


class ManyRuntimes(SimulatedDevice):
    """Runtimes and precisions are as fast as ``SPEED`` says."""

    def measure_kit_impl(self, kit, spec, *rest):
        plain = make_table(spec=spec)
        factor = SPEED[f"{spec.runtime} {spec.precision}"] * (0.9 if spec.threads > 1 else 1)
        self.world = FakeWorld(launch_ms=plain.intercept_ms)
        self.cost_ms = lambda key: factor * plain.costs_ms.get(key, 0.01)
        self.specs.append(spec)  # type: ignore[attr-defined]
        return super().measure_kit_impl(kit, spec, *rest)


@pytest.fixture(autouse=True)
def simulated(monkeypatch, device):
    """The device that stands for this machine; ``specs`` are the device specs of what it measured."""
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU has no bf16")
    brief = Plan(
        layer_sessions=1, network_sessions=2, min_calls=5, min_ms=0.0, max_calls=5, reference_calls=3
    )
    monkeypatch.setitem(PLANS, "quick", lambda: brief)
    monkeypatch.setattr(verify_module, "MEASURE_PLAN", brief)
    simulated = ManyRuntimes(device)
    simulated.specs = []  # type: ignore[attr-defined]
    monkeypatch.setitem(TARGETS, "local", lambda target, journals, python: simulated)
    return simulated


@pytest.fixture
def supernet(tiny, tmp_path):
    """A supernet's file with its accuracies in float32 beside it."""
    origin = {"data_settings": {"validation_images": 4, "split_seed": 0}}
    save_supernet(replace(tiny, origin=origin), tmp_path / "net.safetensors")
    make_accuracies(tiny).save(tmp_path / "net.accuracy.json")
    return tmp_path / "net.safetensors"


@pytest.fixture
def measured_in_bf16(tiny, supernet):
    """What bf16 costs, measured: 2 images of 1000."""
    f32 = make_accuracies(tiny)
    counts = {split: counts - 2 for split, counts in f32.correct.items()}
    poorer = replace(f32, correct=counts, precision="bf16", runtime="openvino")
    poorer.save(supernet.with_name("net.openvino-bf16.accuracy.json"))
    return poorer


@pytest.fixture
def deploy(compofa, supernet, tmp_path):
    return lambda *arguments: compofa(
        "deploy", "--supernet", supernet, "-o", tmp_path / "bundle", "--latency", BUDGET, *arguments
    )


def test_runtimes_precisions_and_threads_are_compared_and_the_best_is_delivered(
    deploy, measured_in_bf16, simulated, tmp_path
):
    ran = deploy("--runtime", "auto", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["runtime"], ran.json["precision"]) == ("openvino", "bf16")
    compared = {
        (c["runtime"], c["precision"], c["threads"]): c["best"]["accuracy"] for c in ran.json["compared"]
    }
    threads = {1, read_machine().usable_threads}
    assert {(r, p) for r, p, _ in compared} == {
        ("onnxruntime", "f32"),
        ("openvino", "f32"),
        ("openvino", "bf16"),
    }
    assert threads <= {n for _, _, n in compared}
    assert sum(len(labels) > 1 for labels in simulated.measured) == len(compared)
    assert ran.json["accuracy"]["validation"] == pytest.approx(max(compared.values()), abs=1e-3)
    deployment = load_bundle(tmp_path / "bundle").deployment
    assert deployment.accuracy.precision == "bf16"
    assert deployment.accuracy.validation == pytest.approx(
        measured_in_bf16.find(Subnet.parse(deployment.subnet))["validation"]
    )
    assert deployment.device_spec["precision"] == "bf16"
    assert sorted(p.name for p in (tmp_path / "bundle").iterdir()) == [
        "deployment.json", "model.bin", "model.xml", "reference.safetensors",
    ]  # fmt: skip


def test_the_pick_is_at_least_as_accurate_as_with_one_runtime_alone(deploy, measured_in_bf16):
    mixed = deploy("--runtime", "auto", "--json").json["accuracy"]["validation"]
    alone = deploy("--json").json["accuracy"]["validation"]
    assert mixed >= alone


def test_people_are_shown_what_was_compared(deploy, measured_in_bf16):
    ran = deploy("--runtime", "auto", "--threads", "1")
    for settings in (
        "onnxruntime cpu f32, 1 thread",
        "openvino cpu f32, 1 thread",
        "openvino cpu bf16, 1 thread",
    ):
        assert settings in ran.out
    assert "validation, in bf16" in ran.out
    assert "profiling 1 of 3" in ran.err
    assert "threads" not in ran.out.replace("1 thread,", "")


def test_a_precision_whose_cost_nobody_measured_is_left_out(deploy, simulated):
    ran = deploy("--runtime", "auto", "--threads", "1", "--json")
    assert {c["precision"] for c in ran.json["compared"]} == {"f32"}
    left = {entry["what"]: entry["why"] for entry in ran.json["left_out"]}
    assert "compofa evaluate --runtime openvino --precision bf16" in left["openvino bf16"]
    assert "left out: openvino bf16" in ran.err
    assert not any(spec.precision == "bf16" for spec in simulated.specs)


def test_a_precision_that_is_named_is_taken_and_its_accuracy_called_that_of_f32(deploy):
    ran = deploy("--runtime", "openvino", "--precision", "bf16", "--json")
    assert ran.json["accuracy"]["precision"] == "f32"
    assert ran.json["compared"][0]["accuracy_assumed"]
    assert "the accuracy is that of f32: nobody has measured it in bf16 on openvino" in ran.err


def test_on_images_the_cost_is_measured_of_what_would_be_picked(deploy, write_split, tmp_path, rng):
    pytest.importorskip("pyarrow")
    names = [f"class{i}" for i in range(TINY.classes)]
    for name, count in (("train", 12), ("test", 5)):
        images = rng.integers(0, 256, (count, 20, 20, 3), dtype=np.uint8)
        write_split(tmp_path / "data" / f"{name}.parquet", images, [i % 4 for i in range(count)], names)
    few_keep_it = "22.8us"
    ran = deploy(
        "--latency", few_keep_it, "--runtime", "openvino", "--precision", "bf16", "--data", tmp_path / "data", "--json"
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.json["accuracy"]["precision"] == "bf16"
    assert ran.json["accuracy"]["validation"] in (0, 25, 50, 75, 100)
    assert ran.json["accuracy"]["test"] in (0, 20, 40, 60, 80, 100)
    assert "counting what" in ran.err
    assert not ran.json["compared"][0]["accuracy_assumed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runtime", "auto", "--precision", "int4"], "no runtime here has what was asked for"),
        (["--runtime", "auto", "--threads", "0"], "'0' is not a number of threads"),
        (["--runtime", "auto", "--threads", "4096"], "4096 threads were asked for"),
        (["--runtime", "auto", "--device", "abacus"], "no device 'abacus'"),
        (
            ["--runtime", "auto", "--target-platform", "arm"],
            "--target-platform is of onnxruntime_mobile alone",
        ),
        (["--runtime", "auto", "--data", "none"], "none"),
        (["--precision", "f17"], "no precision 'f17'"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_measured(deploy, simulated, arguments, message):
    ran = deploy(*arguments)
    assert ran.code == 2
    assert message in ran.error
    assert simulated.measured == []


def test_a_budget_that_nothing_keeps_names_the_closest_of_all(compofa, supernet, tmp_path):
    ran = compofa(
        "deploy", "--supernet", supernet, "-o", tmp_path / "b", "--latency", "1us", "--runtime", "auto"
    )
    assert ran.code == 1
    assert "the closest is 22222@16" in ran.error
