"""A training in a process of its own: ``process.py FOLDER [float64]``, where ``recipe.json`` is, and ``images`` if not
in memory.

Started with torchrun's variables, it is one of several.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from compofa_deploy.data.folder import list_folder
from compofa_deploy.torch_process.distributed import join_ranks
from compofa_deploy.training import trainer as trainer_module
from compofa_deploy.training.machine import Machine
from compofa_deploy.training.recipe import Recipe
from compofa_deploy.training.trainer import Trainer
from tests.compofa_deploy.training.builders import make_images


def main() -> None:
    folder = Path(sys.argv[1])
    trainer_module.LOG_EVERY_STEPS = 1
    torch.set_num_threads(1)
    if sys.argv[2:]:
        torch.set_default_dtype(getattr(torch, sys.argv[2]))
    recipe = Recipe.model_validate_json((folder / "recipe.json").read_text())
    stored = folder / "images"
    images = (
        list_folder(stored) if stored.exists() else make_images(side=max(recipe.architecture.resolutions))
    )
    with join_ranks() as ranks:
        trainer = Trainer(recipe, images, folder, Machine(ranks=ranks, workers=1))
        try:
            trainer.run(checkpoint_minutes=0)
        except KeyboardInterrupt:
            sys.exit(130)


if __name__ == "__main__":
    main()
