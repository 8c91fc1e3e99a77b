"""What is done of an evaluation, kept so that one that was stopped goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compofa_deploy.data.splits import LabelledImages
from latency_tables.errors import FormatError, MismatchError
from latency_tables.files import read_json, write_json

FORMAT = "compofa-partial-accuracies"
VERSION = 1

Done = dict[str, Mapping[str, list[int]]]
"""For each part that is done, right answers by split."""


@dataclass(frozen=True, slots=True)
class Partial:
    """A file, or none, and the ``key`` of what is evaluated: another's is refused."""

    path: Path | None
    key: list[str]

    def read(self) -> Done:
        """What is done; :class:`MismatchError` where that is of something else."""
        if self.path is None or not self.path.exists():
            return {}
        data = read_json(self.path, FORMAT, VERSION)
        if data.get("key") != self.key:
            raise MismatchError(
                f"{self.path}: is of another supernet or other images, or run otherwise; remove it to begin anew"
            )
        done: Done | None = data.get("done")
        if not isinstance(done, dict):
            raise FormatError(f"{self.path}: does not say what was done; remove it to begin anew")
        return done

    def keep(self, done: Done) -> None:
        """Write down what is done."""
        if self.path is not None:
            write_json(self.path, FORMAT, VERSION, {"key": self.key, "done": done})


def fingerprint(images: LabelledImages) -> str:
    """Tells one set of images from another: SHA-256 of its pixels and labels."""
    digest = hashlib.sha256(np.ascontiguousarray(images.pixels).data)
    digest.update(np.ascontiguousarray(images.labels).data)
    return digest.hexdigest()
