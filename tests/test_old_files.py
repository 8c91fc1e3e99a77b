"""Files that an earlier release wrote are read: a table, a kit and its journal, a measured kit, a result, a bundle, a
supernet and its accuracy table. They stand in ``tests/old_files`` and are never written anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.bench.result import BenchResult
from compofa_deploy.bundle.bundle import load_bundle
from compofa_deploy.bundle.deployment import Deployment
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import load_supernet
from latency_tables.errors import CompofaError, FormatError
from latency_tables.measured_kit import MeasuredKit
from latency_tables.table import LatencyTable
from profilers.measuring.journal import Journal
from profilers.measuring.kit_zip import unpack_kit
from profilers.measuring.plan import Plan
from tests.support.mutations import mutate

OLD = Path(__file__).parent / "old_files"


def test_an_old_table_is_read() -> None:
    table = LatencyTable.load(OLD / "table.json")
    assert table.spec.machine.cpu_model == "A CPU"
    assert len(table.costs_ms) == 33
    assert table.predict_ms(list(table.costs_ms)[:1]) > table.intercept_ms == 0.01
    assert table.validation is not None
    assert table.validation.networks[0].predicted_ms == 0.3


def test_an_old_table_that_is_saved_anew_says_the_same(tmp_path: Path) -> None:
    LatencyTable.load(OLD / "table.json").save(tmp_path / "table.json")
    assert json.loads((tmp_path / "table.json").read_text()) == json.loads((OLD / "table.json").read_text())


def test_an_old_measured_kit_is_read_and_makes_a_table(tmp_path: Path) -> None:
    measured = MeasuredKit.load(OLD / "measured.json")
    assert len(measured.items) == 16
    assert measured.kit_id == "68da4151a9fb"
    assert measured.build_table().reference_ms == pytest.approx(0.1696, rel=0.2)
    measured.save(tmp_path / "measured.json")
    assert json.loads((tmp_path / "measured.json").read_text()) == json.loads(
        (OLD / "measured.json").read_text()
    )


def test_an_old_kit_is_unpacked_and_is_the_one_that_was_measured(tmp_path: Path) -> None:
    kit = unpack_kit(OLD / "kit.zip", tmp_path / "kit")
    assert kit.items == MeasuredKit.load(OLD / "measured.json").items


def test_a_run_goes_on_from_an_old_journal(tmp_path: Path) -> None:
    path = tmp_path / "kit.journal"
    shutil.copy(OLD / "kit.journal", path)
    header = json.loads(path.read_text().splitlines()[0])
    identity = {key: value for key, value in header.items() if key not in ("format", "version")}
    with Journal(path, identity) as journal:
        assert journal.set_aside is None
        assert len(journal.sessions) == 18
        assert journal.sessions[0].item == "layer2"


def test_an_old_result_is_read(tmp_path: Path) -> None:
    result = BenchResult.load(OLD / "bench.json")
    (bundle,) = result.bundles
    assert (result.label, bundle.name) == ("abc", "net")
    assert len(bundle.measurement.sessions) == 3
    result.save(tmp_path / "bench.json")
    assert json.loads((tmp_path / "bench.json").read_text()) == json.loads((OLD / "bench.json").read_text())


def test_an_old_bundle_is_read_with_its_hashes_right() -> None:
    bundle = load_bundle(OLD / "bundle")
    assert bundle.deployment.subnet == "23432@16"
    assert bundle.deployment.labels == ("class0", "class1")
    assert bundle.spec.runtime_version == "1.31.1"
    pixels, logits = bundle.read_reference()
    assert len(pixels) == len(logits)


def test_an_old_supernet_and_its_accuracy_table_are_read() -> None:
    supernet = load_supernet(OLD / "supernet.safetensors")
    table = AccuracyTable.load(OLD / "supernet.accuracy.json")
    table.check_supernet(supernet.digest)
    assert supernet.architecture.resolutions == table.resolutions == (16,)
    assert np.isfinite(table.accuracy()).all()
    assert 0 < table.find(Subnet.compound((2, 3, 4, 3, 2), 16))["test"] < 100


READERS = {
    "table.json": LatencyTable,
    "measured.json": MeasuredKit,
    "bench.json": BenchResult,
    "bundle/deployment.json": Deployment,
}
CONTENTS = {name: json.loads((OLD / name).read_text()) for name in (*READERS, "supernet.accuracy.json")}
# The hash of a manifest, which is checked before its fields are read.
del CONTENTS["bundle/deployment.json"]["content_id"]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
@pytest.mark.parametrize("name", READERS)
def test_a_file_with_one_value_damaged_is_read_or_is_one_line(name: str, data: st.DataObject) -> None:
    text = json.dumps(data.draw(mutate(CONTENTS[name])))
    try:
        READERS[name].parse(text, "the file")  # type: ignore[attr-defined]
        message = "the file"
    except FormatError as error:
        message = str(error)
    assert message.startswith("the file")
    assert "\n" not in message


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
@pytest.mark.parametrize("name", READERS)
def test_a_file_with_one_byte_damaged_is_read_or_is_one_line(name: str, data: st.DataObject) -> None:
    content = bytearray(json.dumps(CONTENTS[name]).encode())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 127))
    try:
        READERS[name].parse(content.decode(), "the file")  # type: ignore[attr-defined]
        message = "the file"
    except FormatError as error:
        message = str(error)
    assert message.startswith("the file")
    assert "\n" not in message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_an_accuracy_table_with_one_value_damaged_is_read_or_is_one_line(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "accuracy.json"
    path.write_text(json.dumps(data.draw(mutate(CONTENTS["supernet.accuracy.json"]))))
    try:
        AccuracyTable.load(path)
        message = str(path)
    except CompofaError as error:
        message = str(error)
    assert message.startswith(str(path))
    assert "\n" not in message


@given(st.data())
def test_a_plan_with_one_value_damaged_is_read_or_is_one_line(data: st.DataObject) -> None:
    try:
        Plan.from_dict(data.draw(mutate(Plan().to_dict())), "the plan")
        message = "the plan"
    except FormatError as error:
        message = str(error)
    assert message.startswith("the plan")
    assert "\n" not in message
