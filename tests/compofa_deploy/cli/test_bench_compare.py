"""``compofa bench compare`` on simulated devices, whose clocks only advance as their models run."""

import json
import os
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree

import pytest

from compofa_deploy.bundle.deployment import Tensor
from latency_tables.device import DeviceRequest
from profilers.runtimes.registry import find_runtime
from tests.compofa_deploy.bench.builders import make_fake_model, write_fake_bundle
from tests.compofa_deploy.export.builders import change_manifest, flip_byte


@pytest.fixture
def put(exported, tmp_path):
    """Writes a simulated bundle at a place; says where."""

    def write(place, slower=1.0, model=None, **changes):
        folder = tmp_path / place
        folder.parent.mkdir(parents=True, exist_ok=True)
        return write_fake_bundle(folder, exported, model or make_fake_model(slower), **changes)

    return write


@pytest.mark.parametrize(
    ("slower", "answer", "code"), [(1.0, "same", 0), (1.1, "slower", 1), (0.9, "faster", 0)]
)
def test_two_bundles_are_answered_with_an_exit_code(compofa, put, slower, answer, code):
    ran = compofa("bench", "compare", put("old"), put("new", slower), "--json")
    assert ran.code == code, ran.err
    assert ran.json["exit_code"] == code
    (found,) = ran.json["comparisons"]
    assert found["verdict"] == answer
    assert found["low"] <= slower <= found["high"]
    assert found["model"] == "23432@16"
    assert "comparing 23432@16" in ran.err


def test_people_are_shown_a_table_and_the_answer(compofa, put):
    ran = compofa("bench", "compare", put("old"), put("new", 1.1), "--max-regression", "5%")
    assert ran.code == 1
    assert "+10." in ran.out or "+9." in ran.out
    assert "slower (1 model: 1 slower; at most 5 % is allowed)" in ran.out


def test_what_is_too_noisy_is_not_told_and_says_why(compofa, put):
    world = make_fake_model().world.__class__(placement_noise=0.3)
    old, new = (put(place, model=make_fake_model(1.0, world)) for place in ("old", "new"))
    ran = compofa("bench", "compare", old, new, "--max-regression", "1%", "--json")
    assert ran.code == 3
    (found,) = ran.json["comparisons"]
    assert found["verdict"] == "could not tell"
    assert "% wide" in found["reason"]
    assert "(--limit)" in found["reason"]


def test_folders_are_compared_by_names_and_what_is_alone_is_said(compofa, put, tmp_path):
    for side in ("old", "new"):
        put(f"{side}/small")
        put(f"{side}/large", 1.2 if side == "new" else 1.0)
    put("old/gone")
    put("new/added")
    reports = ["--markdown", tmp_path / "comment.md", "--junit", tmp_path / "latency.xml"]
    ran = compofa("bench", "compare", tmp_path / "old", tmp_path / "new", "--json", *reports)
    assert ran.code == 1
    assert {c["model"]: c["verdict"] for c in ran.json["comparisons"]} == {"large": "slower", "small": "same"}
    assert len(ran.json["warnings"]) == 2
    assert "gone is in" in ran.err
    assert "added is in" in ran.err
    suite = ElementTree.parse(tmp_path / "latency.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    comment = (tmp_path / "comment.md").read_text()
    assert "Latency: slower (2 models: 1 same, 1 slower" in comment
    assert "only, and was not compared" in comment


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input": Tensor(name="image", shape=(1, 3, 20, 20), dtype="float32")}, "1 x 3 x 20 x 20"),
        ({"input": Tensor(name="picture", shape=(1, 3, 16, 16), dtype="float32")}, "takes picture, float32"),
        ({"input": Tensor(name="image", shape=(1, 3, 16, 16), dtype="uint8")}, "image, uint8"),
    ],
)
def test_models_of_different_inputs_are_refused(compofa, put, changes, message):
    ran = compofa("bench", "compare", put("old"), put("new", **changes), "--json")
    assert ran.code == 2
    assert message in ran.error
    assert "compare models with the same input" in ran.error
    assert ran.out == ""


def test_a_model_that_takes_other_inputs_than_its_manifest_says_is_refused(compofa, put):
    other = make_fake_model().__class__(("layer",), (1.0,), input_shape=(1, 3, 20, 20))
    ran = compofa("bench", "compare", put("old"), put("new", model=other))
    assert ran.code == 2
    assert "the new model: input image is float32" in ran.error


def test_a_difference_of_settings_is_compared_and_said(compofa, put):
    spec = find_runtime("fake").spec(DeviceRequest("fake", spin=False)).to_dict()
    old = {**find_runtime("fake").spec().to_dict(), "runtime_version": "0.9"}
    ran = compofa("bench", "compare", put("old", device_spec=old), put("new", device_spec=spec), "--json")
    assert ran.code == 0
    notes = ran.json["comparisons"][0]["notes"]
    assert notes == [
        "spin: True, False: part of what is compared",
        "the old bundle was made with fake 0.9, and runs here on 1.0",
    ]


