"""The images that were held out of a supernet's training."""

from __future__ import annotations

from pathlib import Path

from compofa_deploy.data.decode import OnSkip, say_nothing
from compofa_deploy.data.splits import DataSplits, load_splits
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.errors import InputError

HELD_OUT_SETTINGS = ("validation_images", "split_seed")


def load_held_out(
    folder: Path,
    supernet: StoredSupernet,
    name: str | Path,
    on_skip: OnSkip = say_nothing,
    test_split: str = "",
) -> DataSplits:
    """Loads the images that were held out of a supernet's training.

    Args:
        folder: The folder of images that the supernet was trained on.
        supernet: A supernet that was trained or calibrated here. Its origin says how the images were split.
        name: The supernet's name or file, for messages.
        on_skip: Is called with each image that cannot be read.
        test_split: The name of the split for reporting; empty for the first of the usual names.

    Raises:
        InputError: The supernet does not say which images were held out, or the folder has no such splits.
    """
    settings = supernet.origin.get("data_settings")
    if not isinstance(settings, dict) or any(
        not isinstance(settings.get(word), int) for word in HELD_OUT_SETTINGS
    ):
        raise InputError(
            f"{name}: does not say which images were held out of its training; train it with compofa train"
        )
    count, seed = (settings[word] for word in HELD_OUT_SETTINGS)
    return load_splits(folder, count, seed, on_skip, test_split)
