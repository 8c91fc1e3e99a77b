"""A file to write is checked before any work begins, so that nothing that was measured is lost."""

import click
import pytest

from compofa_deploy.cli.main import compofa as program
from compofa_deploy.cli.output_file import OutputFile


def list_outputs(group, path=()):
    """Every option of every command that names a file to write."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from list_outputs(command, (*path, name))
            continue
        for option in command.params:
            if option.name == "output" and option.metavar == "FILE":
                yield " ".join((*path, name)), option


OUTPUTS = dict(list_outputs(program))


def test_the_commands_that_measure_write_files():
    assert {"profile", "kit run", "bench run", "evaluate"} <= set(OUTPUTS)


@pytest.mark.parametrize("command", [name for name in OUTPUTS if name != "bench history"])
def test_every_command_checks_the_file_that_it_writes(command):
    assert isinstance(OUTPUTS[command].type, OutputFile)


@pytest.mark.parametrize(
    "words",
    [
        ["profile"],
        ["kit", "build"],
        ["kit", "agent"],
        ["bench", "run", "bundle"],
        ["evaluate", "--data", "."],
    ],
    ids=" ".join,
)
def test_a_folder_that_is_not_there_is_refused_before_anything_else(compofa, tmp_path, words):
    ran = compofa(*words, "-o", tmp_path / "none" / "out.json")
    assert ran.code == 2
    assert "out.json: cannot be written (No such file or directory); choose another folder" in ran.error
    assert ran.err.count("\n") == 1


def test_a_check_leaves_nothing_behind(tmp_path):
    (tmp_path / "old.json").write_text("old")
    for name in ("new.json", "old.json"):
        OutputFile().convert(str(tmp_path / name), None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["old.json"]
    assert (tmp_path / "old.json").read_text() == "old"
