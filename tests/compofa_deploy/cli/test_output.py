"""Text is shown as it is: brackets in it are no markup."""

from __future__ import annotations

import pytest

from compofa_deploy.cli.output import print_table, show_progress

MEND = "run: pip install 'compofa-deploy[openvino]'"


def test_a_table_shows_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("", ("state",), [(MEND,)])
    assert MEND in capsys.readouterr().out


def test_a_step_shows_brackets_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress() as display:
        display.on_step(MEND)
    captured = capsys.readouterr()
    assert MEND in captured.err
    assert captured.out == ""
