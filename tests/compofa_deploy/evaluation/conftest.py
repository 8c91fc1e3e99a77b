from __future__ import annotations

from collections.abc import Iterator

import pytest

from compofa_deploy.data.splits import DataSplits
from compofa_deploy.supernet.stored import StoredSupernet
from tests.compofa_deploy.evaluation.builders import draw_images
from tests.support.supernets import make_supernet

torch = pytest.importorskip("torch")


@pytest.fixture(scope="session", autouse=True)
def _one_torch_thread() -> Iterator[None]:
    """Networks as small as these run slower on more threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def supernet() -> StoredSupernet:
    return make_supernet()


@pytest.fixture(scope="session")
def splits() -> DataSplits:
    return DataSplits(draw_images(8, 1), draw_images(7, 2), draw_images(9, 3))
