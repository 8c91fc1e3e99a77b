"""The front: the same bytes each time, of its own architecture, and what is on it."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from compofa_deploy.report.front_figure import count_millions, draw_front, write_front_figure
from compofa_deploy.space.layers import count_macs, enumerate_compound, list_layers
from latency_tables.errors import InputError, MismatchError
from tests.support.supernets import TINY, make_accuracies, make_supernet


@pytest.fixture(scope="module")
def table():
    return make_accuracies(make_supernet())


def test_the_same_table_gives_the_same_bytes_as_svg_and_png(table, tmp_path):
    for suffix, begin in ((".svg", b"<?xml"), (".png", b"\x89PNG")):
        paths = [tmp_path / f"{i}{suffix}" for i in range(2)]
        for path in paths:
            write_front_figure(table, TINY, path)
        one, other = (path.read_bytes() for path in paths)
        assert one == other
        assert one.startswith(begin)


def test_it_says_what_it_is_of(table):
    text = draw_front(table, TINY, "svg").decode()
    for words in ("tiny on none: 486 subnets", "1000 images", "16 px", "20 px", "front", "validation top-1"):
        assert words in text


def test_subnets_cost_what_their_layers_do(table):
    expected = [
        [count_macs(list_layers(TINY, subnet)) / 1e6 for subnet in enumerate_compound(side)]
        for side in table.resolutions
    ]
    np.testing.assert_allclose(count_millions(table, TINY), expected)


def test_another_architecture_or_kind_of_file_is_refused(table, tmp_path):
    with pytest.raises(InputError, match="a figure is written as"):
        write_front_figure(table, TINY, tmp_path / "front.pdf")
    from compofa_deploy.space.named_architectures import find_architecture

    with pytest.raises(MismatchError, match="is of tiny, not of mbv3"):
        draw_front(table, find_architecture("mbv3-w0.75-cifar10"), "svg")
