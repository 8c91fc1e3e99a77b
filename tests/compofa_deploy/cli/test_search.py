"""``compofa search``, and the tables and supernets that it reads."""

import csv
import json
from dataclasses import replace

import pytest

from compofa_deploy.search.candidate_lists import list_candidates
from compofa_deploy.search.constraints import MaxLatency
from compofa_deploy.search.select import best, front
from compofa_deploy.supernet.stored import save_supernet
from latency_tables.device import DeviceRequest
from latency_tables.machine import Machine
from profilers.runtimes.registry import find_spec
from tests.support.supernets import TINY, make_accuracies, make_supernet, make_table


@pytest.fixture
def search(compofa, supernet_file):
    return lambda *arguments: compofa("search", "--supernet", supernet_file, *arguments)


@pytest.fixture
def candidates(tiny, table):
    return list_candidates(TINY, make_accuracies(tiny), [table])


def test_the_best_under_a_budget_is_the_searches(search, table_file, candidates):
    ran = search("--table", table_file, "--latency", "33us", "--json")
    assert ran.code == 0
    assert ran.json["candidates"] == 2 * 243
    expected = candidates.describe(best(candidates, [MaxLatency(0.033)]))
    test = make_accuracies(make_supernet()).find(candidates.subnet(best(candidates, [MaxLatency(0.033)])))
    assert ran.json["best"] == {**expected, "test_accuracy": test["test"], "accuracy_assumed": False}
    assert ran.err == ""


def test_the_whole_front_is_the_searches(search, table_file, candidates):
    ran = search("--table", table_file, "--front", "--json")
    assert [f["subnet"] for f in ran.json["front"]] == [candidates.subnet(i).id for i in front(candidates)]


def test_a_plot_shows_the_budget_and_the_best_subnet(search, table_file, candidates, tmp_path):
    pytest.importorskip("matplotlib")
    ran = search("--table", table_file, "--latency", "33us", "--plot", tmp_path / "front.svg")
    assert ran.code == 0
    text = (tmp_path / "front.svg").read_text()
    assert "budget 0.033 ms" in text
    assert candidates.subnet(best(candidates, [MaxLatency(0.033)])).id in text


def test_a_plot_of_another_kind_is_refused_in_one_line(search, table_file, tmp_path):
    ran = search("--table", table_file, "--latency", "33us", "--plot", tmp_path / "front.pdf")
    assert ran.code == 2
    assert "a figure is written as .svg or .png" in ran.error


def test_people_are_shown_a_table_with_units(search, table_file):
    ran = search("--table", table_file, "--latency", "33us")
    assert ran.code == 0
    assert "us" in ran.out
    assert "on onnxruntime" in ran.out


def test_this_machines_cached_table_is_found(search, cached):
    assert search("--latency", "1ms", "--json").code == 0


def test_without_any_table_the_mend_is_named(search):
    ran = search("--latency", "1ms")
    assert ran.code == 2
    assert "make one with compofa profile" in ran.error


def test_several_tables_are_searched_together(search, table_file, tmp_path, spec):
    make_table(spec=replace(spec, threads=2), intercept_ms=0.0).save(tmp_path / "fast.json")
    ran = search("--table", table_file, "--table", tmp_path / "fast.json", "--json")
    assert ran.json["candidates"] == 4 * 243
    assert "2 threads" in ran.json["best"]["device_spec"]


@pytest.fixture
def half_as_slow(table_file, tmp_path, spec):
    """A table of OpenVINO in bf16, where every layer takes half the time."""
    plain = make_table(spec=spec)
    costs = {key: cost / 2 for key, cost in plain.costs_ms.items()}
    half = make_table(
        spec=replace(spec, runtime="openvino", precision="bf16"), costs_ms=costs, layers_ms=costs
    )
    half.save(tmp_path / "half.json")
    return tmp_path / "half.json"


