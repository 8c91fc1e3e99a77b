"""The ``compofa`` command and its table of commands."""

from __future__ import annotations

import os
import sys
import time
import traceback
from importlib import import_module

import click

from compofa_deploy.cli.safe_text import clean
from compofa_deploy.cli.signals import StopSignals
from compofa_deploy.cli.streams import OutputClosed, guard_streams
from latency_tables.errors import EXIT_BAD_INPUT, CompofaError

COMMANDS = {
    "deploy": ("deploy", "From a latency budget to a verified, measured bundle on this machine."),
    "devices": ("devices", "Runtimes and devices that work here, and why others do not."),
    "models": ("models", "Supernets: list them, show, import and calibrate one."),
    "profile": ("profile", "Measure this machine, or others over ssh, and write a latency table."),
    "kit": ("kit", "Build and run by hand what a device is asked to measure."),
    "tables": ("tables", "Latency tables: list, show, predict, validate, plot, compare, import, export."),
    "evaluate": ("evaluate", "Accuracy of every subnet of a supernet on images."),
    "accuracy": ("accuracy", "Accuracy predictors: fit one, import OFA's, show and predict."),
    "search": ("search", "The best subnet under constraints, or the whole front."),
    "export": ("export", "Write a subnet's bundle for a runtime."),
    "verify": ("verify", "Check a bundle: hashes, numbers, latency against the budget."),
    "run": ("run", "Classify images with a bundle."),
    "bench": ("bench", "Latency of bundles for CI, with a gate."),
    "train": ("train", "Train a supernet by a recipe."),
    "cache": ("cache", "The cache folder: what it holds, and clearing it."),
}
"""Each command's module and its line in the overview, so that the overview imports none of them."""

SIGNALLED = 128
"""Added to the number of the signal that ended a command, as shells do: 130 for Ctrl-C, 143 for SIGTERM."""
READER_GONE = 141
"""The exit code where the reader of stdout has gone: what a shell gives a program that SIGPIPE ends."""
EXIT_BUG = 70
NEIGHBOUR_SECONDS = 2.0
"""How long the other processes of a machine wait for the first one to print its error. torchrun then ends all of them.
An error on one process usually occurs on every process."""
RESUMABLE = "interrupted; what was done is kept, and the same command goes on from it"
"""The message of an interruption that has no message of its own."""


class Commands(click.Group):
    """Finds commands by name and imports a command's module when it is run or asked for help."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _ = COMMANDS[name]
        command: click.Command = import_module(f"compofa_deploy.cli.{module}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="compofa-deploy")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def compofa(context: click.Context, debug: bool) -> None:
    """From a latency budget on a device to the most accurate subnet that meets it.

    Exit codes: 0 done, 1 the answer is no, 2 used wrongly or bad input, 3 could not measure.

    \b
    Example:
      compofa deploy --latency 2ms -o bundle
      compofa run bundle photo.jpg
    """


def main() -> None:
    """Run the command line. Errors that the user can fix are one line, and no error is a traceback."""
    debug = "--debug" in sys.argv[1:]
    signals = StopSignals()
    signals.install()
    try:
        with guard_streams():
            try:
                compofa.main(args=_move_debug_first(sys.argv[1:]), standalone_mode=False)
            except Exception as error:
                signals.restore()
                _fail(*_explain(error, signals.received), debug)
            except KeyboardInterrupt as stop:
                signals.restore()
                _fail(str(stop) or RESUMABLE, SIGNALLED + signals.received, debug)
    except OutputClosed:
        sys.exit(READER_GONE)
    except CompofaError as error:
        # stdout could not be written, and stderr may be.
        _fail(str(error), error.exit_code, debug)
    finally:
        signals.restore()


def _explain(error: Exception, received: int) -> tuple[str, int]:
    """Return an error's line and exit code.

    Args:
        error: What a command raised.
        received: The signal that stopped the command, where one did.
    """
    if isinstance(error, OutputClosed):
        raise error
    if isinstance(error, click.exceptions.Abort):
        # Click makes this of an interruption.
        return str(error.__cause__ or "") or RESUMABLE, SIGNALLED + received
    if isinstance(error, click.exceptions.Exit):
        sys.exit(error.exit_code)
    if isinstance(error, click.ClickException):
        return _explain_usage(error), EXIT_BAD_INPUT
    if isinstance(error, CompofaError):
        return str(error), error.exit_code
    if isinstance(error, ModuleNotFoundError):
        return _explain_missing(error), EXIT_BAD_INPUT
    return (
        f"a bug in compofa: {type(error).__name__}: {error}; run again with --debug and report it",
        EXIT_BUG,
    )


def _move_debug_first(arguments: list[str]) -> list[str]:
    """``--debug`` is the group's; let it stand anywhere."""
    rest = [argument for argument in arguments if argument != "--debug"]
    return ["--debug", *rest] if len(rest) < len(arguments) else rest


def _explain_usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "compofa"
    return f"{error.format_message().rstrip('.')}; see {command} --help"


def _explain_missing(error: ModuleNotFoundError) -> str:
    extras = {
        "codecarbon": "carbon",
        "torch": "train",
        "pyarrow": "train",
        "openvino": "openvino",
        "tensorrt": "tensorrt",
        "matplotlib": "report",
    }
    package = (error.name or "").partition(".")[0]
    if package in extras:
        return (
            f"this command needs {package}; install it with: pip install 'compofa-deploy[{extras[package]}]'"
        )
    return f"{package} is missing; install compofa-deploy anew"


def _fail(message: str, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    if os.environ.get("LOCAL_RANK", "0") != "0":
        time.sleep(NEIGHBOUR_SECONDS)
    click.echo(f"Error: {clean(message)}", err=True)
    sys.exit(code)
