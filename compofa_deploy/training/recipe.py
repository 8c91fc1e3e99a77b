"""Recipes, which hold everything that a training depends on besides the images, and check it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.families import find_family
from compofa_deploy.space.named_architectures import ARCHITECTURES, find_architecture
from latency_tables.errors import InputError

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Pixels = Annotated[int, Field(ge=1)]

SPACES_BY_KEY = {"kernels": ("compofa-elastic", "ofa"), "depths": ("ofa",), "expands": ("ofa",)}
"""The choices that a phase may narrow, and in which spaces."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ArchitectureSettings(_Strict):
    """The supernet's shape. A recipe may give the name of a known architecture in place of these keys."""

    name: str
    width: Positive
    classes: int = Field(ge=1)
    stem_stride: Literal[1, 2]
    resolutions: tuple[Pixels, ...] = Field(min_length=1)
    family: str = "mbv3"
    elastic_kernel: bool = True

    def build(self) -> Architecture:
        """Return the architecture.

        Raises:
            InputError: The keys are no architecture, or have the name of a known one with another shape.
        """
        architecture = Architecture(**self.model_dump())
        find_family(architecture)
        if architecture != ARCHITECTURES.get(self.name, architecture):
            raise InputError(
                f"{self.name} is the name of another architecture; give this one its own name by architecture.name"
            )
        return architecture


class DataSettings(_Strict):
    """The split of the training images, and how an image is changed and normalised in training.

    ``crop = "padded"`` shifts an image by up to ``crop_padding`` pixels over its reflected border. ``crop = "resized"``
    resizes a random part to the resolution. ``crop_area`` is the lowest and highest share of the pixels in that part,
    ``crop_ratio`` the lowest and highest ratio of its sides. ``brightness`` and ``saturation`` are the largest relative
    changes: 0.125 means a factor between 0.875 and 1.125.
    """

    validation_images: int = Field(ge=1)
    training_images: int | None = Field(default=None, ge=1)
    """The largest number of training images, drawn with ``split_seed``; without it, all that are not held out."""
    split_seed: int = 0
    mean: tuple[float, float, float]
    std: tuple[Positive, Positive, Positive]
    crop: Literal["padded", "resized"] = "padded"
    crop_padding: int = Field(default=4, ge=0)
    crop_area: tuple[Positive, Positive] = (0.08, 1.0)
    crop_ratio: tuple[Positive, Positive] = (3 / 4, 4 / 3)
    flip: bool = True
    brightness: Share = 0
    saturation: Share = 0
    random_operations: int = Field(default=0, ge=0)
    """How many random operations are applied to each image, in the manner of RandAugment; 0 does without."""
    operation_magnitude: Share = 1
    """The largest strength of a random operation."""
    cutout: Share = 0
    """The side of the square that is blanked in each image, in shares of the image's side; 0 does without."""
    mixup: float = Field(default=0, ge=0)
    """alpha of mixup, which blends pairs of images and their labels; 0 does without."""
    cutmix: float = Field(default=0, ge=0)
    """alpha of CutMix, which pastes a part of one image of a pair into the other; 0 does without. With mixup as well,
    each pair draws one of the two."""

    @model_validator(mode="after")
    def _check(self) -> DataSettings:
        for name in ("crop_area", "crop_ratio"):
            low, high = getattr(self, name)
            if low > high or (name == "crop_area" and high > 1):
                raise ValueError(f"{name} must be a lowest and a highest value, an area of at most 1")
        return self


class Phase(_Strict):
    """One run of the schedule: its subnets, its duration and its learning rates.

    A step trains ``subnets_per_step`` members of ``subnets`` and sums their gradients over the same ``batch`` images.
    It begins with those that ``always`` names, and draws the others.
    ``largest_share`` and ``smallest_share`` are the probabilities that a draw is one of the two extremes instead of a
    uniform one. ``kernels``, ``depths`` and ``expands`` restrict the draws. The learning rate rises linearly from
    ``warmup_lr`` to ``lr`` over the first ``warmup_epochs`` of ``epochs``, then falls to ``final_lr`` as a cosine.
    """

    name: str
    subnets: Literal["largest", "compofa", "compofa-elastic", "ofa"]
    kernels: tuple[int, ...] = ()
    depths: tuple[int, ...] = ()
    expands: tuple[int, ...] = ()
    epochs: Positive
    batch: int = Field(ge=1)
    lr: float = Field(gt=0)
    final_lr: float = Field(default=0, ge=0)
    warmup_epochs: float = Field(default=0, ge=0)
    warmup_lr: float = Field(default=0, ge=0)
    resolutions: tuple[Pixels, ...] = Field(min_length=1)
    subnets_per_step: int = Field(default=1, ge=1)
    always: tuple[Literal["largest", "smallest"], ...] = ()
    """The subnets that every step trains. Both, with drawn ones besides, are the sandwich rule (Yu and Huang, ICCV
    2019)."""
    largest_share: Share = 0
    smallest_share: Share = 0
    sort_channels: bool = False
    """Sort the channels by importance before the phase begins."""
    sort_within: tuple[int, ...] = ()
    """Expand ratios that were trained already. Sorting moves no channel out of a block of such a ratio."""
    distillation: float = Field(default=0, ge=0)
    """k in loss = 2 / (1 + k) * (k * soft cross-entropy with the teacher + cross-entropy with the label). 0 is no
    distillation."""
    distill_from: Literal["teacher", "largest", "file"] = "teacher"
    """Whose logits the subnets learn from. ``teacher`` is the largest subnet as the last phase that trained it alone
    left it. ``largest`` is the largest subnet in the same step (in-place distillation), which learns from the labels
    alone. ``file`` is a teacher whose logits were computed before, and are given with the images."""

    @model_validator(mode="after")
    def _check(self) -> Phase:
        if self.largest_share + self.smallest_share > 1:
            raise ValueError("largest_share and smallest_share must add up to at most 1")
        if self.warmup_epochs > self.epochs:
            raise ValueError("warmup_epochs must be at most epochs")
        for key, spaces in SPACES_BY_KEY.items():
            if getattr(self, key) and self.subnets not in spaces:
                raise ValueError(f"{key} may be given with subnets = {' or '.join(map(repr, spaces))}")
        if (self.largest_share or self.smallest_share) and self.subnets != "compofa":
            raise ValueError("largest_share and smallest_share may be given with subnets = 'compofa'")
        if self.always and self.subnets != "compofa":
            raise ValueError("always may be given with subnets = 'compofa'")
        if len(set(self.always)) < len(self.always) or len(self.always) > self.subnets_per_step:
            raise ValueError("always must not repeat a subnet, nor name more than subnets_per_step")
        if self.distill_from == "file" and not self.distillation:
            raise ValueError("distill_from = 'file' needs a distillation above 0")
        if self.distill_from == "largest" and not (self.distillation and self.always[:1] == ("largest",)):
            raise ValueError(
                "distill_from = 'largest' needs always to begin with 'largest', and a distillation above 0"
            )
        if self.sort_within and not self.sort_channels:
            raise ValueError("sort_within has no effect without sort_channels = true")
        return self

    @property
    def has_teacher(self) -> bool:
        """Whether a teacher runs in each step besides the step's own subnets."""
        return self.distillation > 0 and self.distill_from == "teacher"


