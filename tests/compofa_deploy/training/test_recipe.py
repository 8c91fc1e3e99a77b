"""Recipes: those that ship are valid, and a mistake in one is named by its field."""

import re

import pytest

from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.training.recipe import Phase, Recipe, check_recipe
from compofa_deploy.training.recipe_file import list_recipes, load_recipe
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
    assert recipe.name == name
    architecture = check_recipe(recipe, 45000)
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
        ("lr = 0.1", "lr = 0.1\nlabel_smoothing = 0.1", "phases.0.label_smoothing: there is no such key"),
        ("[data]", "label_smooting = 0.1\n[data]", "did you mean 'label_smoothing'?"),
        (
            "lr = 0.1",
            "lr = 0.1\nkernels = [3]",
            "kernels may be given with subnets = 'compofa-elastic' or 'ofa'",
        ),
        ("lr = 0.1", "lr = 0.1\nsort_within = [4]", "sort_within has no effect without sort_channels"),
        ("[data]", "momentum = 0\n[data]", "nesterov needs a momentum"),
        ("mean =", "crop_area = [0.5, 1.5]\nmean =", "crop_area must be a lowest and a highest"),
        ("mean =", "crop_ratio = [2.0, 1.0]\nmean =", "crop_ratio must be a lowest and a highest"),
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
        ("lr = 0.1", 'lr = 0.1\nalways = ["largest", "smallest"]', "nor name more than subnets_per_step"),
        ("lr = 0.1", 'lr = 0.1\nsubnets_per_step = 2\nalways = ["largest", "largest"]', "must not repeat"),
        ("lr = 0.1", 'lr = 0.1\nalways = ["middle"]', "phases.0.always"),
        ("lr = 0.1", 'lr = 0.1\ndistillation = 1\ndistill_from = "largest"', "needs always to begin with"),
        ("lr = 0.1", 'lr = 0.1\nalways = ["largest"]\ndistill_from = "largest"', "a distillation above 0"),
        ('"compofa"', '"largest"\nalways = ["largest"]', "always may be given with subnets = 'compofa'"),
        ("lr = 0.1", 'lr = 0.1\ndistill_from = "file"', "needs a distillation above 0"),
        ("[data]", "ema_decay = 1\n[data]", "ema_decay"),
        ("mean =", "cutout = 1.5\nmean =", "data.cutout"),
        ("mean =", "mixup = -1\nmean =", "data.mixup"),
        ("mean =", "cutmix = inf\nmean =", "data.cutmix"),
        ("mean =", "random_operations = -1\nmean =", "data.random_operations"),
        ("mean =", "operation_magnitude = 2\nmean =", "data.operation_magnitude"),
    ],
)
def test_a_mistake_is_named_by_its_field(write, old, new, where):
    assert GOOD.count(old) == 1 or old.startswith("name")
    with pytest.raises(InputError, match=re.escape(where)) as caught:
        load_recipe(write(GOOD.replace(old, new, 1)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["mixup", "cutmix"])
def test_logits_from_a_file_do_not_go_with_mixed_images(write, key):
    changes = ["phases.only.distillation=1", "phases.only.distill_from=file", f"data.{key}=1"]
    with pytest.raises(InputError, match="does not work with mixup or cutmix"):
        load_recipe(write(GOOD), changes)


def test_a_recipe_that_is_missing_broken_or_no_text_is_one_line(write, tmp_path):
    with pytest.raises(
        InputError, match=r"no recipe 'imagenet'; give a \.toml file or one of claim-compofa-cifar10, "
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
        check_recipe(recipe, 7)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "lr = 0.1",
            "lr = 0.1\nsort_channels = true",
            "phase 'only': sampling and sorting work with family mbv3",
        ),
        ('"compofa"', '"ofa"', "phase 'only': sampling and sorting work with family mbv3"),
    ],
)
def test_what_is_known_for_one_family_alone_is_refused_for_others(write, old, new, complaint):
    changes = ["architecture.name=mine", "architecture.family=resnet50d", "architecture.elastic_kernel=false"]
    recipe = load_recipe(write(GOOD.replace(old, new, 1)), changes)
    with pytest.raises(InputError, match=complaint):
        check_recipe(recipe, 100)


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        ('subnets = "ofa"', "mbv3-w0.75-cifar10 has fixed kernels; set architecture.elastic_kernel to true"),
        ('subnets = "compofa-elastic"', "has fixed kernels"),
    ],
)
def test_elastic_kernels_need_weights_for_them(write, choice, complaint):
    recipe = load_recipe(write(GOOD.replace('subnets = "compofa"', choice)))
    with pytest.raises(InputError, match=complaint):
        check_recipe(recipe, 100)


def test_choices_that_the_family_has_not_are_refused(write):
    text = GOOD.replace('subnets = "compofa"', 'subnets = "ofa"\nkernels = [3, 9]')
    changes = ["architecture.name=mine", "architecture.elastic_kernel=true"]
    with pytest.raises(InputError, match="phase 'only': kernels must be among 3, 5, 7"):
        check_recipe(load_recipe(write(text), changes), 100)


def list_phases(name: str) -> dict[str, Phase]:
    return {phase.name: phase for phase in load_recipe(name).phases}


