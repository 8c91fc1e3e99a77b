"""Recipes: those that ship are valid, and a mistake in one is named by its field."""

import re

import pytest

from compofa_deploy.architecture import Architecture, find_architecture
from compofa_deploy.training.recipe import Recipe, check_recipe, list_recipes, load_recipe
from latency_tables.errors import InputError

GOOD = """
name = "short"
architecture = "mbv3-w0.75-cifar10"
[data]
validation_images = 10
mean = [0.5, 0.5, 0.5]
std = [0.2, 0.2, 0.2]
[[phases]]
name = "only"
subnets = "compofa"
epochs = 2
batch = 8
lr = 0.1
resolutions = [24]
"""


@pytest.fixture
def write(tmp_path):
    def write_recipe(text: str) -> str:
        path = tmp_path / "recipe.toml"
        path.write_text(text)
        return str(path)

    return write_recipe


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_that_ships_fits_its_architecture(name):
    recipe = load_recipe(name)
    architecture = find_architecture(recipe.architecture)
    assert recipe.name == name
    check_recipe(recipe, architecture, 45000)
    assert set(recipe.phases[-1].resolutions) == set(architecture.resolutions)


def test_what_a_recipe_leaves_out_has_the_papers_values(write):
    recipe = load_recipe(write(GOOD))
    assert (recipe.momentum, recipe.weight_decay, recipe.label_smoothing) == (0.9, 3e-5, 0.1)
    phase = recipe.phases[0]
    assert (phase.subnets_per_step, phase.distillation, phase.final_lr) == (1, 0, 0)


def test_a_recipe_survives_the_json_of_a_checkpoint(write):
    recipe = load_recipe(write(GOOD))
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("epochs = 2", "epochs = 0", "phases.0.epochs"),
        ("epochs = 2", 'epochs = "two"', "phases.0.epochs"),
        ("lr = 0.1", "lr = -1", "phases.0.lr"),
        ("lr = 0.1", "lr = nan", "phases.0.lr"),
        ("lr = 0.1", "lr = inf", "phases.0.lr"),
        ("lr = 0.1", "learning_rate = 0.1", "phases.0"),
        ("resolutions = [24]", "resolutions = []", "phases.0.resolutions"),
        ("resolutions = [24]", "resolutions = [0]", "phases.0.resolutions"),
        ('subnets = "compofa"', 'subnets = "all"', "phases.0.subnets"),
        ("std = [0.2, 0.2, 0.2]", "std = [0.2]", "data.std"),
        ("std = [0.2, 0.2, 0.2]", "std = [0.2, 0, 0.2]", "data.std"),
        ("validation_images = 10", "validation_images = 0", "data.validation_images"),
        ('name = "short"', "", "name"),
        ("lr = 0.1", "lr = 0.1\nwarmup_epochs = 3", "warmup_epochs must be at most epochs"),
        ("lr = 0.1", "lr = 0.1\nlargest_share = 0.6\nsmallest_share = 0.6", "add up to at most 1"),
        ("lr = 0.1", "lr = 0.1\ndistillation = 1", "no teacher before it"),
    ],
)
def test_a_mistake_is_named_by_its_field(write, old, new, where):
    assert GOOD.count(old) == 1 or old.startswith("name")
    with pytest.raises(InputError, match=re.escape(where)) as caught:
        load_recipe(write(GOOD.replace(old, new, 1)))
    assert "\n" not in str(caught.value)


def test_a_recipe_that_is_missing_broken_or_no_text_is_one_line(write, tmp_path):
    with pytest.raises(
        InputError, match=r"no recipe 'imagenet'; give a \.toml file or one of compofa-cifar10"
    ):
        load_recipe("imagenet")
    with pytest.raises(InputError, match="no recipe"):
        load_recipe(str(tmp_path / "none.toml"))
    with pytest.raises(InputError, match="cannot be read"):
        load_recipe(write(GOOD + "lr = "))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        load_recipe(str(tmp_path / "binary.toml"))


def test_a_batch_larger_than_the_data_set_is_refused(write):
    recipe = load_recipe(write(GOOD))
    with pytest.raises(InputError, match="a batch of 8 is more than the 7 training images"):
        check_recipe(recipe, find_architecture(recipe.architecture), 7)


def test_sorting_channels_of_an_unknown_family_is_refused(write):
    recipe = load_recipe(write(GOOD.replace("lr = 0.1", "lr = 0.1\nsort_channels = true")))
    strange = Architecture("strange", 1.0, 10, 2, (32,), family="vit")
    with pytest.raises(InputError, match="phase 'only': channel sorting"):
        check_recipe(recipe, strange, 100)
