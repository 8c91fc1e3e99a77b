"""Naming the images that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compofa_deploy.cli.output import warn

if TYPE_CHECKING:
    from compofa_deploy.data.encoded import SkippedImage

NAMED_IMAGES = 20
"""The number of unreadable images that are named; further ones are counted."""
COUNTED_EVERY = 100


class SkippedImages:
    """Is called with each image that cannot be read, names the first of them, and counts all."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, skipped: SkippedImage) -> None:
        self.count += 1
        if self.count <= NAMED_IMAGES:
            warn(f"skipped: {skipped.reason}")
        elif self.count % COUNTED_EVERY == 0:
            warn(f"skipped {self.count} images that cannot be read")
