"""Rows of a CSV come back as they were written, and what is broken is named."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.files.csv import parse_csv, read_text
from latency_tables.errors import FormatError, InputError

KNOWN = ("subnet", "top1")
CELL = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)


@given(st.lists(st.tuples(CELL, CELL), min_size=1))
def test_rows_come_back(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([KNOWN, *rows])
    assert [tuple(row.values()) for row in parse_csv(text.getvalue(), "it", KNOWN)] == rows


@given(st.integers(1, 40))
def test_a_text_that_is_cut_off_within_a_line_is_refused(size):
    text = "subnet,top1\n22222@160,70.125\n44444@160,75.5\n"
    if not text[:-size].endswith("\n"):
        with pytest.raises(FormatError, match="it: ends within a line"):
            parse_csv(text[:-size], "it", KNOWN)


def test_spaces_around_cells_are_no_part_of_them():
    assert parse_csv("subnet , top1\n x , 1 \n", "it", KNOWN) == [{"subnet": "x", "top1": "1"}]


def test_a_row_has_the_number_of_its_line_whatever_is_blank():
    text = "\nsubnet,top1\n\nx,1\n\n\ny,2\n"
    assert [row.line for row in parse_csv(text, "it", KNOWN)] == [4, 7]
    with pytest.raises(FormatError, match="it, line 8: has 1 cells, not 2"):
        parse_csv(text + "z\n", "it", KNOWN)


def test_a_quote_that_does_not_end_is_named_by_its_line():
    with pytest.raises(FormatError, match="it, line 3: not CSV"):
        parse_csv('subnet,top1\nx,1\n"y,2\n', "it", KNOWN)


def test_a_folder_is_no_text(tmp_path):
    with pytest.raises(InputError, match="cannot be read as text"):
        read_text(tmp_path)
