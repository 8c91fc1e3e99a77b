"""A model in memory: its file, and that of its weights where the format keeps them apart."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from profilers.measuring.open_model import ModelPaths


@dataclass(frozen=True)
class ModelFiles:
    """The bytes of a model.

    Attributes:
        model: The content of the model's file.
        weights: The content of the weights' file; empty where the model holds its own weights.
        input_shape: The shape of the model's only input, for models that leave a size of it free; empty otherwise.
    """

    model: bytes
    weights: bytes = b""
    input_shape: tuple[int, ...] = ()

    @property
    def digest(self) -> str:
        """The SHA-256 of both files together, in hexadecimal digits."""
        parts = (hashlib.sha256(part).hexdigest() for part in (self.model, self.weights))
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    def write(self, folder: Path, name: str = "model") -> ModelPaths:
        """Write the files into an existing folder.

        Args:
            folder: The folder.
            name: The name that the files' names begin with.

        Returns:
            Where the files are, with their hashes.
        """
        path, weights = folder / name, folder / f"{name}.weights"
        path.write_bytes(self.model)
        if not self.weights:
            return ModelPaths.hash(path)
        weights.write_bytes(self.weights)
        return ModelPaths.hash(path, weights)
