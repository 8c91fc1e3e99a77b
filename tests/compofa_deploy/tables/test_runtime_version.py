"""A table of another version of its runtime is named in one line, with both versions."""

from dataclasses import replace

import pytest

from compofa_deploy.tables.runtime_version import describe_other_version
from latency_tables.device import DeviceRequest
from latency_tables.imported import describe_device
from profilers.runtimes.registry import find_runtime, find_spec
from tests.support.supernets import make_table


@pytest.fixture
def here():
    return find_spec(DeviceRequest(runtime="onnxruntime"))


def test_a_table_of_this_version_is_nothing_to_speak_of(here):
    assert describe_other_version(make_table(spec=here)) == ""


def test_a_table_of_another_version_is_named_with_both_versions_and_the_fix(here):
    table = replace(make_table(spec=replace(here, runtime_version="1.2.3")), source="cpu.json")
    version = find_runtime("onnxruntime").version()
    assert describe_other_version(table) == (
        f"cpu.json is of onnxruntime 1.2.3, and {version} is installed here: its latencies may differ; bring it up to "
        "date with compofa profile --from cpu.json"
    )


def test_a_table_of_another_machine_is_of_that_machines_runtime(here):
    machine = replace(here.machine, cpu_model="another")
    assert (
        describe_other_version(make_table(spec=replace(here, runtime_version="1.2.3", machine=machine))) == ""
    )


def test_a_table_of_unknown_origin_is_nothing_to_speak_of():
    assert describe_other_version(make_table(spec=describe_device(runtime="onnxruntime"))) == ""


def test_a_runtime_that_does_not_run_here_is_named(here):
    table = make_table(spec=replace(here, runtime="tensorrt_rtx", runtime_version="1.0"))
    assert "is of tensorrt_rtx 1.0, which does not run here" in describe_other_version(table)
