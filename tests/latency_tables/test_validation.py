"""A validation comes back with its table, and a wrong field is named."""

from pathlib import Path

import pytest

from latency_tables.errors import FormatError
from latency_tables.table import LatencyTable
from latency_tables.validation import ErrorSummary, HeldOut, Validation
from tests.latency_tables.builders import make_table

VALIDATION = Validation(
    ErrorSummary(0.01, 1.0, 1.0, 0.99, 2, 0.005), 0.995, -0.002, 1.01, 0.9, 0.9, 7, "2026-01-01T00:00:00+00:00",
    (HeldOut("22222@8", 0.3, 0.31, 0.305), HeldOut("33333@8", 0.5, 0.49, 0.5)),
)  # fmt: skip


def test_a_validation_comes_back_with_its_table(tmp_path: Path) -> None:
    table = make_table(validation=VALIDATION)
    table.save(tmp_path / "table.json")
    assert LatencyTable.load(tmp_path / "table.json") == table


def test_a_spoilt_validation_is_refused_and_says_where(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    make_table(validation=VALIDATION).save(path)
    path.write_text(path.read_text().replace('"first_ms": 0.49', '"first_ms": "fast"'))
    with pytest.raises(FormatError, match=r"validation, networks\[1\], first_ms: must be a finite number"):
        LatencyTable.load(path)
