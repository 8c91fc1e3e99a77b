"""``compofa search --space``: spaces that are searched locally, and options that do not fit them."""

import json

import pytest

from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.subnet import Subnet
from tests.compofa_deploy.search.large_spaces import ELASTIC, make_elastic_table, make_predictor
from tests.support.supernets import make_table


@pytest.fixture
def files(tmp_path):
    """A table of the elastic architecture and a predictor for it."""
    make_elastic_table().save(tmp_path / "device.json")
    make_predictor().save(tmp_path / "predictor.safetensors")
    return tmp_path / "device.json", tmp_path / "predictor.safetensors"


@pytest.fixture
def search(compofa, files):
    table, predictor = files
    known = ("search", "--table", table, "--accuracy", predictor, "--evaluations", 300)
    return lambda *arguments: compofa(*known, *arguments)


@pytest.mark.parametrize("space", ["compofa-elastic", "ofa"])
def test_what_is_found_keeps_the_limit_and_its_config_comes_with_it(search, space):
    ran = search("--space", space, "--latency", "200us", "--json")
    assert ran.code == 0
    assert ran.json["space"] == space
    assert ran.json["candidates"] <= 300
    found = ran.json["best"]
    assert found["latency_upper_ms"] <= 0.2
    subnet = Subnet.from_ofa(found["ofa_config"])
    assert subnet.id == found["subnet"]
    keys = [layer.key for layer in list_layers(ELASTIC, subnet)]
    assert found["latency_ms"] == pytest.approx(make_elastic_table().predict_ms(keys))


def test_the_space_of_compound_subnets_is_still_the_default(search):
    ran = search("--latency", "200us", "--json")
    assert ran.json["space"] == "compofa"
    assert ran.json["candidates"] == 2 * 243


def test_a_larger_space_is_not_worse(search):
    best = [
        search("--space", space, "--latency", "200us", "--evaluations", "2000", "--json").json["best"]
        for space in ("compofa", "compofa-elastic", "ofa")
    ]
    accuracies = [found["accuracy"] for found in best]
    assert sorted(accuracies) == accuracies


def test_the_same_seed_prints_the_same(search):
    first, again = (search("--space", "ofa", "--latency", "200us", "--seed", "7").out for _ in range(2))
    assert first == again


def test_people_are_shown_a_table(search):
    ran = search("--space", "ofa", "--latency", "200us")
    assert ran.code == 0
    assert "predicted %" in ran.out
    assert "accuracies predicted by" in ran.out


def test_the_config_of_what_is_found_is_written(search, tmp_path):
    config = tmp_path / "best.json"
    found = search("--space", "ofa", "--latency", "200us", "--config", config, "--json").json["best"]
    assert json.loads(config.read_text()) == found["ofa_config"]


def test_a_config_that_was_written_is_exported(compofa, supernet_file, tmp_path):
    make_table().save(tmp_path / "device.json")
    config = tmp_path / "best.json"
    known = ("--supernet", supernet_file, "--table", tmp_path / "device.json", "--json")
    found = compofa("search", *known, "--front", "--config", config).json["front"]
    ran = compofa("export", config, "--supernet", supernet_file, "-o", tmp_path / "bundle", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["subnet"] == found[-1]["subnet"]


@pytest.mark.parametrize(
    ("content", "message"), [("{", "must be JSON"), ("{}", "not an OFA config"), (None, "no such")]
)
def test_a_config_that_is_none_is_refused_with_its_name(compofa, supernet_file, tmp_path, content, message):
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    ran = compofa("export", path, "--supernet", supernet_file, "-o", tmp_path / "bundle")
    assert ran.code == 2
    assert "config.json: " in ran.error
    assert message in ran.error


def test_a_limit_that_nothing_keeps_is_answered_no(search):
    ran = search("--space", "ofa", "--latency", "1us")
    assert ran.code == 1
    assert "infeasible: no subnet of ofa has latency at most 0.001 ms; the fastest is 22222" in ran.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max-size", "1MB"], "--max-size: the space ofa is searched for the best subnet under --latency"),
        (["--min-accuracy", "50"], "leave --min-accuracy out, or search --space compofa"),
        (["--front"], "leave --front out"),
        (["--evaluations", "0"], "--evaluations"),
        (["--seed", "-1"], "--seed"),
        (["--space", "nas"], "--space"),
    ],
)
def test_what_cannot_be_asked_is_one_line(search, arguments, message):
    ran = search("--space", "ofa", *arguments)
    assert ran.code == 2
    assert message in ran.error


def test_a_table_of_accuracies_is_not_enough(compofa, supernet_file):
    ran = compofa("search", "--supernet", supernet_file, "--space", "ofa", "--latency", "1ms")
    assert ran.code == 2
    assert "there are accuracies of the space compofa alone; name a predictor with --accuracy" in ran.error


def test_a_csv_is_not_enough(search, tmp_path):
    (tmp_path / "mine.csv").write_text("subnet,top1\n23344@16,71.5\n")
    ran = search("--space", "ofa", "--accuracy", tmp_path / "mine.csv")
    assert ran.code == 2
    assert "needs the accuracy of any; fit a predictor to it with compofa accuracy fit" in ran.error
