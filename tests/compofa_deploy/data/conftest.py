from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from compofa_deploy.data.labelled import LabelledImages
from tests.compofa_deploy.training.builders import make_images


@pytest.fixture
def place(tmp_path: Path, write_folder: Callable[[Path, LabelledImages], Path]) -> Path:
    """Folders train and val, with 24 and 9 images of 16 x 16 pixels in the classes blue, green and red."""
    write_folder(tmp_path / "data" / "train", make_images(24))
    write_folder(tmp_path / "data" / "val", make_images(9))
    return tmp_path / "data"


@pytest.fixture
def images(rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """20 images of 8 x 8 pixels."""
    return list(rng.integers(0, 256, (20, 8, 8, 3), dtype=np.uint8))
