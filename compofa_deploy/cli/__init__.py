"""The command line: it parses, calls, prints and sets the exit code. Commands are imported when they run."""

from compofa_deploy.cli.main import main

__all__ = ["main"]
