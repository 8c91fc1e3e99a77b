"""Text from files and devices cannot control a terminal, nor fill it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.cli.output import echo, print_table, warn
from compofa_deploy.cli.safe_text import LONGEST_LINE, clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\rb", r"a\rb"),
        ("\x9b31m", r"\x9b31m"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}", r"\u202e"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\N{GREEK SMALL LETTER MU}\N{CJK UNIFIED IDEOGRAPH-4E00}", "\u03bc\u4e00"),
    ],
)  # fmt: skip
def test_controls_are_shown_as_escapes(text, shown):
    assert clean(text) == shown


@given(st.text())
def test_no_text_keeps_a_control(text):
    assert all(
        character in "\n\t" or character.isprintable() or character.isspace() for character in clean(text)
    )


def test_a_line_of_megabytes_is_cut_and_its_length_said():
    shown = clean("x" * 5_000_000)
    assert len(shown) < LONGEST_LINE + 40
    assert shown.endswith("... (5000000 characters in all)")


def test_everything_that_is_printed_is_made_safe(capsys):
    echo("\x1b[1m")
    warn("\x1b[2m")
    print_table("", ("key",), [("\x1b[3m",)])
    ran = capsys.readouterr()
    assert "\x1b" not in ran.out + ran.err
    assert r"\x1b[1m" in ran.out
    assert r"\x1b[3m" in ran.out
    assert r"\x1b[2m" in ran.err


def test_a_key_of_a_table_reaches_the_terminal_as_an_escape(compofa, tmp_path, table):
    from dataclasses import replace

    key = "\x1b]0;title\x07"
    costs = {key: 0.01, **table.costs_ms}
    layers = {key: 0.01, **table.layers_ms}
    replace(table, costs_ms=costs, layers_ms=layers).save(tmp_path / "table.json")
    ran = compofa("tables", "show", tmp_path / "table.json")
    assert "\x1b" not in ran.out + ran.err
