"""The figure of a table: of the right networks, the same bytes each time, refused where there is nothing to draw."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compofa_deploy.report.table_figure import draw, find_points, write_figure
from latency_tables.errors import FormatError, InputError
from latency_tables.table import LatencyTable, MeasuredNetwork
from latency_tables.validation import ErrorSummary, HeldOut, Validation
from tests.latency_tables.builders import make_table as make_any_table

ERROR = ErrorSummary(0.02, 1.0, 1.0, 0.99, 4, 0.01)


def make_table(**changes: object) -> LatencyTable:
    networks = tuple(MeasuredNetwork(f"n{i}", (), ms) for i, ms in enumerate((0.5, 1.0, 2.0)))
    return make_any_table(**{"networks": networks, "residuals": (0.01, -0.02, 0.0), **changes})


def make_validation() -> Validation:
    networks = tuple(HeldOut(f"h{i}", ms, ms * 1.02, ms * 1.01) for i, ms in enumerate((1.0, 2.0, 3.0, 4.0)))
    return Validation(ERROR, 0.99, -0.02, 1.0, 1.0, 0.9, 0, "2026-01-01T00:00:00+00:00", networks)


def test_networks_of_the_fit_are_drawn_as_they_were_predicted_without_them() -> None:
    points = find_points(make_table())
    assert points.what == "of the fit, left out one by one"
    assert points.predicted_ms == pytest.approx([0.5 / 1.01, 1.0 / 0.98, 2.0])
    assert points.relative_errors == pytest.approx([0.01, -0.02, 0])


def test_a_validated_table_is_drawn_by_the_networks_that_it_never_saw() -> None:
    points = find_points(make_table(validation=make_validation()))
    assert points.what.startswith("held out")
    assert points.error == ERROR
    assert points.measured_ms == pytest.approx(points.predicted_ms * 1.02)


@pytest.mark.parametrize(("kind", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_the_same_table_gives_the_same_bytes(kind: str, start: bytes) -> None:
    pytest.importorskip("matplotlib")
    table = make_table(validation=make_validation())
    first = draw(table, kind)
    assert first == draw(table, kind)
    assert first.startswith(start)
    assert first != draw(replace(table, validation=None), kind)
    assert b"<dc:date>" not in first


def test_settings_of_the_user_change_nothing_and_are_left_alone() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    expected = draw(make_table(), "svg")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert draw(make_table(), "svg") == expected
        assert matplotlib.rcParams["font.size"] == 30


def test_the_page_is_white_whatever_is_behind_it() -> None:
    pytest.importorskip("matplotlib")
    image_module = pytest.importorskip("PIL.Image")
    import io

    with image_module.open(io.BytesIO(draw(make_table(), "png"))) as image:
        pixels = np.asarray(image.convert("RGBA"))
    assert (pixels[0, 0] == 255).all()
    assert (pixels[..., 3] == 255).all()


def test_a_table_that_states_no_error_has_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"states no error .* nothing to draw"):
        write_figure(make_table(error=None, residuals=()), tmp_path / "f.svg")
    assert list(tmp_path.iterdir()) == []


def test_residuals_of_other_networks_are_refused() -> None:
    with pytest.raises(FormatError, match="residuals: are 2 of 3 networks"):
        find_points(make_table(residuals=(0.1, 0.2)))


@pytest.mark.parametrize("name", ["figure", "figure.pdf", "figure.json"])
def test_what_is_no_image_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"is written as \.svg or \.png"):
        write_figure(make_table(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(InputError, match="nowhere"):
        write_figure(make_table(), tmp_path / "nowhere" / "f.svg")
