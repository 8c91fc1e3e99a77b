"""Checkpoints, which hold everything that a training needs to go on, and are written whole or not at all."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from compofa_deploy.training.recipe import Recipe
from latency_tables.errors import FormatError, MismatchError
from latency_tables.files import replace_file
from latency_tables.scratch import sweep

VERSION = 1
NAME = "checkpoint.pt"


def write_checkpoint(path: Path, recipe: Recipe, images: int, state: dict[str, Any]) -> None:
    """Write a training's state with the recipe and the number of images that it belongs to.

    Args:
        path: The checkpoint's file, which is replaced at once.
        recipe: The recipe.
        images: How many training images there are.
        state: Tensors and plain values by name.
    """
    header = {"version": VERSION, "images": images, "recipe": recipe.model_dump_json()}
    with replace_file(path) as file:
        torch.save({**header, **state}, file)


def read_checkpoint(path: Path, recipe: Recipe, images: int) -> dict[str, Any]:
    """Read a checkpoint that :func:`write_checkpoint` wrote.

    Args:
        path: The checkpoint's file.
        recipe: The recipe that is to go on.
        images: How many training images there are.

    Returns:
        The state that was written.

    Raises:
        FormatError: The file cannot be read.
        MismatchError: The checkpoint belongs to another architecture, another recipe or other images.
    """
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        theirs = Recipe.model_validate_json(state["recipe"])
        if state["version"] != VERSION:
            raise ValueError
        count = state.get("images", images)
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError):
        raise FormatError(f"{path}: this checkpoint cannot be read; remove it to begin anew") from None
    if theirs.architecture != recipe.architecture:
        raise MismatchError(
            f"{path}: is of architecture {theirs.architecture.name}, and the recipe trains {recipe.architecture.name}"
            f"{_name_difference(theirs, recipe)}; give another folder, or remove it"
        )
    if theirs != recipe or count != images:
        raise MismatchError(
            f"{path}: was written with another recipe or other images; give another folder, or remove it"
        )
    return state


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files that killed processes left half written beside a checkpoint."""
    target = Path(os.path.realpath(path))
    sweep(target.parent, f".{target.name}.")


def _name_difference(theirs: Recipe, ours: Recipe) -> str:
    one, other = (recipe.architecture.model_dump() for recipe in (theirs, ours))
    keys = [key for key in one if one[key] != other[key] and key != "name"]
    return f" (they differ in {', '.join(keys)})" if keys else ""
