"""The options of an evaluation in torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """The resolutions and the device of an evaluation.

    Attributes:
        resolutions: The resolutions in pixels; empty for those of the architecture.
        device: Where torch computes: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``.
        threads: The threads of torch; ``None`` leaves torch's own choice.
        test_split: The split for reporting; empty for the first of test, val and validation that has labels.
        command: The command line that the accuracy table records.
    """

    resolutions: tuple[int, ...] = ()
    device: str = "auto"
    threads: int | None = None
    test_split: str = ""
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class SampleOptions(EvaluateOptions):
    """The random subnets of a space that is too large to evaluate as a whole.

    Attributes:
        space: The space: ``compofa-elastic`` or ``ofa``.
        subnets: How many subnets are drawn.
        seed: The seed of the draw; more subnets of the same seed begin with the same ones.
        calibration_images: How many training images each subnet is calibrated on.
    """

    space: str = "ofa"
    subnets: int = 100
    seed: int = 0
    calibration_images: int = 2000
