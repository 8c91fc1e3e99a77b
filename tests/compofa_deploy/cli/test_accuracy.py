"""``compofa accuracy``: a predictor is fitted, imported, shown and asked, and a search takes it."""

import csv
import sys

import numpy as np
import pytest

from compofa_deploy.accuracy.predictor import AccuracyPredictor
from compofa_deploy.space.layers import sample_compound
from tests.compofa_deploy.accuracy.builders import save_ofa_predictor
from tests.support.subnets import sample_any
from tests.support.supernets import TINY, make_accuracies, make_supernet, make_table


def accuracy_of(subnet):
    """Something additive."""
    return 70 + 0.2 * sum(subnet.expands) / 4 + 0.05 * sum(subnet.kernels) + 0.3 * subnet.resolution / 4


@pytest.fixture
def write_csv(tmp_path):
    def write(subnets):
        path = tmp_path / "evaluated.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["subnet", "top1"])
            writer.writerows((subnet.id, f"{accuracy_of(subnet):.3f}") for subnet in subnets)
        return path

    return write


@pytest.fixture
def fitted(compofa, write_csv, tmp_path):
    """A predictor for the tiny architecture."""
    subnets = {sample_compound(np.random.default_rng(i), (16, 20)[i % 2]) for i in range(150)}
    path = tmp_path / "p.safetensors"
    assert compofa("accuracy", "fit", write_csv(sorted(subnets, key=str)), "-o", path).code == 0
    return path


def test_a_predictor_is_fitted_with_its_held_out_error(compofa, write_csv, tmp_path, rng):
    subnets = list({sample_any(rng, int(r)) for r in rng.choice([160, 192, 224], 250)})
    words = (
        "accuracy",
        "fit",
        write_csv(subnets),
        "--arch",
        "mbv3-w1.2-imagenet",
        "-o",
        tmp_path / "p.safetensors",
    )
    ran = compofa(*words, "--json")
    assert ran.json["error"]["n"] == len(subnets)
    assert ran.json["error"]["mae"] < 0.1
    assert ran.json["error"]["rank_correlation"] > 0.99
    assert ran.json["resolutions"] == [160, 192, 224]
    assert "points of top-1 on average on subnets left out" in " ".join(compofa(*words).out.split())
    unseen = sample_any(rng, 192)
    asked = compofa("accuracy", "predict", tmp_path / "p.safetensors", unseen.id, "--json")
    assert asked.json["predictions"][0]["top1"] == pytest.approx(accuracy_of(unseen), abs=0.3)
    assert asked.json["error"] == ran.json["error"]
    assert unseen.id[:20] in compofa("accuracy", "predict", tmp_path / "p.safetensors", unseen.id).out


def test_what_was_evaluated_here_is_fitted_too(compofa, tmp_path):
    make_accuracies(make_supernet()).save(tmp_path / "a.json")
    ran = compofa("accuracy", "fit", tmp_path / "a.json", "-o", tmp_path / "p.safetensors", "--json")
    assert ran.json["error"]["n"] == 2 * 243
    assert ran.json["architecture"] == "tiny"
    assert ran.json["resolutions"] == [16, 20]


