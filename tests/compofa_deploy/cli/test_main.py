"""The command line as a whole: help with examples, nothing imported early, errors in one line, exit codes."""

import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from compofa_deploy.cli.main import COMMANDS
from compofa_deploy.cli.main import compofa as program
from latency_tables.errors import (
    FormatError,
    InfeasibleError,
    InputError,
    MeasurementError,
    VerificationError,
    WorkerDied,
)

ROOT = Path(__file__).resolve().parents[3]
HEAVY = {
    "onnx",
    "onnxruntime",
    "torch",
    "pandas",
    "rich",
    "numpy",
    "pydantic",
    "PIL",
    "safetensors",
    "pyarrow",
}


def list_commands(group, path=()):
    """Every command and group, with the words that lead to it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from list_commands(command, (*path, name))


EVERY_COMMAND = [words for words, _ in list_commands(program)]


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_every_command_has_help_with_an_example_of_itself(compofa, words):
    ran = compofa(*words, "--help")
    assert ran.code == 0
    _, _, example = ran.out.partition("Example:")
    assert f"compofa {' '.join(words)}" in example
    assert ran.err == ""


@pytest.mark.parametrize(
    "command", [c for _, c in list_commands(program) if not isinstance(c, click.Group)], ids=lambda c: c.name
)
def test_every_command_has_a_json_form_and_help_for_its_options(command):
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert any("--json" in option.opts for option in options)
    assert [option.opts for option in options if not option.help] == []


def test_the_overview_lists_every_command_with_a_line(compofa):
    ran = compofa("--help")
    assert ran.code == 0
    for name, (_, line) in COMMANDS.items():
        assert f"  {name} " in ran.out
        assert line.split()[0] in ran.out


def test_the_overview_imports_nothing_heavy():
    code = (
        "import sys\n"
        "sys.argv = ['compofa', '--help']\n"
        "from compofa_deploy.cli import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "Commands" in done.stdout
    assert not HEAVY & set(done.stderr.split())


def test_a_module_of_a_command_is_imported_when_it_is_asked_for():
    assert {f"compofa_deploy.cli.{module}" for module, _ in COMMANDS.values()} <= {
        f"compofa_deploy.cli.{path.stem}" for path in (ROOT / "compofa_deploy" / "cli").glob("*.py")
    }


def test_the_version_is_said(compofa):
    ran = compofa("--version")
    assert ran.code == 0
    assert "0." in ran.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["deploy"], "Missing option"),
        (["deploy", "--latency", "2ms"], "Missing option"),
        (["deploy", "--nonsense"], "No such option"),
        (["tables", "nonsense"], "No such command"),
        (["deploy", "--latency", "2MB", "-o", "b"], "'2MB' is not a time; write it as in 20ms or 850us"),
        (["deploy", "--latency", "0ms", "-o", "b"], "a time must be above 0"),
        (["deploy", "--latency", "2ms", "--max-size", "3ms", "-o", "b"], "'3ms' is not a size"),
        (["deploy", "--latency", "2ms", "--threads", "0", "-o", "b"], "--threads"),
        (["deploy", "--latency", "2ms", "--percentile", "42", "-o", "b"], "--percentile"),
    ],
)
def test_what_is_used_wrongly_is_one_line_that_names_the_help(compofa, arguments, message):
    ran = compofa(*arguments)
    assert ran.code == 2
    assert message in ran.error
    assert "--help" in ran.error
    assert ran.err.count("\n") == 1
    assert ran.out == ""


@pytest.fixture
def compofa_of(compofa, monkeypatch):
    """Runs a command that raises an error."""

    def run(error, *arguments):
        @click.command("fail")
        def command():
            raise error

        monkeypatch.setattr(type(program), "get_command", lambda self, context, name: command)
        return compofa("fail", *arguments)

    return run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InfeasibleError("no candidate"), 1),
        (VerificationError("was changed"), 1),
        (InputError("no such file"), 2),
        (FormatError("not a table"), 2),
        (MeasurementError("could not run"), 3),
        (WorkerDied("crashed"), 3),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 2),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("division by zero"), 70),
    ],
)
def test_every_error_has_its_exit_code_and_one_line(compofa_of, error, code):
    ran = compofa_of(error)
    assert ran.code == code
    assert ran.out == ""
    assert ran.err.strip() == ran.error


@pytest.mark.parametrize(("number", "waits"), [("0", []), ("3", [2.0])])
def test_of_processes_on_one_machine_the_first_says_what_is_wrong(compofa_of, monkeypatch, number, waits):
    """It ends the others, which would have said the same, while they wait."""
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    monkeypatch.setenv("LOCAL_RANK", number)
    assert compofa_of(InputError("no such file")).error == "Error: no such file"
    assert waited == waits


def test_a_missing_extra_names_its_installation(compofa_of):
    ran = compofa_of(ModuleNotFoundError("No module named 'torch'", name="torch"))
    assert "pip install 'compofa-deploy[train]'" in ran.error


def test_a_bug_says_how_to_report_it(compofa_of):
    assert "run again with --debug and report it" in compofa_of(ZeroDivisionError("division by zero")).error


@pytest.mark.parametrize("error", [InputError("no such file"), ZeroDivisionError("division by zero")])
def test_debug_shows_the_traceback_wherever_it_stands(compofa_of, error):
    ran = compofa_of(error, "--debug")
    assert "Traceback (most recent call last)" in ran.err
    assert type(error).__name__ in ran.err
    assert ran.err.rstrip().splitlines()[-1].startswith("Error: ")


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "compofa_deploy", "tables", "show", "none.json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "Error: none.json: there is no such file\n"