@pytest.mark.parametrize("spoil", ["byte", "no manifest", "no folder", "file"])
def test_what_is_no_bundle_is_bad_input_and_not_a_no(compofa, put, tmp_path, spoil):
    old, new = put("old"), put("new")
    if spoil == "byte":
        flip_byte(new / "model.fake", 200)
    elif spoil == "no manifest":
        (new / "deployment.json").unlink()
    elif spoil == "no folder":
        new = tmp_path / "none"
    else:
        new = new / "model.fake"
    ran = compofa("bench", "compare", old, new)
    assert ran.code == 2
    assert "new" in ran.error or "none" in ran.error


def test_a_bundle_and_a_folder_of_bundles_are_not_compared(compofa, put, tmp_path):
    put("many/one")
    ran = compofa("bench", "compare", put("old"), tmp_path / "many")
    assert ran.code == 2
    assert "one is a bundle, and the other a folder of bundles" in ran.error


def test_folders_that_share_no_name_are_refused(compofa, put, tmp_path):
    put("old/a")
    put("new/b")
    ran = compofa("bench", "compare", tmp_path / "old", tmp_path / "new")
    assert ran.code == 2
    assert "(a) has the name of one in" in ran.error


def test_a_model_that_the_runtime_cannot_load_could_not_be_measured(compofa, put):
    ran = compofa("bench", "compare", put("old"), put("new", model=make_fake_model(fault="error")))
    assert ran.code == 3
    assert "it was told to" in ran.error


def test_a_runtime_that_crashes_takes_only_its_process_with_it(compofa, put):
    ran = compofa("bench", "compare", put("old"), put("new", model=make_fake_model(fault="crash")))
    assert ran.code == 3
    assert "was ended by signal 6" in ran.error


def test_a_process_that_dies_once_is_replaced(compofa, put, tmp_path):
    model = make_fake_model(fault="crash", fault_marker=str(tmp_path / "crashed"))
    ran = compofa("bench", "compare", put("old"), put("new", model=model))
    assert (tmp_path / "crashed").exists()
    assert ran.code == 0


def test_more_threads_than_cores_are_refused(compofa, put):
    old, new = put("old"), put("new")
    change_manifest(new, lambda d: d["device_spec"].update(threads=4096))
    ran = compofa("bench", "compare", old, new)
    assert ran.code == 2
    assert "4096 threads were asked for" in ran.error


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be taken away here")
def test_a_machine_with_one_core_can_be_measured_and_says_so(compofa, put):
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        ran = compofa("bench", "compare", put("old"), put("new"), "--json")
    finally:
        os.sched_setaffinity(0, allowed)
    assert ran.code == 0
    assert any("has one core" in note for note in ran.json["comparisons"][0]["notes"])


@pytest.mark.parametrize("word", ["3", "0%", "three", "-1%", "3ms"])
def test_a_regression_is_written_in_per_cent(compofa, put, word):
    ran = compofa("bench", "compare", put("old"), put("new"), f"--max-regression={word}")
    assert ran.code == 2
    assert "share" in ran.error


def test_two_results_are_compared_by_what_is_in_them(compofa, tmp_path):
    for name in ("old.json", "new.json"):
        (tmp_path / name).write_text("{}")
    ran = compofa("bench", "compare", tmp_path / "old.json", tmp_path / "new.json")
    assert ran.code == 2
    assert "not a compofa-bench-result" in ran.error


def test_ctrl_c_leaves_nothing_behind(compofa, put, simulated, tmp_path):
    def interrupt(label):
        raise KeyboardInterrupt

    simulated.slow_down = interrupt
    old, new = put("old"), put("new")
    ran = compofa("bench", "compare", old, new, "--junit", tmp_path / "latency.xml")
    assert ran.code == 130
    assert "nothing is kept" in ran.error
    assert sorted(os.listdir(tmp_path)) == ["new", "old"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of another kind there")
def test_ctrl_c_ends_the_measuring_process(put):
    command = [
        sys.executable,
        "-m",
        "compofa_deploy",
        "bench",
        "compare",
        put("old"),
        put("new"),
        "--limit",
        "9000s",
    ]
    hanging = make_fake_model(fault="hang")
    put("new", model=hanging)
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        children = f"/proc/{process.pid}/task/{process.pid}/children"
        found = []
        while not found and process.poll() is None:
            with open(children) as file:
                found = [int(word) for word in file.read().split()]
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "nothing is kept" in said
    for pid in found:
        assert not os.path.exists(f"/proc/{pid}")


@pytest.mark.slow
def test_a_real_model_is_not_slower_than_itself(compofa, bundle, tmp_path):
    ran = compofa("bench", "compare", bundle, bundle, "--max-regression", "50%", "--json")
    found = json.loads(ran.out)["comparisons"][0]
    assert found["verdict"] in ("same", "could not tell")
    assert found["blocks"] >= 8
    assert 0.5 < found["ratio"] < 2
