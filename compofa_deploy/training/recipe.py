"""Recipes: everything that a training depends on besides the images, read from TOML and checked."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from compofa_deploy.architecture import Architecture
from latency_tables.errors import InputError

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Pixels = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataSettings(_Strict):
    """What is held out of the training images, and how an image becomes numbers."""

    validation_images: int = Field(ge=1)
    split_seed: int = 0
    mean: tuple[float, float, float]
    std: tuple[Positive, Positive, Positive]
    crop_padding: int = Field(default=4, ge=0)
    flip: bool = True


class Phase(_Strict):
    """One run of the schedule: which subnets are trained, for how long, at which learning rates.

    A step draws ``subnets_per_step`` members of ``subnets`` and sums their gradients. ``largest_share`` and
    ``smallest_share`` are the probabilities that a draw is one of the two extremes instead of a uniform one.
    The learning rate rises over ``warmup_epochs``, then falls from ``lr`` to ``final_lr`` as a cosine.
    """

    name: str
    subnets: Literal["largest", "compofa"]
    epochs: int = Field(ge=1)
    batch: int = Field(ge=1)
    lr: float = Field(gt=0)
    final_lr: float = Field(default=0, ge=0)
    warmup_epochs: float = Field(default=0, ge=0)
    resolutions: tuple[Pixels, ...] = Field(min_length=1)
    subnets_per_step: int = Field(default=1, ge=1)
    largest_share: Share = 0
    smallest_share: Share = 0
    sort_channels: bool = False
    distillation: float = Field(default=0, ge=0)
    """k in loss = 2 / (1 + k) * (k * soft cross-entropy with the teacher + cross-entropy with the label); the
    teacher is the largest subnet as the phase before left it. 0 is no distillation."""

    @model_validator(mode="after")
    def _check(self) -> Phase:
        if self.largest_share + self.smallest_share > 1:
            raise ValueError("largest_share and smallest_share must add up to at most 1")
        if self.warmup_epochs > self.epochs:
            raise ValueError("warmup_epochs must be at most epochs")
        return self


class Recipe(_Strict):
    """A whole training. Phases run one after the other on the same weights."""

    name: str
    architecture: str
    seed: int = 0
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=3e-5, ge=0)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    calibration_images: int = Field(default=2000, ge=1)
    data: DataSettings
    phases: tuple[Phase, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Recipe:
        if self.phases[0].distillation:
            raise ValueError("the first phase has no teacher before it: its distillation must be 0")
        return self


def load_recipe(name_or_path: str) -> Recipe:
    """Read a recipe from a TOML file, or by the name of one that ships; :class:`InputError` says what is wrong."""
    path = Path(name_or_path)
    source = path if path.suffix == ".toml" else files("compofa_deploy") / "recipes" / f"{name_or_path}.toml"
    try:
        return Recipe.model_validate(tomllib.loads(source.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InputError(
            f"no recipe {name_or_path!r}; give a .toml file or one of {', '.join(list_recipes())}"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"recipe {name_or_path!r} cannot be read: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "recipe"
        raise InputError(f"recipe {name_or_path!r}, {where}: {first['msg']}") from None


def list_recipes() -> list[str]:
    """Names of the recipes that ship."""
    folder = files("compofa_deploy") / "recipes"
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )


def check_recipe(recipe: Recipe, architecture: Architecture, images: int) -> None:
    """:class:`InputError` where a recipe cannot train its architecture on so many images."""
    for phase in recipe.phases:
        if phase.sort_channels and architecture.family != "mbv3":
            raise InputError(f"phase {phase.name!r}: channel sorting is known for family mbv3 only")
        if phase.batch > images:
            raise InputError(
                f"phase {phase.name!r}: a batch of {phase.batch} is more than the {images} training images; lower batch"
            )
