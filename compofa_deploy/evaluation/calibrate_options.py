"""The options of a calibration on a folder of images."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CalibrateOptions:
    """The images, resolutions and device of a calibration.

    Attributes:
        resolutions: The resolutions in pixels.
        images: How many training images the statistics are computed on; all of them are in memory at once.
        validation_images: How many training images are held out for an evaluation.
        seed: The seed by which images are held out and drawn.
        device: Where torch computes: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
        threads: The threads of torch; ``None`` leaves torch's own choice.
    """

    resolutions: tuple[int, ...]
    images: int = 2000
    validation_images: int = 5000
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
