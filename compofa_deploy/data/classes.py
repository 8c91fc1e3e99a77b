"""The classes of labelled images: their order, and how they are matched with those of a network by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.data.encoded import EncodedImages
from compofa_deploy.data.labelled import DecodedImages, LabelledImages
from latency_tables.errors import InputError, MismatchError

T = TypeVar("T", bound=LabelledImages | DecodedImages | EncodedImages)


class UnlabelledError(InputError):
    """A split has images without labels, as published test splits often have."""


def order_names(names: Iterable[str]) -> list[str]:
    """Sort names of classes: by their value where all are whole numbers, else alphabetically.

    >>> order_names(["10", "9", "2"]), order_names(["dog", "10", "9"])
    (['2', '9', '10'], ['10', '9', 'dog'])
    """
    names = list(names)
    return sorted(names, key=lambda name: (int(name), name)) if all(map(is_whole, names)) else sorted(names)


def number_names(count: int) -> tuple[str, ...]:
    """The names of classes that have none: ``0``, ``1`` and so on."""
    return tuple(map(str, range(count)))


def are_numbered(names: Sequence[str]) -> bool:
    """Whether these names only number the classes: ``0``, ``1`` and so on, or ``class 0``, as an import has them."""
    return tuple(names) in (number_names(len(names)), tuple(f"class {i}" for i in range(len(names))))


def align_classes(images: T, class_names: Sequence[str], network: str) -> T:
    """Relabel images with the indices of a network's classes, matched by name.

    Numbers are no names: images or networks that only number their classes are matched by these numbers.

    Args:
        images: Images with the names of their own classes.
        class_names: The names of the network's classes, in the order of its outputs.
        network: The name of the network in errors.

    Raises:
        MismatchError: A class of the one is missing in the other.
    """
    ours, theirs = tuple(class_names), images.class_names
    if ours == theirs:
        return images
    index = match_classes(theirs, ours)
    if index is None:
        raise MismatchError(
            f"the images are of {_describe(theirs)}, and {network} tells {_describe(ours)} apart"
            f"{_name_first(theirs, ours)}; give the data that it was trained on"
        )
    return replace(images, labels=index[images.labels], class_names=ours)


def match_classes(theirs: Sequence[str], ours: Sequence[str]) -> NDArray[np.int64] | None:
    """For each of their classes, the index of the same class among ours; ``None`` where they are not the same.

    >>> match_classes(["0", "1", "10", "2"], ["a", "b", "c", "d"]) is None
    True
    >>> match_classes(["cat", "dog"], ["dog", "cat"]).tolist()
    [1, 0]
    """
    count = len(ours)
    if len(theirs) != count:
        return None
    if set(theirs) == set(ours) and len(set(ours)) == count:
        position = {name: index for index, name in enumerate(ours)}
        return np.array([position[name] for name in theirs], np.int64)
    values = [int(name) for name in theirs if is_whole(name)]
    numbered = sorted(values) == list(range(count))
    if numbered and (are_numbered(ours) or set(theirs) == set(number_names(count))):
        return np.array(values, np.int64)
    # A network without names has no other order than the images' own.
    return np.arange(count) if are_numbered(ours) or are_numbered(theirs) else None


def is_whole(text: str) -> bool:
    """Whether a text is a whole number of ASCII digits."""
    return text.isascii() and text.isdigit()


def _name_first(theirs: Sequence[str], ours: Sequence[str]) -> str:
    for names, others, owner in ((theirs, ours, "the images"), (ours, theirs, "the network")):
        alone = next((name for name in names if name not in others), None)
        if alone is not None and len(theirs) == len(ours):
            return (
                f": only {owner} have {alone!r}" if owner == "the images" else f": only {owner} has {alone!r}"
            )
    return ""


def _describe(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{len(names)} classes ({shown}{', ...' if len(names) > 3 else ''})"
