from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from compofa_deploy.data.splits import LabelledImages


@pytest.fixture
def write_folder() -> Callable[[Path, LabelledImages], Path]:
    """Writes images in ImageNet's layout: a folder for each class."""

    def write(folder: Path, images: LabelledImages) -> Path:
        for name in images.class_names:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for index, (pixels, label) in enumerate(zip(images.pixels, images.labels, strict=True)):
            Image.fromarray(pixels).save(folder / images.class_names[label] / f"{index:04}.png")
        return folder

    return write
