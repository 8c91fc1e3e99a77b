"""The ``compofa`` command and its table of commands."""

from __future__ import annotations

import os
import sys
import time
import traceback
from importlib import import_module

import click

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

INTERRUPTED = 130
NEIGHBOUR_SECONDS = 2.0
"""How long a process that torchrun started leaves it to the first one of its machine to say what is wrong. That ends
all of them, and what is the matter with one is mostly the matter with all."""
RESUMABLE = "interrupted; what was done is kept, and the same command goes on from it"
"""What an interruption is answered with, unless it says something else itself."""


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
    """Run the command line; errors that are the user's to mend are one line, and none is a traceback."""
    debug = "--debug" in sys.argv[1:]
    try:
        compofa.main(args=_move_debug_first(sys.argv[1:]), standalone_mode=False)
    except click.exceptions.Abort as stop:
        # What click makes of an interruption.
        _fail(str(stop.__cause__ or "") or RESUMABLE, INTERRUPTED, debug)
    except click.ClickException as error:
        _fail(_explain_usage(error), EXIT_BAD_INPUT, debug)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except KeyboardInterrupt as stop:
        _fail(str(stop) or RESUMABLE, INTERRUPTED, debug)
    except CompofaError as error:
        _fail(str(error), error.exit_code, debug)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except ModuleNotFoundError as error:
        _fail(_explain_missing(error), EXIT_BAD_INPUT, debug)
    except Exception as error:
        _fail(
            f"a bug in compofa: {type(error).__name__}: {error}; run again with --debug and report it",
            70,
            debug,
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
    click.echo(f"Error: {message}", err=True)
    sys.exit(code)
