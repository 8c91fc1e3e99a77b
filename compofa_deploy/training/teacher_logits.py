"""Logits of a teacher that are computed once, for a few fixed views of each training image, and kept in a file.

A large teacher is expensive to run in every step. A view is one random crop and flip of an image. Training draws one of
the views of each image, so that images and logits belong together (Shen and Xing, ECCV 2022, do the same). Colours,
random operations and cutout are still drawn anew in each step. A view is not stored: it follows from the file's seed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compofa_deploy.data.labelled import LabelledImages
from compofa_deploy.training.augment import Augment, Draws
from compofa_deploy.training.recipe import DataSettings
from latency_tables.errors import FormatError, MismatchError
from latency_tables.files import replace_file

FORMAT = "compofa-teacher-logits"
VERSION = 1
VIEW_KEYS = ("crop", "crop_padding", "crop_area", "crop_ratio", "flip")
"""The settings that decide a view."""


@dataclass(frozen=True)
class TeacherLogits:
    """The logits of a teacher, ``logits`` (views, images, classes) in half precision.

    ``seed`` and ``settings`` decide the views. ``images`` is a fingerprint of the images and their order.
    """

    logits: NDArray[np.float16]
    seed: int
    settings: dict[str, Any]
    images: str

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything in the file."""
        told = json.dumps([self.seed, self.settings, self.images], sort_keys=True).encode()
        return hashlib.sha256(told + np.ascontiguousarray(self.logits).tobytes()).hexdigest()

    def check(self, images: LabelledImages, settings: DataSettings) -> None:
        """Check that the logits belong to these images, in this order, and to these views.

        Raises:
            MismatchError: They do not.
        """
        if self.images != fingerprint_images(images):
            raise MismatchError(
                "the teacher's logits are of other training images, or of another order; compute them with the "
                "recipe's validation_images, split_seed and training_images"
            )
        for key, value in list_view_settings(settings).items():
            if self.settings.get(key) != value:
                raise MismatchError(
                    f"the teacher's logits are of views with data.{key} = {self.settings.get(key)}, and the recipe has "
                    f"{value}; set data.{key} to the former, or compute the logits anew"
                )

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        from safetensors.numpy import save

        header = {"seed": self.seed, "settings": self.settings, "images": self.images}
        metadata = {"format": FORMAT, "version": str(VERSION), "views": json.dumps(header)}
        with replace_file(path) as file:
            file.write(save({"logits": self.logits}, metadata))

    @classmethod
    def load(cls, path: Path) -> TeacherLogits:
        """Read a file that :meth:`save` wrote.

        Raises:
            FormatError: The file does not exist or cannot be read.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), framework="numpy") as file:
                metadata = file.metadata() or {}
                logits = file.get_tensor("logits")
            header = json.loads(metadata["views"])
            if (metadata["format"], metadata["version"]) != (FORMAT, str(VERSION)) or logits.ndim != 3:
                raise ValueError
            found = cls(logits, int(header["seed"]), dict(header["settings"]), str(header["images"]))
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            raise FormatError(f"{path}: not a file of a teacher's logits; compute them anew") from None
        if not np.isfinite(found.logits).all():
            raise FormatError(f"{path}: holds logits that are not finite; compute them anew")
        return found


class Views:
    """The views of all images, and the teacher's logits of them."""

    def __init__(self, kept: TeacherLogits, settings: DataSettings) -> None:
        self.kept = kept
        count, images, _ = kept.logits.shape
        self.draws = [draw_view(settings, images, kept.seed, view) for view in range(count)]

    def choose(
        self, draws: Draws, indices: NDArray[np.int64], views: NDArray[np.int64]
    ) -> tuple[Draws, Tensor]:
        """Replace crops and flips by those of views.

        Args:
            draws: The random numbers of n images.
            indices: The images' positions in the training set, (n,).
            views: The view of each, (n,).

        Returns:
            The random numbers with the views' crops and flips, and the teacher's logits (n, classes).
        """
        chosen: dict[str, Any] = {}
        for name in ("shift", "box", "flip"):
            values = [getattr(draw, name) for draw in self.draws]
            if values[0] is not None:
                chosen[name] = np.stack(
                    [values[v][..., i] for v, i in zip(views, indices, strict=True)], axis=-1
                )
        logits = torch.from_numpy(self.kept.logits[views, indices].astype(np.float32))
        return Draws(**{**{n: getattr(draws, n) for n in draws.__dataclass_fields__}, **chosen}), logits


def compute_teacher_logits(
    run: Callable[[Tensor], Tensor],
    images: LabelledImages,
    settings: DataSettings,
    views: int,
    seed: int = 0,
    batch: int = 100,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> TeacherLogits:
    """Run a teacher on views of all images.

    Args:
        run: Maps pixels (n, 3, side, side) between 0 and 255 to logits (n, classes).
        images: The training images, in the order of the training.
        settings: The recipe's, which decide how images are cut and flipped.
        views: How many views of each image.
        seed: Decides the views.
        batch: How many images run at a time.
        on_progress: Called with how many images are done, and how many there are, over all views.
    """
    total, side = views * len(images), images.pixels.shape[1]
    plain = settings.model_copy(update={"mean": (0.0, 0.0, 0.0), "std": (1 / 255,) * 3})
    augment = Augment(plain)
    found = np.empty((views, len(images), len(images.class_names)), np.float16)
    for view in range(views):
        draws = draw_view(settings, len(images), seed, view)
        for start in range(0, len(images), batch):
            part = slice(start, min(start + batch, len(images)))
            with torch.inference_mode():
                found[view, part] = run(augment(images.pixels[part], side, draws.take(part))).numpy()
            on_progress(view * len(images) + part.stop, total)
    return TeacherLogits(found, seed, list_view_settings(settings), fingerprint_images(images))


def draw_view(settings: DataSettings, images: int, seed: int, view: int) -> Draws:
    """Return the crops and flips of one view of all images, and no other change."""
    none = {
        "brightness": 0.0, "saturation": 0.0, "random_operations": 0, "cutout": 0.0, "mixup": 0.0, "cutmix": 0.0,
    }  # fmt: skip
    return Augment(settings.model_copy(update=none)).draw(images, np.random.default_rng([seed, view]))


def list_view_settings(settings: DataSettings) -> dict[str, Any]:
    """Return the settings that decide a view, as JSON holds them."""
    content: dict[str, Any] = json.loads(settings.model_dump_json())
    return {key: content[key] for key in VIEW_KEYS}


def fingerprint_images(images: LabelledImages) -> str:
    """Return a hash of the images and labels in their order."""
    known = hashlib.sha256(np.ascontiguousarray(images.labels, np.int64).tobytes())
    known.update(repr(images.pixels.shape).encode())
    for start in range(0, len(images), 4096):
        known.update(np.ascontiguousarray(images.pixels[start : start + 4096]).tobytes())
    return known.hexdigest()
