"""The command line that was typed, and which of its options were given."""

from __future__ import annotations

import shlex
import sys

import click
from click.core import ParameterSource


def quote_command() -> str:
    """Returns the command line as a shell reads it, for files that say how they were made."""
    return shlex.join(["compofa", *sys.argv[1:]])


def is_given(name: str) -> bool:
    """Returns whether the running command was given a parameter, rather than taking its default.

    Args:
        name: The parameter's name in the command's function.
    """
    return click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT
