"""The training loop, which runs a recipe's phases over one supernet and writes checkpoints."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from compofa_deploy.data.decode import OnSkip
from compofa_deploy.data.encoded import SkippedImage
from compofa_deploy.data.labelled import Images, LabelledImages
from compofa_deploy.space.layers import largest_subnet
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.elastic_modules import ElasticBatchNorm
from compofa_deploy.supernet.module import Supernet
from compofa_deploy.torch_process.allocator import tune_allocator
from compofa_deploy.training.augment import Augment, Draws
from compofa_deploy.training.batches import Order, list_batches
from compofa_deploy.training.channel_sorting import sort_channels
from compofa_deploy.training.checkpoint import NAME, read_checkpoint, remove_leftovers, write_checkpoint
from compofa_deploy.training.errors import DivergedError, explain_memory
from compofa_deploy.training.gradient_averaging import GradientAverager
from compofa_deploy.training.interrupt import hold_interrupts
from compofa_deploy.training.machine import Machine
from compofa_deploy.training.optimizer import make_optimizer
from compofa_deploy.training.progress import Estimator, TrainingLog, TrainingProgress
from compofa_deploy.training.recipe import Phase, Recipe, check_recipe
from compofa_deploy.training.schedule import Schedule, weigh_step
from compofa_deploy.training.subnet_gradients import SubnetGradients
from compofa_deploy.training.subnet_sampling import draw_subnets
from compofa_deploy.training.synced_batch_norm import sync_batch_norm
from compofa_deploy.training.teacher_logits import TeacherLogits, Views
from compofa_deploy.training.weight_average import WeightAverage
from latency_tables.errors import InputError, MismatchError
from profilers.machine.clock import now_s

LOG_EVERY_STEPS = 50


class Trainer:
    """Trains a supernet by a recipe, and goes on from ``folder/checkpoint.pt`` where that exists.

    One process on a CPU that was stopped and goes on takes the same steps, bit for bit, as one that was not stopped.
    Several processes draw the same subnets, resolutions and augmentations, and each takes its part of the batch.

    Args:
        recipe: The recipe.
        images: The training images.
        folder: Where checkpoints and logs are written.
        machine: What the training runs on; by default the CPU.
        on_skip: Called for each image that cannot be read.
        tensorboard: Whether to write TensorBoard's files as well.
        teacher_logits: The logits of a teacher, where a phase learns from those of a file.

    Raises:
        InputError: The recipe cannot be trained on these images.
        MismatchError: The checkpoint belongs to another training.
    """

    def __init__(
        self,
        recipe: Recipe,
        images: Images,
        folder: Path,
        machine: Machine | None = None,
        on_skip: OnSkip = lambda skipped: None,
        tensorboard: bool = False,
        teacher_logits: TeacherLogits | None = None,
    ) -> None:
        architecture = check_recipe(recipe, len(images))
        self.recipe, self.images, self.folder = recipe, images, folder
        self.machine, self.on_skip = machine or Machine(), on_skip
        self.machine.check(recipe)
        self.views = self._open_views(teacher_logits)
        tune_allocator()
        self.schedule = Schedule(recipe, len(images))
        self.averager = GradientAverager(self.machine)
        self.supernet = self._build(recipe.dropout)
        self.supernet.initialise(torch.Generator().manual_seed(recipe.seed))
        self.supernet.to(self.machine.device)
        self.gradients = SubnetGradients(self.supernet, self.machine, recipe.label_smoothing)
        self.teacher: Supernet | None = None
        self.average: WeightAverage | None = None
        cropped = not isinstance(images, LabelledImages)
        self.augment = Augment(recipe.data, self.machine.device, cropped)
        self.phase_index, self.step, self.seconds = 0, 0, 0.0
        self.unreadable: set[str] = set()
        self.saved_step: int | None = None
        self.drawn: list[Subnet] = []
        self._streams = self.machine.ranks.world == 1 and self.machine.device.type == "cpu"
        work = [phase.batch * weigh_step(phase, architecture) for phase in recipe.phases]
        self._estimator = Estimator(work, list(map(self.schedule.count_steps, recipe.phases)))
        self._enter_phase()
        self.checkpoint = folder / NAME
        if self.checkpoint.exists():
            self._restore(read_checkpoint(self.checkpoint, recipe, len(images)))
        if self.machine.ranks.is_first:
            remove_leftovers(self.checkpoint)
        self.log = TrainingLog(folder, tensorboard and self.machine.ranks.is_first)

    @property
    def phase(self) -> Phase:
        return self.recipe.phases[self.phase_index]

    @property
    def total_steps(self) -> int:
        return self.schedule.total_steps

    @property
    def steps_done(self) -> int:
        return self.step + self.schedule.count_before(self.phase_index)

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Replace the first phase, which must train the teacher, by the weights of a teacher, given by name."""
        self.supernet.load_state_dict({**self.supernet.state_dict(), **weights})
        self.average = None
        self._leave_phase()

    def run(
        self,
        checkpoint_minutes: float = 5,
        on_progress: Callable[[TrainingProgress], None] = lambda progress: None,
        on_phase: Callable[[Phase], None] = lambda phase: None,
    ) -> Supernet:
        """Train to the end, and write checkpoints on the way, at the end, and when interrupted.

        Ctrl-C takes effect at the end of the current step.

        Args:
            checkpoint_minutes: The time between two checkpoints.
            on_progress: Called every ``LOG_EVERY_STEPS`` steps.
            on_phase: Called with each phase that is done.

        Returns:
            The trained supernet.

        Raises:
            DivergedError: The loss is not a finite number; the last checkpoint stays.
            InputError: Memory runs out, or too many images cannot be read.
            KeyboardInterrupt: Ctrl-C was pressed, and a checkpoint has been written.
        """
        self.supernet.train()
        self._saved = now_s()
        with hold_interrupts() as interrupted:
            while self.phase_index < len(self.recipe.phases):
                self._run_phase(interrupted, checkpoint_minutes, on_progress)
                done = self.phase
                self._leave_phase()
                on_phase(done)
            self.save()
        self.log.close()
        return self.supernet

    def save(self) -> None:
        """Write the checkpoint, in the first process alone.

        Raises:
            DivergedError: A weight is not a finite number; the last checkpoint stays.
        """
        if not self.machine.ranks.is_first:
            return
        finite = torch.stack([parameter.isfinite().all() for parameter in self.supernet.parameters()])
        if not finite.all():
            raise DivergedError(f"a weight is no longer a number at step {self.steps_done}; {self._advise()}")
        state = {
            "model": self.supernet.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "teacher": self.teacher.state_dict() if self.teacher is not None else None,
            "average": self.average.state() if self.average is not None else None,
            "teacher_logits": self.views.kept.fingerprint if self.views is not None else None,
            "phase": self.phase_index,
            "step": self.step,
            "seconds": self.seconds,
            "unreadable": sorted(self.unreadable),
            "rng": json.dumps(self.rng.bit_generator.state),
            "torch_rng": torch.get_rng_state(),
        }
        write_checkpoint(self.checkpoint, self.recipe, len(self.images), state)
        self.saved_step = self.steps_done

    def _restore(self, state: dict[str, Any]) -> None:
        self.phase_index, self.step, self.seconds = state["phase"], state["step"], state["seconds"]
        self.unreadable = set(state.get("unreadable", ()))
        if self.views is not None and state["teacher_logits"] != self.views.kept.fingerprint:
            raise MismatchError(
                f"{self.checkpoint}: was written with other logits of a teacher; give those, or another folder"
            )
        if state["teacher"] is not None:
            self._keep_teacher(state["teacher"])
        self.supernet.load_state_dict(state["model"])
        self.average = None
        if self.phase_index < len(self.recipe.phases):
            self.optimizer = make_optimizer(self.supernet, self.recipe, self.phase.lr)
            self.optimizer.load_state_dict(state["optimizer"])
            self.average = self._make_average()
            if self.average is not None:
                self.average.restore(**state["average"])
        self.rng.bit_generator.state = json.loads(state["rng"])
        torch.set_rng_state(state["torch_rng"])
        self.saved_step = self.steps_done

    def _build(self, dropout: float) -> Supernet:
        supernet: Supernet = Supernet(self.recipe.architecture.build(), dropout).to(  # type: ignore[call-overload]
            memory_format=torch.channels_last
        )
        for module in supernet.modules():
            if isinstance(module, ElasticBatchNorm):
                module.momentum = self.recipe.batch_norm_momentum
        if self.recipe.batch_norm == "synced" and self.machine.ranks.world > 1:
            sync_batch_norm(supernet, self.averager.group)
        return supernet

    def _enter_phase(self) -> None:
        if self.phase.sort_channels:
            sort_channels(self.supernet, self.phase.sort_within)
        self.rng = np.random.default_rng([self.recipe.seed, self.phase_index])
        torch.manual_seed(int(self.rng.integers(2**31)))
        self.optimizer = make_optimizer(self.supernet, self.recipe, self.phase.lr)
        self.average = self._make_average()

    def _make_average(self) -> WeightAverage | None:
        decay = self.recipe.ema_decay
        return WeightAverage(self.supernet, decay) if decay else None

    def _leave_phase(self) -> None:
        if self.average is not None:
            self.average.apply()
            self.average = None
        if self.phase.subnets == "largest":
            self._keep_teacher(self.supernet.state_dict())
        self.phase_index, self.step = self.phase_index + 1, 0
        if self.phase_index < len(self.recipe.phases):
            self._enter_phase()

    def _keep_teacher(self, state: dict[str, Tensor]) -> None:
        self.teacher = self._build(dropout=0)
        self.teacher.load_state_dict(state)
        self.teacher.to(self.machine.device).train().requires_grad_(False)

    def _run_phase(
        self,
        interrupted: Callable[[], bool],
        checkpoint_minutes: float,
        on_progress: Callable[[TrainingProgress], None],
    ) -> None:
        machine, phase = self.machine, self.phase
        steps = range(self.step, self.schedule.count_steps(phase))
        part = machine.find_part(phase.batch)
        batches = list_batches(
            self.images,
            self.recipe,
            self.phase_index,
            steps,
            part,
            machine.device,
            machine.workers,
            self._skip,
        )
        ended = now_s()
        for pixels, labels in batches:
            loss, stop = self.train_step(pixels, labels, interrupted())
            self.step += 1
            now = now_s()
            self.seconds += now - ended
            left = self._estimator.count(self.phase_index, self.step, now)
            if self.step % LOG_EVERY_STEPS == 0 and machine.ranks.is_first:
                self._tell(loss, phase.batch / (now - ended), left, on_progress)
            ended = now
            stop = stop or (machine.ranks.world == 1 and interrupted())
            if stop or now - self._saved > 60 * checkpoint_minutes:
                self.save()
                self._saved = now
            if stop:
                raise KeyboardInterrupt

    def train_step(self, pixels: Tensor, labels: Tensor, stop: bool = False) -> tuple[float, bool]:
        """Train one step, after which ``drawn`` holds its subnets.

        Args:
            pixels: This process's part of the batch, (n, side, side, 3).
            labels: Classes, (n,).
            stop: Whether this process was asked to stop.

        Returns:
            The mean loss over subnets and processes, and whether any process was asked to stop.

        Raises:
            DivergedError: The loss is not a finite number.
            InputError: Memory runs out.
        """
        phase, machine = self.phase, self.machine
        if not self._streams:
            key = [self.recipe.seed, self.phase_index, self.step, machine.ranks.rank]
            torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))
        resolution = int(self.rng.choice(phase.resolutions))
        draws = self.augment.draw(phase.batch, self.rng).take(machine.find_part(phase.batch))
        logits: Tensor | None = None
        if phase.distill_from == "file":
            draws, logits = self._choose_views(draws)
        lr = self.schedule.find_lr(phase, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.zero_grad(set_to_none=True)
        at_once = machine.count_at_once(len(labels))
        running = largest_subnet(self.supernet.architecture, resolution)
        losses: list[Tensor] = []
        with explain_memory(lambda: (f"phase {phase.name!r}, subnet {running}", at_once)):
            images = self.augment(pixels, resolution, draws)
            images, targets = self.augment.mix(images, labels, self.supernet.architecture.classes, draws)
            parts = list(zip(torch.split(images, at_once), torch.split(targets, at_once), strict=True))
            taught: list[Tensor | None] = [None] * len(parts)
            if logits is not None:
                taught = list(torch.split(logits.to(images), at_once))
            if phase.has_teacher:
                assert self.teacher is not None
                taught = [self.gradients.run_teacher(self.teacher, part) for part, _ in parts]
            self.drawn = draw_subnets(phase, self.supernet.architecture, resolution, self.rng)
            for running in self.drawn:
                loss, made = self.gradients.add(running, parts, taught, phase.distillation)
                losses.append(loss)
                if phase.distill_from == "largest" and running is self.drawn[0]:
                    taught = made
            reported = torch.stack([*losses, torch.tensor(float(stop), device=machine.device)])
            *values, stops = self.averager.average(list(self.supernet.parameters()), reported).tolist()
        for subnet, value in zip(self.drawn, values, strict=True):
            if not math.isfinite(value):
                raise DivergedError(
                    f"the loss became {value} in phase {phase.name!r} at step {self.step}, lr {lr:.4g}, subnet "
                    f"{subnet}; {self._advise()}"
                )
        self.optimizer.step()
        if self.average is not None:
            self.average.update()
        return sum(values) / len(values), stops > 0

    def _open_views(self, kept: TeacherLogits | None) -> Views | None:
        if not self.recipe.needs_logits:
            return None
        if kept is None:
            raise InputError(
                f"recipe {self.recipe.name} learns from a teacher's logits in a file; give it as --teacher-logits"
            )
        if not isinstance(self.images, LabelledImages):
            raise InputError(
                "a teacher's logits in a file need images of one square size that are held in memory; resize them, or "
                "choose a recipe with another teacher"
            )
        kept.check(self.images, self.recipe.data)
        return Views(kept, self.recipe.data)

    def _choose_views(self, draws: Draws) -> tuple[Draws, Tensor]:
        """Draw a view of each image of the step, and return its crops and flips with the teacher's logits."""
        assert self.views is not None
        batch, part = self.phase.batch, self.machine.find_part(self.phase.batch)
        order = Order(self.recipe.seed, self.phase_index, len(self.images), batch, part)
        views = self.rng.integers(len(self.views.draws), size=batch)[part]
        return self.views.choose(draws, order.find(self.step)[1], views)

    def _advise(self) -> str:
        last = (
            "there is no checkpoint"
            if self.saved_step is None
            else f"the checkpoint is of step {self.saved_step}"
        )
        return f"{last}; lower lr in the recipe and begin anew in another folder"

    def _skip(self, skipped: SkippedImage) -> None:
        if skipped.name not in self.unreadable:
            self.unreadable.add(skipped.name)
            self.on_skip(skipped)

    def _tell(
        self,
        loss: float,
        rate: float,
        left: float | None,
        on_progress: Callable[[TrainingProgress], None],
    ) -> None:
        progress = TrainingProgress(
            self.phase.name,
            self.step // self.schedule.count_epoch(self.phase),
            self.steps_done,
            self.total_steps,
            loss,
            self.schedule.find_lr(self.phase, self.step),
            rate,
            self.seconds,
            left,
            len(self.unreadable),
        )
        self.log.write(progress)
        on_progress(progress)
