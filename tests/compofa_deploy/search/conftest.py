from __future__ import annotations

import pytest

from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.search.candidate_lists import list_candidates
from compofa_deploy.search.candidates import Candidates
from compofa_deploy.supernet.stored import StoredSupernet
from tests.support.supernets import TINY, make_accuracies, make_supernet, make_table


@pytest.fixture(scope="session")
def supernet() -> StoredSupernet:
    return make_supernet()


@pytest.fixture(scope="session")
def accuracies(supernet: StoredSupernet) -> AccuracyTable:
    return make_accuracies(supernet)


@pytest.fixture(scope="session")
def candidates(accuracies: AccuracyTable) -> Candidates:
    return list_candidates(TINY, accuracies, [make_table()])