class Recipe(_Strict):
    """A whole training, whose phases run one after the other on the same weights."""

    name: str
    architecture: ArchitectureSettings
    seed: int = Field(default=0, ge=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = True
    weight_decay: float = Field(default=3e-5, ge=0)
    """Applied to weights, and not to batch norm and biases."""
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    lr_per_images: int | None = Field(default=None, ge=1)
    """The batch that the learning rates are for. They are scaled linearly to a phase's batch; without this key they are
    not scaled."""
    batch_norm: Literal["local", "synced"] = "local"
    """In training, ``local`` normalises by the images of each process, ``synced`` by the whole batch."""
    batch_norm_momentum: Positive = 0.1
    ema_decay: float = Field(default=0, ge=0, lt=1)
    """The decay by step of a moving average of the weights, which replaces them at the end of each phase; 0 does
    without."""
    calibration_images: int = Field(default=2000, ge=1)
    data: DataSettings
    phases: tuple[Phase, ...] = Field(min_length=1)

    @field_validator("architecture", mode="before")
    @classmethod
    def _find(cls, value: Any) -> Any:
        return find_architecture(value).to_dict() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> Recipe:
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0")
        taught = False
        for phase in self.phases:
            if phase.has_teacher and not taught:
                raise ValueError(
                    f"phase {phase.name!r} has no teacher before it; set its distillation to 0, let a phase with "
                    "subnets = 'largest' come first, or set distill_from to 'largest'"
                )
            taught = taught or phase.subnets == "largest"
        if self.needs_logits and (self.data.mixup or self.data.cutmix):
            raise ValueError("distill_from = 'file' does not work with mixup or cutmix; set both to 0")
        if len({phase.name for phase in self.phases}) < len(self.phases):
            raise ValueError("the phases' names must not repeat")
        return self

    @property
    def needs_logits(self) -> bool:
        """Whether a phase learns from a teacher's logits in a file."""
        return any(phase.distill_from == "file" for phase in self.phases)

    def scale_lr(self, phase: Phase) -> float:
        """Return the factor of a phase's learning rates that follows from its batch."""
        return 1.0 if self.lr_per_images is None else phase.batch / self.lr_per_images


def check_recipe(recipe: Recipe, images: int) -> Architecture:
    """Check that a recipe can be trained on a number of images.

    Args:
        recipe: The recipe.
        images: How many training images there are.

    Returns:
        The recipe's architecture.

    Raises:
        InputError: A phase does not fit the architecture or the images.
    """
    architecture = recipe.architecture.build()
    choices = find_family(architecture).CHOICES
    for phase in recipe.phases:
        where = f"phase {phase.name!r}"
        if (phase.sort_channels or phase.subnets != "largest") and architecture.family != "mbv3":
            raise InputError(
                f"{where}: sampling and sorting work with family mbv3 only; set subnets to 'largest'"
            )
        if phase.subnets in ("compofa-elastic", "ofa") and not architecture.elastic_kernel:
            raise InputError(
                f"{where}: {architecture.name} has fixed kernels; set architecture.elastic_kernel to true, or subnets "
                "to 'compofa'"
            )
        allowed = {"kernels": choices.kernels, "depths": sorted({d for c in choices.depths for d in c})}
        for key, values in {**allowed, "expands": choices.expands, "sort_within": choices.expands}.items():
            if not set(getattr(phase, key)) <= set(values):
                raise InputError(f"{where}: {key} must be among {', '.join(map(str, values))}")
        if phase.batch > images:
            raise InputError(
                f"{where}: a batch of {phase.batch} is more than the {images} training images; lower batch"
            )
    return architecture