def test_ofas_weights_are_imported_and_need_torch_no_more(compofa, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    weights = save_ofa_predictor(tmp_path / "acc.pth")
    words = ("accuracy", "import", weights, "--arch", "mbv3-w1.2-imagenet", "-o", tmp_path / "p.safetensors")
    assert compofa(*words, "--json").json["architecture"] == "mbv3-w1.2-imagenet"
    direct = compofa("accuracy", "predict", weights, "23344@192", "--json").json["predictions"]
    monkeypatch.setitem(sys.modules, "torch", None)
    assert (
        compofa("accuracy", "predict", tmp_path / "p.safetensors", "23344@192", "--json").json["predictions"]
        == direct
    )
    assert (
        "unknown: the file does not state it" in compofa("accuracy", "show", tmp_path / "p.safetensors").out
    )
    without = compofa("accuracy", "import", weights, "-o", tmp_path / "q.safetensors")
    assert without.code == 2
    assert "pip install 'compofa-deploy[train]'" in without.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "few.csv", "-o", "p.safetensors"], "at least 20 subnets; got 1: evaluate more"),
        (["fit", "none.csv", "-o", "p.safetensors"], "none.csv: there is no such file"),
        (["fit", "few.csv", "--arch", "mbv4", "-o", "p.safetensors"], "no architecture 'mbv4'|at least 20"),
        (["show", "few.csv"], "few.csv: is not an accuracy predictor"),
        (["predict", "none.safetensors", "22222@16"], "none.safetensors: there is no such file"),
    ],
)
def test_bad_input_is_one_line(compofa, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few.csv").write_text("subnet,top1\n22222@16,70\n")
    ran = compofa("accuracy", *arguments)
    assert ran.code == 2
    assert any(part in ran.error for part in message.split("|"))
    assert not (tmp_path / "p.safetensors").exists()


def test_a_resolution_that_a_predictor_does_not_know_is_refused(compofa, fitted):
    ran = compofa("accuracy", "predict", fitted, "22222@64")
    assert ran.code == 2
    assert "knows resolutions from 16 to 23 px, not 64" in ran.error


def test_a_search_takes_a_predictor_for_what_its_tables_are_of(compofa, fitted, table_file):
    ran = compofa("search", "--table", table_file, "--accuracy", fitted, "--json")
    assert ran.json["candidates"] == 2 * 243
    best = ran.json["best"]
    assert best["subnet"] == "44444@20"
    expected = AccuracyPredictor.load(fitted).predict_subnets([sub("44444@20")])[0]
    assert best["accuracy"] == pytest.approx(expected, abs=1e-3)
    assert best["test_accuracy"] is None
    assert "points on average on subnets left out" in ran.json["accuracies"]
    shown = compofa("search", "--table", table_file, "--accuracy", fitted, "--front")
    assert "predicted %" in shown.out
    assert "test %" not in shown.out
    assert "accuracies predicted by" in shown.out


def sub(text):
    from compofa_deploy.space.subnet import Subnet

    return Subnet.parse(text)


def test_a_search_of_a_csv_looks_at_its_subnets_alone(compofa, table_file, tmp_path):
    (tmp_path / "a.csv").write_text("subnet,top1\n22222@16,70\n44444@20,71\n33333@20,75\n22222@64,90\n")
    ran = compofa("search", "--table", table_file, "--accuracy", tmp_path / "a.csv", "--json")
    assert ran.json["candidates"] == 3, "the table has no 64 px"
    assert (ran.json["best"]["subnet"], ran.json["best"]["accuracy"]) == ("33333@20", 75)
    predicted = compofa("tables", "predict", table_file, "33333@20", "--json").json["predictions"][0]
    assert ran.json["best"]["latency_ms"] == pytest.approx(predicted["latency_ms"])
    front = compofa("search", "--table", table_file, "--accuracy", tmp_path / "a.csv", "--front")
    assert "stated %" in front.out
    assert "44444@20" not in front.out


@pytest.mark.parametrize("words", [("deploy", "--latency", "1ms"), ("export", "22222@16")])
def test_what_is_of_no_supernet_is_for_searching_alone(compofa, fitted, supernet_file, tmp_path, words):
    ran = compofa(*words, "--supernet", supernet_file, "--accuracy", fitted, "-o", tmp_path / "bundle")
    assert ran.code == 2
    assert "compofa search alone takes it" in ran.error


def test_a_subnet_of_a_csv_that_the_table_lacks_a_layer_of_is_named(compofa, table_file, tmp_path):
    odd = "22222e6666666666k7777777777@16"
    (tmp_path / "a.csv").write_text(f"subnet,top1\n{odd},70\n")
    ran = compofa("search", "--table", table_file, "--accuracy", tmp_path / "a.csv")
    assert ran.code == 2
    assert f"{odd} in " in ran.error
    assert "has no layer mbconv" in ran.error


def test_latencies_of_unknown_error_are_said_to_be_so(compofa, fitted, tmp_path):
    make_table(error=None, residuals=(), origin="elsewhere").save(tmp_path / "t.json")
    words = ("search", "--table", tmp_path / "t.json", "--accuracy", fitted)
    assert compofa(*words, "--json").json["best"]["latency_upper_ms"] is None
    shown = compofa(*words, "--csv", tmp_path / "found.csv")
    assert "unknown" in shown.out
    assert "of unknown error: it states none" in shown.out
    (row,) = csv.DictReader((tmp_path / "found.csv").read_text().splitlines())
    assert row["latency_upper_ms"] == ""
    refused = compofa(*words, "--latency", "1us")
    assert refused.code == 1
    assert "ms (of unknown error)" in refused.error


def test_a_supernet_that_is_named_says_what_is_searched(
    compofa, supernet_file, fitted, table_file, tmp_path, spec
):
    words = ("search", "--accuracy", fitted, "--supernet", supernet_file)
    assert compofa(*words, "--table", table_file, "--json").json["candidates"] == 2 * 243
    from dataclasses import replace

    make_table(replace(TINY, name="other"), spec).save(tmp_path / "other.json")
    refused = compofa(*words, "--table", tmp_path / "other.json")
    assert "of another architecture than tiny" in refused.error
