"""The training loop: phases of a recipe over one supernet, from checkpoint to checkpoint."""

from __future__ import annotations

import json
import math
import pickle
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compofa_deploy.space import largest_subnet, list_layers
from compofa_deploy.supernet.module import ElasticBatchNorm, Supernet
from compofa_deploy.training.augment import Augment
from compofa_deploy.training.data import LabelledImages
from compofa_deploy.training.interrupt import hold_interrupts
from compofa_deploy.training.objective import training_loss
from compofa_deploy.training.process import tune_allocator
from compofa_deploy.training.recipe import Phase, Recipe, check_recipe
from compofa_deploy.training.sampling import draw_subnet
from compofa_deploy.training.sorting import sort_channels
from latency_tables.errors import FormatError, InputError, MismatchError, NoAnswerError
from latency_tables.files import replace_file

CHECKPOINT_VERSION = 1
LOG_EVERY_STEPS = 50


class DivergedError(NoAnswerError):
    """The loss is no longer a number."""


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Where a training is. ``seconds`` counts time spent training, over all the runs that it took."""

    phase: str
    epoch: int
    step: int
    total_steps: int
    loss: float
    lr: float
    images_per_second: float
    seconds: float


class Trainer:
    """Trains a supernet by a recipe; goes on from ``folder/checkpoint.pt`` where there is one.

    A run that was stopped and goes on takes the same steps as one that was not. :class:`InputError` where the recipe
    cannot train this architecture on these images, :class:`MismatchError` where the checkpoint is another training's.
    """

    def __init__(self, recipe: Recipe, images: LabelledImages, folder: Path) -> None:
        architecture = check_recipe(recipe, len(images))
        tune_allocator()
        self.recipe, self.images, self.folder = recipe, images, folder
        self.supernet: Supernet = Supernet(architecture, recipe.dropout).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.supernet.initialise(torch.Generator().manual_seed(recipe.seed))
        self.teacher: dict[str, Tensor] | None = None
        self.augment = Augment(recipe.data)
        self.phase_index, self.step, self.seconds = 0, 0, 0.0
        self._order: NDArray[np.int64] = np.empty(0, np.int64)
        self._order_of = (-1, -1)
        self._enter_phase()
        self.checkpoint = folder / "checkpoint.pt"
        if self.checkpoint.exists():
            self._restore(self._read_checkpoint())

    @property
    def phase(self) -> Phase:
        return self.recipe.phases[self.phase_index]

    @property
    def total_steps(self) -> int:
        return sum(map(self._count_steps, self.recipe.phases))

    @property
    def steps_done(self) -> int:
        before = self.recipe.phases[: self.phase_index]
        return self.step + sum(map(self._count_steps, before))

    def run(
        self,
        checkpoint_minutes: float = 5,
        on_progress: Callable[[TrainingProgress], None] = lambda progress: None,
    ) -> Supernet:
        """Train to the end; writes a checkpoint every few minutes, at the end, and when interrupted.

        Ctrl-C takes effect at the end of the step that is under way. :class:`DivergedError` when the loss is not a
        number; the last checkpoint stays.
        """
        saved = time.monotonic()
        self.supernet.train()
        with hold_interrupts() as interrupted:
            while self.phase_index < len(self.recipe.phases):
                while self.step < self._count_steps(self.phase):
                    before = time.monotonic()
                    loss, images = self._train_step()
                    self.step += 1
                    now = time.monotonic()
                    self.seconds += now - before
                    if self.step % LOG_EVERY_STEPS == 0:
                        self._log(loss, images / (now - before), on_progress)
                    stop = interrupted()
                    if stop or now - saved > 60 * checkpoint_minutes:
                        self.save()
                        saved = now
                    if stop:
                        raise KeyboardInterrupt
                self._leave_phase()
            self.save()
        return self.supernet

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "version": CHECKPOINT_VERSION,
            "images": len(self.images),
            "recipe": self.recipe.model_dump_json(),
            "model": self.supernet.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "teacher": self.teacher,
            "phase": self.phase_index,
            "step": self.step,
            "seconds": self.seconds,
            "rng": json.dumps(self.rng.bit_generator.state),
            "torch_rng": torch.get_rng_state(),
        }
        with replace_file(self.checkpoint) as file:
            torch.save(state, file)

    def _read_checkpoint(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = torch.load(self.checkpoint, weights_only=True)
            same = (
                state["version"] == CHECKPOINT_VERSION
                and Recipe.model_validate_json(state["recipe"]) == self.recipe
                and state.get("images", len(self.images)) == len(self.images)
            )
        except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError):
            raise FormatError(
                f"{self.checkpoint}: not a checkpoint that can be read; remove it to begin anew"
            ) from None
        if not same:
            raise MismatchError(
                f"{self.checkpoint}: was written with another recipe or other images; give another folder, or remove it"
            )
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        self.phase_index, self.step, self.seconds = state["phase"], state["step"], state["seconds"]
        self.teacher = state["teacher"]
        self.supernet.load_state_dict(state["model"])
        if self.phase_index < len(self.recipe.phases):
            self._make_optimizer()
            self.optimizer.load_state_dict(state["optimizer"])
        self.rng.bit_generator.state = json.loads(state["rng"])
        torch.set_rng_state(state["torch_rng"])

    def _enter_phase(self) -> None:
        if self.phase.sort_channels:
            sort_channels(self.supernet, self.phase.sort_within)
        self.rng = np.random.default_rng([self.recipe.seed, self.phase_index])
        torch.manual_seed(int(self.rng.integers(2**31)))
        self._make_optimizer()

    def _leave_phase(self) -> None:
        if self.phase.subnets == "largest":
            self.teacher = {name: value.clone() for name, value in self.supernet.state_dict().items()}
        self.phase_index, self.step = self.phase_index + 1, 0
        if self.phase_index < len(self.recipe.phases):
            self._enter_phase()

    def _make_optimizer(self) -> None:
        undecayed = {
            id(p) for m in self.supernet.modules() if isinstance(m, ElasticBatchNorm) for p in m.parameters()
        }
        undecayed |= {
            id(p) for name, p in self.supernet.named_parameters() if name.rpartition(".")[2] == "bias"
        }
        groups = [
            {
                "params": [p for p in self.supernet.parameters() if (id(p) in undecayed) == skip],
                "weight_decay": 0.0 if skip else self.recipe.weight_decay,
            }
            for skip in (False, True)
        ]
        self.optimizer = torch.optim.SGD(
            groups, lr=self.phase.lr, momentum=self.recipe.momentum, nesterov=self.recipe.nesterov
        )

    def _steps_per_epoch(self, phase: Phase) -> int:
        return len(self.images) // phase.batch

    def _count_steps(self, phase: Phase) -> int:
        return max(1, round(phase.epochs * self._steps_per_epoch(phase)))

    def _learning_rate(self) -> float:
        phase, scale = self.phase, self.recipe.scale_lr(self.phase)
        warmup, total = phase.warmup_epochs * self._steps_per_epoch(phase), self._count_steps(phase)
        if self.step < warmup:
            return scale * (phase.warmup_lr + (phase.lr - phase.warmup_lr) * (self.step + 1) / (warmup + 1))
        progress = (self.step - warmup) / max(1, total - warmup)
        return scale * (phase.final_lr + (phase.lr - phase.final_lr) * (1 + math.cos(math.pi * progress)) / 2)

    def _batch(self) -> tuple[NDArray[np.uint8], Tensor]:
        epoch, position = divmod(self.step, self._steps_per_epoch(self.phase))
        if self._order_of != (self.phase_index, epoch):
            self._order = np.random.default_rng([self.recipe.seed, self.phase_index, epoch]).permutation(
                len(self.images)
            )
            self._order_of = (self.phase_index, epoch)
        indices = self._order[position * self.phase.batch : (position + 1) * self.phase.batch]
        return self.images.pixels[indices], torch.from_numpy(self.images.labels[indices])

    def _train_step(self) -> tuple[float, int]:
        phase, architecture = self.phase, self.supernet.architecture
        pixels, labels = self._batch()
        resolution = int(self.rng.choice(phase.resolutions))
        images = self.augment(pixels, resolution, self.rng)
        lr = self._learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        teacher_logits = self._teach(images, resolution) if phase.distillation else None
        self.optimizer.zero_grad(set_to_none=True)
        loss_sum = 0.0
        for _ in range(phase.subnets_per_step):
            layers = list_layers(architecture, draw_subnet(phase, architecture, resolution, self.rng))
            loss = training_loss(
                self.supernet(images, layers),
                labels,
                self.recipe.label_smoothing,
                teacher_logits,
                phase.distillation,
            )
            loss.backward()  # type: ignore[no-untyped-call]
            loss_sum += loss.item()
        if not math.isfinite(loss_sum):
            raise DivergedError(
                f"the loss became {loss_sum} in phase {phase.name!r} at step {self.step}, lr {lr:.4g}; "
                "lower lr in the recipe and begin anew in another folder"
            )
        self.optimizer.step()
        return loss_sum / phase.subnets_per_step, len(labels)

    @torch.no_grad()
    def _teach(self, images: Tensor, resolution: int) -> Tensor:
        """Logits of the largest subnet with the weights that the phase before left."""
        assert self.teacher is not None
        layers = list_layers(
            self.supernet.architecture, largest_subnet(self.supernet.architecture, resolution)
        )
        logits: Tensor = torch.func.functional_call(self.supernet, self.teacher, (images, layers))
        return logits

    def _log(self, loss: float, rate: float, on_progress: Callable[[TrainingProgress], None]) -> None:
        progress = TrainingProgress(
            self.phase.name,
            self.step // self._steps_per_epoch(self.phase),
            self.steps_done,
            self.total_steps,
            loss,
            self._learning_rate(),
            rate,
            self.seconds,
        )
        path = self.folder / "log.jsonl"
        try:
            with open(path, "a", encoding="utf-8") as log:
                log.write(json.dumps(asdict(progress)) + "\n")
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror}); make room and go on") from None
        on_progress(progress)
