"""The agent on real aarch64 code, under qemu. How long anything takes there is no device's latency."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from compofa_deploy.export.export import draw_reference_images
from compofa_deploy.graph.network import build_network
from compofa_deploy.graph.reference import run_reference
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import load_supernet
from latency_tables.errors import MismatchError
from latency_tables.measured_kit import MeasuredKit
from profilers.measuring.kit import Kit, make_item, write_kit
from profilers.measuring.kit_zip import pack_kit
from profilers.measuring.plan import Plan
from profilers.measuring.runner import measure_kit
from profilers.runtimes.registry import find_runtime
from profilers.targets.agent_archive import pack_agent
from tests.profilers.models import SHAPE, make_onnx
from tests.support.aarch64 import Emulated, find_emulated

pytestmark = [pytest.mark.slow, pytest.mark.network]

PLAN = Plan(
    layer_sessions=1,
    network_sessions=2,
    min_calls=3,
    min_ms=0.0,
    max_calls=3,
    reference_calls=3,
    session_limit_s=600,
)
SUBNETS = ("22222@24", "33333@24", "44444@24")


@pytest.fixture(scope="module")
def emulated() -> Emulated:
    return find_emulated()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("device")
    (folder / "agent.pyz").write_bytes(pack_agent())
    return folder


@pytest.fixture(scope="module")
def kit(folder: Path) -> Kit:
    """Two tiny layers and three networks of the supernet that ships."""
    supernet = load_supernet()
    items = [
        (make_item(key, "layer", make_onnx(), layers=(key,), input_shape=SHAPE), make_onnx()) for key in "xy"
    ]
    for id in (*SUBNETS, "reference"):
        subnet = Subnet.parse(SUBNETS[0] if id == "reference" else id)
        model = build_network(supernet.layers_of(subnet), supernet.weights_of(subnet))
        kind = "reference" if id == "reference" else "network"
        items.append((make_item(id, kind, model, layers=("x", "y"), input_shape=(1, 3, 24, 24)), model))
    kit = write_kit(folder / "kit", supernet.architecture.to_dict(), items)
    pack_kit(kit, folder / "kit.zip")
    return kit


@pytest.fixture(scope="module")
def measured(emulated: Emulated, folder: Path, kit: Kit) -> MeasuredKit:
    plan = json.dumps(PLAN.to_dict())
    done = emulated.run(
        folder, "agent.pyz", "run", "kit.zip", "--in-process", "--plan", plan, "-o", "measured.json"
    )
    assert done.returncode == 0, done.stderr
    return MeasuredKit.load(folder / "measured.json")


def test_what_it_measured_is_valid_here_and_says_what_it_is(measured: MeasuredKit, kit: Kit) -> None:
    assert measured.kit_id == kit.kit_id
    assert measured.in_process
    assert measured.spec.machine.architecture == "aarch64"
    assert measured.spec.machine.emulated
    assert measured.spec.runtime_version == measured.made_with["onnxruntime"] == "1.23.2"
    assert [len(m.sessions) for m in measured.measurements] == [PLAN.sessions(item) for item in kit.measured]


def test_it_makes_no_table_unless_that_is_asked_for(measured: MeasuredKit) -> None:
    with pytest.raises(MismatchError, match="measured on an emulated aarch64, and tells nothing of a device"):
        measured.build_table()
    table = measured.build_table(emulated=True)
    assert table.spec.describe().endswith(", emulated")
    assert [network.label for network in table.networks] == list(SUBNETS)


def test_its_table_is_not_taken_for_one_of_this_machine(measured: MeasuredKit, kit: Kit) -> None:
    with pytest.raises(MismatchError, match=r"runtime_version 1.23.2|machine's"):
        measured.spec.check_same(
            measure_kit(kit, find_runtime("onnxruntime").spec(), None, PLAN).spec, "the table"
        )


@pytest.mark.parametrize("id", SUBNETS)
def test_its_outputs_are_those_of_this_machine_and_of_the_reference(
    emulated: Emulated, folder: Path, kit: Kit, id: str
) -> None:
    supernet, subnet, runtime = load_supernet(), Subnet.parse(id), find_runtime("onnxruntime")
    image = supernet.preprocess.normalise(draw_reference_images(subnet.resolution))[:1]
    np.savez(folder / "inputs.npz", image=image)
    item = next(item for item in kit.items if item.id == id)
    done = emulated.run(
        folder, "agent.pyz", "outputs", kit.path(item), "--inputs", "inputs.npz", "-o", f"{id}.npz"
    )
    assert done.returncode == 0, done.stderr
    with np.load(folder / f"{id}.npz") as outputs:
        there = outputs["logits"]
    with runtime.open(kit.read(item), runtime.spec()) as session:
        here = session.run({"image": image})["logits"]
    reference = run_reference(supernet.layers_of(subnet), supernet.weights_of(subnet), image)
    tolerance = 1e-4 * max(1.0, float(np.abs(here).max()))
    assert np.ptp(here) > 1
    np.testing.assert_allclose(there, here, atol=tolerance, rtol=0)
    np.testing.assert_allclose(there, reference, atol=tolerance, rtol=0)
