"""The shell steps of GitHub's composite actions and workflows, run on this machine with simulated inputs."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / "action.yml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
"""The command by which GitHub runs a step of ``shell: bash``."""

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a workflow or an action."""
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def list_steps(path: Path) -> Iterator[dict[str, Any]]:
    """Iterate over every step of a workflow's jobs, or of an action."""
    content = read_yaml(path)
    for part in content.get("jobs", {"": content.get("runs", {})}).values():
        yield from part["steps"]


@dataclass
class Ran:
    """The course of an action: the exit code of the step that failed, or 0; the text that was written; the steps."""

    code: int = 0
    out: str = ""
    summary: str = ""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)


def run_action(
    folder: Path, workspace: Path, inputs: Mapping[str, str], github: Mapping[str, str], path: str
) -> Ran:
    """Run the action's shell steps one after the other as GitHub does, until one fails.

    The other actions that it uses are only noted. ``path`` goes before the search path.
    """
    content = read_yaml(ACTION)
    given = {name: str(i.get("default", "")) for name, i in content["inputs"].items()} | dict(inputs)
    assert given.keys() == content["inputs"].keys()
    ran = Ran()
    for number, step in enumerate(content["runs"]["steps"]):
        values = {f"inputs.{name}": value for name, value in given.items()} | dict(github)
        for id, found in ran.outputs.items():
            values.update({f"steps.{id}.outputs.{name}": value for name, value in found.items()})
        if "if" in step and not evaluate(step["if"], values):
            continue
        if "uses" in step:
            ran.used.append(step["uses"])
            continue
        output, summary = folder / f"output-{number}", folder / "summary"
        output.touch()
        summary.touch()
        environment = {
            "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "RUNNER_TEMP": str(folder / "temp"),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            **{key: fill(value, values) for key, value in step["env"].items()},
        }
        script = folder / f"step-{number}.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            [*BASH, script], cwd=workspace, env=environment, capture_output=True, text=True, check=False
        )
        ran.out += done.stdout + done.stderr
        ran.summary = summary.read_text()
        if "id" in step:
            ran.outputs[step["id"]] = dict(line.split("=", 1) for line in output.read_text().splitlines())
        if done.returncode:
            ran.code = done.returncode
            break
    return ran


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its expressions replaced by their values."""
    return _EXPRESSION.sub(lambda match: str(evaluate(match[1], values)), text)


def evaluate(expression: str, values: Mapping[str, str]) -> str | bool:
    """Evaluate the GitHub expressions that are used here: names, texts, ``==``, ``!=``, ``&&`` and ``||``."""
    for word, combine in (("||", lambda a, b: a or b), ("&&", lambda a, b: a and b)):
        if word in expression:
            first, _, rest = expression.partition(word)
            return combine(evaluate(first, values), evaluate(rest, values))  # type: ignore[no-any-return]
    for word, is_equal in (("==", True), ("!=", False)):
        if word in expression:
            first, _, rest = expression.partition(word)
            return (evaluate(first, values) == evaluate(rest, values)) is is_equal
    name = expression.strip()
    if name.startswith("'"):
        return name.strip("'")
    assert re.fullmatch(r"[a-z_]+(\.[A-Za-z_-]+)+", name), expression
    return values.get(name, "")
