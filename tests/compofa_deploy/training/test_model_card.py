"""A model card says what was trained, on what, at what cost, how good it is, and how to repeat it."""

from dataclasses import replace

import numpy as np
import pytest

from compofa_deploy.training.cost import estimate_measured
from compofa_deploy.training.model_card import MARK, describe_training, make_card, write_card
from compofa_deploy.training.recipe_file import load_recipe
from latency_tables.errors import InputError
from tests.support.supernets import make_accuracies, make_supernet

RECIPE = load_recipe("claim-compofa-cifar10")
COST = estimate_measured(
    RECIPE, 40_000, [0.1] * 3, [3600] * 3, "a machine", watts=100, kg_per_kwh=0.4, dollars_per_hour=2
)
ORIGIN = {
    "recipe": RECIPE.name, "data": "cifar10", "data_settings": {"validation_images": 5000, "split_seed": 7},
    "training_images": 40_000, "steps": 10_800, "seed": 3,
    **describe_training(RECIPE, COST, "compofa train --recipe claim-compofa-cifar10"),
}  # fmt: skip
SUPERNET = replace(make_supernet(), origin=ORIGIN)


def test_the_card_has_training_cost_accuracy_and_commands():
    table = replace(make_accuracies(SUPERNET), made_by="compofa evaluate --supernet net.safetensors")
    card = make_card(SUPERNET, "net", table)
    assert card.startswith(f"{MARK}\n\n# Model card: `net`\n")
    for told in (
        "architecture `tiny`", "each runs at 16, 20 pixels", "40000 training images", "5000 of the published",
        "seed 7", "`claim-compofa-cifar10`, seed 3, 10800 steps", 
        "| compound-2 | compofa | 4 | 5 | 128 | 24, 28, 32 | yes |",
        "| training | 0.30 hours |", "| kWh of energy | 0.03 |", "| kg of CO2 | 0.012 |", "| dollars | 0.6 |",
        "the machine draws 100 W", "    compofa train --recipe claim-compofa-cifar10\n",
        "    compofa evaluate --supernet net.safetensors\n", "class0, class1, class2, class3", "On 2000 test images",
    ):  # fmt: skip
        assert told in card, told


def test_a_card_says_which_subnets_every_step_trains_and_with_which_source():
    told = describe_training(load_recipe("compofa-cifar10-long"), None, "compofa train", "0123abc-changed")
    card = make_card(replace(SUPERNET, origin={**ORIGIN, **told}), "net")
    assert (
        "| small-images | compofa | 2, always the largest | 70 | 128 | 24 | the largest in the step |" in card
    )
    assert "10800 steps, with the source of commit 0123abc-changed." in card


def test_the_front_in_the_card_goes_up_and_is_of_the_tables_numbers():
    table = make_accuracies(SUPERNET)
    rows = [line.split(" | ") for line in make_card(SUPERNET, "net", table).splitlines() if "@" in line]
    macs, validation = ([float(row[i].strip("| ")) for row in rows] for i in (1, 2))
    assert len(rows) > 2
    assert macs == sorted(macs)
    assert validation == sorted(validation)
    assert validation[-1] == pytest.approx(table.accuracy("validation").max(), abs=0.005)


def test_top_5_is_in_the_card_where_the_table_has_it():
    table = make_accuracies(SUPERNET)
    assert "top-5" not in make_card(SUPERNET, "net", table)
    with_top5 = replace(
        table, top5={split: np.minimum(c + 5, table.images[split]) for split, c in table.correct.items()}
    )
    assert "test top-5 %" in make_card(SUPERNET, "net", with_top5)


def test_what_an_origin_does_not_say_is_unknown_or_left_out():
    card = make_card(replace(SUPERNET, origin={}), "net")
    assert "Recipe `unknown`" in card
    assert "## Cost" not in card
    assert "## How to repeat it" not in card
    assert "## Accuracy" not in card


def test_a_card_is_written_anew_and_one_that_someone_else_wrote_is_left_alone(tmp_path):
    path = tmp_path / "net.safetensors"
    card = write_card(SUPERNET, path)
    assert card == tmp_path / "net.md"
    assert write_card(SUPERNET, path, make_accuracies(SUPERNET)) == card
    assert "## Accuracy" in card.read_text()
    card.write_text("My own words\n")
    assert write_card(SUPERNET, path) is None
    assert card.read_text() == "My own words\n"


def test_a_card_that_is_no_text_is_named(tmp_path):
    (tmp_path / "net.md").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"net\.md: cannot be read as text .*; remove it"):
        write_card(SUPERNET, tmp_path / "net.safetensors")
