"""What a training costs: estimated as published or measured here, and told in the model card of what was trained."""

import json

import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.supernet.stored import load_supernet  # noqa: E402
from tests.compofa_deploy.cli.test_train import data, recipe, train  # noqa: E402, F401


@pytest.mark.parametrize(
    ("name", "hours", "lbs"), [("ofa-imagenet", 978.3, 277), ("compofa-imagenet", 493.5, 128)]
)
def test_the_published_costs_are_computed_without_data(compofa, name, hours, lbs):
    ran = compofa("train", "--estimate", "--recipe", name, "--json")
    assert ran.code == 0
    assert round(ran.json["hours"], 1) == hours
    assert round(ran.json["co2_lbs"]) == lbs
    assert sum(phase["hours"] for phase in ran.json["phases"]) == pytest.approx(ran.json["hours"])


def test_people_are_told_every_assumption_and_the_price_they_named(compofa):
    ran = compofa("train", "--estimate", "--recipe", "compofa-imagenet", "--price", 4)
    assert ran.code == 0
    assert "493.5" in ran.out
    assert "price   $1,973.9" in ran.out
    assert "$4 a GPU-hour, as was asked for" in ran.out
    assert "a V100 sustains 2e12 multiply-accumulates a second" in ran.out


def test_with_data_an_estimate_is_measured_here_and_nothing_is_written(compofa, recipe, data, tmp_path):  # noqa: F811
    before = sorted(tmp_path.rglob("*"))
    ran = compofa(
        "train", "--estimate", "--recipe", recipe, "--data", data, "--device", "cpu", "--price", 3, "--json"
    )
    assert ran.code == 0
    assert ran.json["hours"] > 0
    assert ran.json["dollars"] == pytest.approx(3 * ran.json["hours"])
    assert ran.json["kwh"] is None
    assert any("measured over a few steps" in text for text in ran.json["assumptions"])
    assert sorted(tmp_path.rglob("*")) == before


def test_without_data_a_recipe_that_was_not_published_has_no_estimate(compofa):
    ran = compofa("train", "--estimate", "--recipe", "compofa-cifar10")
    assert ran.code == 2
    assert "give --data to measure the cost on this machine" in ran.error


@pytest.mark.parametrize(("left_out", "named"), [("--data", "--data"), ("-o", "-o")])
def test_training_itself_needs_data_and_a_place(compofa, data, tmp_path, left_out, named):  # noqa: F811
    given = {"--recipe": "compofa-cifar10", "--data": data, "-o": tmp_path / "run"}
    del given[left_out]
    ran = compofa("train", *(word for pair in given.items() for word in pair))
    assert ran.code == 2
    assert f"{named} is missing, and --estimate alone does without it" in ran.error


def test_a_training_says_what_it_cost_in_its_origin_and_its_model_card(train, tmp_path):  # noqa: F811
    ran = train("--price", 2, "--json")
    assert ran.code == 0
    origin = load_supernet(tmp_path / "run" / "supernet.safetensors").origin
    assert origin["cost"]["hours"] > 0
    assert origin["cost"]["dollars"] == pytest.approx(2 * origin["cost"]["hours"], abs=1e-3)
    assert [phase["name"] for phase in origin["phases"]] == ["teacher", "all"]
    card = (tmp_path / "run" / "supernet.md").read_text()
    assert ran.json["model_card"] == str(tmp_path / "run" / "supernet.md")
    assert json.dumps(ran.json["origin"]["command"])[1:-1] in card
    assert "## Accuracy" in card
    assert "| teacher | largest | 1 | 1 | 6 | 12 | no |" in card


def test_evaluating_anew_puts_the_accuracies_into_the_card(compofa, train, data, tmp_path):  # noqa: F811
    assert train("--no-evaluate").code == 0
    card, supernet = tmp_path / "run" / "supernet.md", tmp_path / "run" / "supernet.safetensors"
    assert "## Accuracy" not in card.read_text()
    ran = compofa("evaluate", "--supernet", supernet, "--data", data, "--device", "cpu",
                  "-o", tmp_path / "run" / "supernet.accuracy.json")  # fmt: skip
    assert ran.code == 0
    assert "## Accuracy" in card.read_text()
    assert "compofa evaluate --supernet" in card.read_text()
