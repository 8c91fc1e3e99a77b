"""The latency of every compound subnet is the prediction of its table."""

import numpy as np
import pytest

from compofa_deploy.search.compound_latency import predict_compound
from compofa_deploy.space.layers import enumerate_compound, list_layers
from tests.compofa_deploy.search.large_spaces import ELASTIC, make_contended_table
from tests.support.supernets import TINY, make_table


@pytest.mark.parametrize("resolution", TINY.resolutions)
def test_all_243_predictions_are_the_tables_own_of_the_listed_layers(resolution):
    table = make_table()
    one_by_one = [
        table.predict_ms(layer.key for layer in list_layers(TINY, subnet))
        for subnet in enumerate_compound(resolution)
    ]
    np.testing.assert_allclose(predict_compound(TINY, table, resolution), one_by_one, rtol=1e-12)


@pytest.mark.parametrize("table", [make_contended_table(0.3), make_contended_table(-0.2)])
def test_predictions_with_contention_are_the_tables_own(table):
    for resolution in ELASTIC.resolutions:
        predicted = [
            table.predict_ms(layer.key for layer in list_layers(ELASTIC, subnet))
            for subnet in enumerate_compound(resolution)
        ]
        np.testing.assert_allclose(predict_compound(ELASTIC, table, resolution), predicted, rtol=1e-12)