def test_a_lower_precision_counts_with_the_accuracy_that_was_measured_in_it(
    compofa, tiny, tmp_path, table_file, half_as_slow
):
    save_supernet(tiny, tmp_path / "net.safetensors")
    f32 = make_accuracies(tiny)
    f32.save(tmp_path / "net.accuracy.json")
    poorer = {split: counts - 100 for split, counts in f32.correct.items()}
    poor = replace(f32, correct=poorer, precision="bf16", runtime="openvino")
    poor.save(tmp_path / "net.openvino-bf16.accuracy.json")
    arguments = ["--supernet", tmp_path / "net.safetensors", "--table", table_file, "--table", half_as_slow]
    ran = compofa("search", *arguments, "--front", "--json")
    assert {f["precision"] for f in ran.json["front"]} == {"f32", "bf16"}
    assert not any(f["accuracy_assumed"] for f in ran.json["front"])
    assert ran.json["front"][-1]["precision"] == "f32"
    shown = compofa("search", *arguments, "--front")
    assert "openvino cpu bf16, 1 thread " in shown.out
    assert "onnxruntime cpu f32, 1 thread " in shown.out
    assert "assumed" not in shown.out


def test_accuracies_that_nobody_measured_in_a_precision_are_called_assumed(search, table_file, half_as_slow):
    ran = search("--table", table_file, "--table", half_as_slow, "--json")
    assert ran.json["best"]["precision"] == "bf16"
    assert ran.json["best"]["accuracy_assumed"]
    shown = search("--table", table_file, "--table", half_as_slow)
    assert "accuracies in bf16 are assumed to equal those in f32" in shown.out


def test_what_is_found_is_written_as_csv(search, table_file, tmp_path):
    ran = search("--table", table_file, "--front", "--csv", tmp_path / "front.csv", "--json")
    rows = list(csv.DictReader((tmp_path / "front.csv").read_text().splitlines()))
    assert [row["subnet"] for row in rows] == [f["subnet"] for f in ran.json["front"]]
    assert float(rows[0]["latency_ms"]) == pytest.approx(ran.json["front"][0]["latency_ms"])


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (["--latency", "1us"], "no candidate has latency at most 0.001 ms; the closest is 22222@16"),
        (["--min-accuracy", "99"], "no candidate has accuracy at least 99 %"),
        (["--max-size", "1kB"], "no candidate has size at most 0.001 MB"),
        (["--max-macs", "1k"], "no candidate has at most 0.001 million MACs"),
        (["--max-params", "1k"], "no candidate has at most 0.001 million parameters"),
        (
            ["--latency", "27.5us", "--min-accuracy", "85"],
            "latency at most 0.0275 ms and accuracy at least 85 %",
        ),
    ],
)
def test_limits_that_nothing_keeps_are_answered_no(search, table_file, limits, message):
    ran = search("--table", table_file, "--json", *limits)
    assert ran.code == 1
    assert message in ran.error
    assert ran.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--min-accuracy", "101"], "between 0 and 100 per cent"),
        (["--min-accuracy", "nan"], "'nan' is not a percentage; write it as in 80"),
        (["--min-accuracy", "0.80"], "an accuracy is in per cent; write 80, or 0.8% if that is meant"),
        (["--latency", "0ms"], "must be above 0"),
        (["--latency", "2"], "is not a time"),
        (["--confidence", "1"], "--confidence"),
        (["--table", "none.json"], "none.json: there is no such file"),
        (["--accuracy", "none.json"], "none.json: there is no such file"),
        (["--supernet", "none.safetensors"], "none.accuracy.json: there is no accuracy table|no such file"),
        (["--supernet", "resnet50"], "no supernet 'resnet50'"),
        (["--csv", "no/such/folder/front.csv"], "front.csv: cannot be written"),
    ],
)
def test_bad_input_is_one_line(search, table_file, arguments, message):
    ran = search("--table", table_file, *arguments)
    assert ran.code == 2
    assert any(part in ran.error for part in message.split("|"))
    assert ran.out == ""


def test_a_table_of_another_architecture_is_refused(compofa, supernet_file, tmp_path, spec):
    make_table(replace(TINY, name="other"), spec).save(tmp_path / "other.json")
    ran = compofa("search", "--supernet", supernet_file, "--table", tmp_path / "other.json")
    assert ran.code == 2
    assert "of another architecture than tiny" in ran.error


def test_accuracies_of_another_supernet_are_refused(search, table_file, tmp_path):
    make_accuracies(make_supernet(seed=1)).save(tmp_path / "other.json")
    ran = search("--table", table_file, "--accuracy", tmp_path / "other.json")
    assert ran.code == 2
    assert "made from other weights" in ran.error


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text.replace("0.01,", "NaN,", 1), "NaN is not a number"),
        (lambda text: text[: len(text) // 2], "may be cut off"),
        (lambda text: "", "not the JSON it should be"),
        (lambda text: text.replace("compofa-latency-table", "another"), "not a compofa-latency-table"),
    ],
)
def test_a_table_that_was_spoilt_is_refused(search, table_file, spoil, message):
    table_file.write_text(spoil(table_file.read_text()))
    ran = search("--table", table_file)
    assert ran.code == 2
    assert message in ran.error
    assert str(table_file) in ran.error


