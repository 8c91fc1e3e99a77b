"""The figure of a search: the same bytes each time, and what is on it."""

import pytest

pytest.importorskip("matplotlib")

from compofa_deploy.report.search_figure import draw_search, write_search_figure
from tests.compofa_deploy.search.builders import make_candidates

CANDIDATES = make_candidates([1.0, 2.0, 2.5, 3.0], [60.0, 71.25, 70.0, 80.0], margin=0.1)


def test_the_same_search_gives_the_same_bytes_as_svg_and_png(tmp_path):
    for suffix, begin in ((".svg", b"<?xml"), (".png", b"\x89PNG")):
        paths = [tmp_path / f"{i}{suffix}" for i in range(2)]
        for path in paths:
            write_search_figure(CANDIDATES, 1, 2.2, path)
        one, other = (path.read_bytes() for path in paths)
        assert one == other
        assert one.startswith(begin)


def test_the_pick_is_named_with_its_accuracy_latency_and_budget():
    text = draw_search(CANDIDATES, 1, 2.2, "svg").decode()
    for words in (f"{CANDIDATES.subnet(1).id}: 71.25 %, 2 ms", "budget 2.2 ms", "4 candidates on", "16 px"):
        assert words in text


def test_a_search_without_a_budget_draws_none():
    assert "budget" not in draw_search(CANDIDATES, 3, None, "svg").decode()