def test_the_published_recipes_have_the_papers_numbers():
    """Once-for-all (ICLR 2020, section 4.1) and CompOFA (ICLR 2021): epochs with warm-up, rates for 2048 images."""
    for name in ("compofa-imagenet", "compofa-elastic-imagenet"):
        found = [(p.epochs, p.warmup_epochs, p.lr, p.subnets_per_step) for p in list_phases(name).values()]
        assert found == [(180, 0, 2.6, 1), (25, 0, 0.08, 4), (125, 5, 0.24, 4)]
    shrinking = list_phases("ofa-imagenet")
    assert [(n, p.epochs, p.lr, p.subnets_per_step) for n, p in shrinking.items()] == [
        ("teacher", 180, 2.6, 1), ("kernel", 125, 0.96, 1), ("depth-1", 25, 0.08, 2), ("depth-2", 125, 0.24, 2),
        ("width-1", 25, 0.08, 4), ("width-2", 125, 0.24, 4),
    ]  # fmt: skip
    assert (shrinking["depth-1"].depths, shrinking["width-1"].expands) == ((3, 4), (4, 6))
    for name in ("compofa-imagenet", "compofa-elastic-imagenet", "ofa-imagenet"):
        recipe = load_recipe(name)
        assert (recipe.momentum, recipe.weight_decay, recipe.label_smoothing) == (0.9, 3e-5, 0.1)
        assert recipe.lr_per_images == 2048
        assert all(phase.distillation == 1 for phase in recipe.phases[1:])
        assert {phase.resolutions for phase in recipe.phases} == {tuple(range(128, 225, 4))}


def test_the_claims_two_sides_differ_in_their_phases_alone():
    one, other = load_recipe("claim-compofa-cifar10"), load_recipe("claim-ofa-cifar10")
    assert one.phases[0] == other.phases[0]
    assert one.model_copy(update={"name": "", "phases": ()}) == other.model_copy(
        update={"name": "", "phases": ()}
    )
    for claim, published in (
        ("claim-compofa-cifar10", "compofa-imagenet"),
        ("claim-ofa-cifar10", "ofa-imagenet"),
    ):
        for name, phase in list_phases(published).items():
            small = list_phases(claim)[name]
            kept = {"epochs", "warmup_epochs", "batch", "resolutions"}
            assert small.model_dump(exclude=kept) == phase.model_dump(exclude=kept)
            assert (25 * small.epochs, 25 * small.warmup_epochs) == pytest.approx(
                (phase.epochs, phase.warmup_epochs)
            )


def test_the_learning_rate_follows_the_batch_where_the_recipe_says_for_how_many_it_is():
    recipe = load_recipe("compofa-imagenet", ["phases.*.batch=256"])
    assert recipe.scale_lr(recipe.phases[0]) == 0.125
    plain = load_recipe("compofa-cifar10", ["phases.*.batch=64"])
    assert plain.scale_lr(plain.phases[0]) == 1


def test_an_architecture_of_ones_own_is_given_key_by_key(write):
    recipe = load_recipe(write(GOOD), ["architecture.name=mine", "architecture.classes=37"])
    architecture = check_recipe(recipe, 100)
    assert (architecture.name, architecture.classes, architecture.width) == ("mine", 37, 0.75)
    with pytest.raises(InputError, match="the name of another architecture; give this one its own name"):
        load_recipe(write(GOOD), ["architecture.classes=37"])
    assert check_recipe(load_recipe(write(GOOD)), 100) == find_architecture("mbv3-w0.75-cifar10")


@pytest.mark.parametrize(
    ("change", "read"),
    [
        ("seed=3", lambda r: r.seed == 3),
        ("seed = 3", lambda r: r.seed == 3),
        ("name=other", lambda r: r.name == "other"),
        ("phases.teacher.epochs=2", lambda r: [p.epochs for p in r.phases] == [2, 25, 125]),
        ("phases.0.epochs=2", lambda r: [p.epochs for p in r.phases] == [2, 25, 125]),
        ("phases.*.epochs*=0.04", lambda r: [p.epochs for p in r.phases] == pytest.approx([7.2, 1, 5])),
        ("phases.*.warmup_epochs*=2", lambda r: [p.warmup_epochs for p in r.phases] == [0, 0, 10]),
        ("phases.*.resolutions=[128, 224]", lambda r: {p.resolutions for p in r.phases} == {(128, 224)}),
        ("data.training_images=1000", lambda r: r.data.training_images == 1000),
    ],
)
def test_a_recipe_is_changed_by_key(change, read):
    assert read(load_recipe("compofa-imagenet", [change]))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("seed", "is not a change; write KEY=VALUE"),
        ("seed=", "is not a change"),
        ("sed=3", "sed: there is no such key; did you mean 'seed'?"),
        ("phases.*.epoch=3", "phases.0.epoch: there is no such key; did you mean 'epochs'?"),
        ("data.flipp=true", "data.flipp: there is no such key; did you mean 'flip'?"),
        ("architecture.widht=1", "architecture.widht: there is no such key; did you mean 'width'?"),
        ("zzz=1", "zzz: there is no such key; there are name, architecture"),
        ("phases.first.epochs=3", "there is no phase 'first'; there are teacher, compound-1, compound-2"),
        ("date.flip=true", "a recipe has no 'date' with keys"),
        ("seed.x=1", "a recipe has no 'seed' with keys"),
        ("name*=2", "name is not a number in this recipe"),
        ("phases.teacher.warmup_epochs*=2", "phases.teacher.warmup_epochs is not a number in this recipe"),
        ("seed=[1", "'[1' is not a TOML value"),
        ("seed=three", "seed: Input should be a valid integer"),
    ],
)
def test_a_change_that_cannot_be_made_is_named(change, complaint):
    with pytest.raises(InputError, match=re.escape(complaint)) as caught:
        load_recipe("compofa-imagenet", [change])
    assert "\n" not in str(caught.value)