def test_tables_in_the_cache_are_listed(compofa, cached, spec):
    ran = compofa("tables", "list", "--json")
    (found,) = ran.json["tables"]
    assert found["file"] == str(cached)
    assert found["architecture"] == "tiny"
    assert found["device_spec_id"] == spec.id
    assert ran.json["broken"] == []
    assert "tiny at 16, 20 px" in compofa("tables", "list").out


def test_a_table_in_the_cache_that_is_broken_is_listed_as_such(compofa, cached):
    cached.write_text("{")
    ran = compofa("tables", "list", "--json")
    assert ran.code == 0
    assert ran.json["tables"] == []
    assert str(cached) in ran.json["broken"][0]
    assert str(cached) in compofa("tables", "list").err


def test_an_empty_cache_is_no_error(compofa):
    ran = compofa("tables", "list")
    assert ran.code == 0
    assert "make one with compofa profile" in ran.out


def test_a_table_is_shown_with_its_layers(compofa, table_file, table):
    ran = compofa("tables", "show", table_file, "--json")
    assert ran.json["costs_ms"] == table.costs_ms
    assert ran.json["error"]["mape"] == table.error.mape
    shown = compofa("tables", "show", table_file)
    assert shown.code == 0
    assert "between two sessions" in shown.out
    assert next(iter(table.costs_ms)) in shown.out


def test_predictions_are_the_tables(compofa, table_file, candidates):
    ran = compofa("tables", "predict", table_file, "23344@16", "44444@20", "--json")
    (small, large) = ran.json["predictions"]
    assert (small["subnet"], large["subnet"]) == ("23344@16", "44444@20")
    assert small["low_ms"] < small["latency_ms"] < small["high_ms"] < large["latency_ms"]
    index = next(i for i in range(len(candidates)) if candidates.subnet(i).id == "44444@20")
    assert large["latency_ms"] == pytest.approx(candidates.latency_ms[index])


@pytest.mark.parametrize("subnet", ["5", "23344", "23345@16", "23344@0", "{}", "{"])
def test_a_subnet_that_is_none_is_refused(compofa, table_file, subnet):
    ran = compofa("tables", "predict", table_file, subnet)
    assert ran.code == 2
    assert "not a subnet id" in ran.error or "OFA config" in ran.error


def test_a_resolution_that_the_table_lacks_is_named(compofa, table_file):
    ran = compofa("tables", "predict", table_file, "23344@24")
    assert ran.code == 2
    assert "profile the architecture and resolution you need" in ran.error


def test_supernets_and_architectures_are_listed(compofa):
    ran = compofa("models", "list", "--json")
    names = [a["name"] for a in ran.json["architectures"]]
    assert "mbv3-w1.0-imagenet" in names
    assert compofa("models", "list").code == 0


def test_a_supernet_is_shown_with_its_accuracies(compofa, supernet_file, tiny):
    ran = compofa("models", "show", supernet_file, "--json")
    assert ran.json["digest"] == tiny.digest
    assert [a["resolution"] for a in ran.json["accuracy"]] == [16, 20]
    assert json.dumps(ran.json["architecture"]) == json.dumps(TINY.to_dict())
    assert "tiny: class0, class1" in compofa("models", "show", supernet_file).out


def test_devices_say_what_works(compofa):
    ran = compofa("devices", "--json")
    runtimes = {r["runtime"]: r for r in ran.json["runtimes"]}
    assert runtimes["onnxruntime"]["works"]
    assert Machine.from_dict(ran.json["machine"]).cores >= 1
    assert "onnxruntime" in compofa("devices").out


def test_a_table_of_another_runtime_version_is_warned_of_in_one_line(search, compofa, table, tmp_path):
    here = find_spec(DeviceRequest(runtime="onnxruntime"))
    replace(table, spec=replace(here, runtime_version="1.2.3")).save(tmp_path / "old.json")
    for ran in (
        search("--table", tmp_path / "old.json", "--latency", "33us"),
        compofa("tables", "predict", tmp_path / "old.json", "23344@16"),
    ):
        assert ran.code == 0
        (line,) = ran.err.splitlines()
        assert "is of onnxruntime 1.2.3, and" in line
