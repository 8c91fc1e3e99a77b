from __future__ import annotations

import pytest

from tests.support.reference import find_reference


@pytest.fixture(scope="session")
def reference_folder():
    return find_reference()
