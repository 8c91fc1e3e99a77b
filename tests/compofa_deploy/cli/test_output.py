"""Text is shown as it is: brackets in it are no markup."""

from __future__ import annotations

import pytest

from compofa_deploy.cli.output import print_table, show_progress
from profilers.measuring.runner import Progress

FIX = "run: pip install 'compofa-deploy[openvino]'"


def test_a_table_shows_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("", ("state",), [(FIX,)])
    assert FIX in capsys.readouterr().out


def test_a_step_shows_brackets_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress() as display:
        display.on_step(FIX)
    captured = capsys.readouterr()
    assert FIX in captured.err
    assert captured.out == ""


def test_a_session_that_was_measured_once_more_is_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress() as display:
        show = display.on_progress()
        show(Progress(1, 3, 0, "23344@24"))
        show(Progress(2, 3, 0, "23344@24", "item network-0 was measured once more: it crashed"))
    captured = capsys.readouterr()
    assert captured.err.count("note: item network-0 was measured once more: it crashed") == 1
