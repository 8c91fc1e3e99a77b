"""What a training is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """A recipe, and what it runs on.

    Attributes:
        recipe: The name of a recipe that ships, or a ``.toml`` file.
        changes: Changes of the recipe, each as ``KEY=VALUE``.
        teacher: A teacher's file, which replaces the recipe's first phase; ``None`` to train one.
        teacher_logits: The file of a teacher's logits, for a recipe that distils from a file; ``None`` without.
        device: Where torch computes: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
        precision: ``bf16`` computes convolutions in bfloat16; weights stay in float32.
        images_at_once: The most images that run through a subnet at a time; ``None`` for a process's whole share.
        workers: The processes that decode images; ``None`` for one less than the cores.
        threads: The threads of torch; ``None`` leaves torch's own choice.
        checkpoint_minutes: The minutes between checkpoints.
        tensorboard: Whether to write ``OUTPUT/tensorboard``.
        evaluates: Whether to evaluate every subnet at the end.
        price: What an hour of the machine, or of each GPU, costs in dollars; ``None`` where that is unknown.
        carbon: The three-letter code of the country whose electricity is used; empty to measure no energy.
        command: The command line that the supernet's origin records.
    """

    recipe: str
    changes: tuple[str, ...] = ()
    teacher: Path | None = None
    teacher_logits: Path | None = None
    device: str = "auto"
    precision: Literal["f32", "bf16"] = "f32"
    images_at_once: int | None = None
    workers: int | None = None
    threads: int | None = None
    checkpoint_minutes: float = 5.0
    tensorboard: bool = False
    evaluates: bool = True
    price: float | None = None
    carbon: str = ""
    command: str = ""
