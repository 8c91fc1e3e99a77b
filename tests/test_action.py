"""The GitHub action and the workflows are safe to use, and their commands and shell steps work."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from compofa_deploy.cli.main import compofa as program
from compofa_deploy.export.export import Exported, export
from compofa_deploy.space.subnet import Subnet
from profilers.runtimes.registry import find_runtime
from tests.compofa_deploy.bench.builders import make_fake_model, write_fake_bundle
from tests.support.action import ACTION, ROOT, WORKFLOWS, Ran, list_steps, read_yaml, run_action
from tests.support.supernets import make_supernet

FILES = [ACTION, *WORKFLOWS]
SCRIPTS = [
    pytest.param(step["run"], id=f"{path.name}: {step['run'].strip().splitlines()[0][:40]}")
    for path in FILES
    for step in list_steps(path)
    if "run" in step
]
VALUES = {"MAX_REGRESSION": "3%", "LIMIT": "9s", "NOISE": "30s"}
"""Values of variables in commands, where a path would not be accepted."""

Gate = Callable[..., Ran]


def list_commands(script: str) -> Iterator[list[str]]:
    """Every ``compofa`` command of a script, as words after the program's name."""
    joined = re.sub(r"\\\n\s*", " ", script)
    filled = re.sub(r"\$\{?(\w+)\}?", lambda m: VALUES.get(m[1], m[1].lower()), joined)
    for line in filled.splitlines():
        found = re.match(r'\s*(?:"?[\w/.-]*/)?(?:compofa"?|python -m compofa_deploy) (.*)', line)
        if found:
            yield shlex.split(re.split(r" \|{1,2} | 2?> ", found[1])[0])


def test_commands_are_found_however_they_are_written() -> None:
    script = 'compofa a\n"$A/bin/compofa" b "$X" --y \\\n    z > "$F" 2> g || c=$?\n python -m compofa_deploy d | tee e'
    assert list(list_commands(script)) == [["a"], ["b", "x", "--y", "z"], ["d"]]
    every = [words for parameter in SCRIPTS for words in list_commands(parameter.values[0])]
    assert {tuple(words[:2]) for words in every} >= {
        ("bench", w) for w in ("compare", "noise", "run", "history")
    }


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_compofa_command_is_one_that_can_be_given(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where commands write is checked as they are read.
    monkeypatch.chdir(tmp_path)
    for folder in ("history", "results", "bundles"):
        (tmp_path / folder).mkdir()
    for words in list_commands(script):
        command: click.Command = program
        context = click.Context(program)
        while isinstance(command, click.Group):
            found = command.get_command(context, words.pop(0))
            assert found is not None
            command = found
        command.make_context(command.name, words)


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_is_bash_and_is_given_nothing_but_variables(script: str) -> None:
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    assert "${{" not in script


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_action_that_is_used_is_pinned_to_a_commit(path: Path) -> None:
    for step in list_steps(path):
        if step.get("uses", "./") != "./":
            assert re.fullmatch(r"(actions|pypa)/[a-z-]+@[0-9a-f]{40}", step["uses"])
            assert re.search(rf"{step['uses']} # v\d+\.\d+\.\d+\n", path.read_text())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_only_read_and_know_no_secret(path: Path) -> None:
    content = read_yaml(path)
    assert content["permissions"] == {"contents": "read"}
    assert "secrets." not in path.read_text()
    assert "pull_request_target" not in path.read_text()
    raised = {name: job["permissions"] for name, job in content["jobs"].items() if "permissions" in job}
    assert raised == ({"publish": {"id-token": "write"}} if path.name == "release.yml" else {})


def test_every_command_of_make_in_a_workflow_is_a_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {
        target for line in re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE) for target in line.split()
    }
    jobs = [job for path in WORKFLOWS for job in read_yaml(path)["jobs"].values()]
    asked = [words for job in jobs for words in list_targets(job)]
    assert {"docs", "unit", "coverage", "test"} <= {word for words in asked for word in words}
    assert all(set(words) <= targets for words in asked)


def list_targets(job: dict[str, Any]) -> Iterator[list[str]]:
    """The targets of every ``make`` and ``.ci/run`` of a job, and those of its matrix."""
    matrix = job.get("strategy", {}).get("matrix", {})
    for target in [*matrix.get("targets", []), *(entry["targets"] for entry in matrix.get("include", []))]:
        yield target.split()
    for step in job["steps"]:
        for found in re.findall(r"^(?:make|\.ci/run) (.*)$", step.get("run", ""), re.MULTILINE):
            yield [word for word in found.split() if not word.startswith("$")]


def test_the_project_uses_its_own_action_with_inputs_that_it_has() -> None:
    steps = [step for path in WORKFLOWS for step in list_steps(path) if step.get("uses") == "./"]
    assert steps
    for step in steps:
        assert step["with"].keys() <= read_yaml(ACTION)["inputs"].keys()
        assert list(list_commands(step["with"]["build"]))


def test_every_input_and_output_says_what_it_is() -> None:
    content = read_yaml(ACTION)
    for entry in (*content["inputs"].values(), *content["outputs"].values()):
        assert entry["description"]


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """Run the action's steps. A program that answers as told stands in for the installed ``compofa``, or the real
    one."""

    def run(
        inputs: dict[str, str], code: int = 0, results: bool = True, real: bool = False, **github: str
    ) -> Ran:
        bin, temp, workspace = tmp_path / "bin", tmp_path / "temp", tmp_path / "workspace"
        for folder in (bin, temp, workspace):
            folder.mkdir(exist_ok=True)
        answer = f'exec {shlex.quote(sys.executable)} -m compofa_deploy "$@"'
        if not real:
            written = 'echo "{}"; printf "# latency\\n" | tee "$REPORT/latency.md" > "$REPORT/latency.xml"'
            told = '[ "$2" = noise ] && { echo a quiet machine; exit 0; }'
            failed = "echo Error: no such bundle >&2"
            answer = f"{told}; {written if results else failed}; exit {code}"
        # What makes the virtual environment, and installs into it.
        python = f"""#!/usr/bin/env bash
            if [ "$2" = venv ]; then
                mkdir -p "$3/bin"; cp "$0" "$3/bin/python"
                printf '#!/usr/bin/env bash\\n%s\\n' {shlex.quote(answer)} > "$3/bin/compofa"
                chmod +x "$3/bin/compofa"
            else
                printf '%s\\n' "$*" > {shlex.quote(str(tmp_path / "installed"))}
            fi
            """
        (bin / "python").write_text(python)
        (bin / "python").chmod(0o755)
        values = {f"github.{name.replace('__', '.')}": value for name, value in github.items()}
        return run_action(tmp_path, workspace, inputs, {"runner.os": "Linux", **values}, str(bin))

    return run


BUNDLES = {"old": "old", "new": "new"}


@pytest.mark.parametrize(
    ("code", "could_not_tell", "ends_with", "answer", "said"),
    [
        (0, "warning", 0, "kept", "no model became slower by 3%"),
        (1, "warning", 1, "slower", "::error title=latency gate::a model became slower"),
        (3, "warning", 0, "could not tell", "::warning title=latency gate::it could not be told"),
        (3, "failure", 3, "could not tell", "::error title=latency gate::it could not be told"),
    ],
)
def test_the_job_ends_as_the_comparison_answers(
    gate: Gate, code: int, could_not_tell: str, ends_with: int, answer: str, said: str
) -> None:
    ran = gate({**BUNDLES, "could-not-tell": could_not_tell}, code)
    assert ran.code == ends_with
    assert said in ran.out
    assert ran.summary == "# latency\n"
    assert ran.outputs["compare"] == {"code": str(code), "answer": answer}
    assert any(used.startswith("actions/upload-artifact@") for used in ran.used)


@pytest.mark.parametrize("code", [2, 3])
def test_a_comparison_that_failed_is_never_taken_for_one_that_could_not_tell(gate: Gate, code: int) -> None:
    ran = gate(BUNDLES, code, results=False)
    assert ran.code == code
    assert "::error title=latency gate::Error: no such bundle" in ran.out
    assert "Error: no such bundle" in ran.summary
    assert ran.outputs["compare"]["answer"] == "failed"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "give old and new, or build"),
        ({"old": "old"}, "give old and new, or build"),
        ({**BUNDLES, "build": "true"}, "give build, or old and new, and not both"),
        ({**BUNDLES, "could-not-tell": "maybe"}, "could-not-tell is 'maybe'; write warning or failure"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_before_anything_is_installed(
    gate: Gate, tmp_path: Path, inputs: dict[str, str], message: str
) -> None:
    ran = gate(inputs)
    assert ran.code == 2
    assert f"::error title=latency gate::{message}" in ran.out
    assert not (tmp_path / "installed").exists()


@pytest.mark.parametrize(
    ("inputs", "installed"),
    [
        ({}, f"--constraint {ROOT}/constraints.txt {ROOT}"),
        ({"extras": "openvino"}, f"--constraint {ROOT}/constraints.txt {ROOT}[openvino]"),
        ({"version": "0.1.0"}, "--constraint /dev/null compofa-deploy==0.1.0"),
        (
            {"version": "0.1.0", "extras": "openvino"},
            "--constraint /dev/null compofa-deploy[openvino]==0.1.0",
        ),
    ],
)
def test_the_package_comes_with_the_action_or_by_its_version(
    gate: Gate, tmp_path: Path, inputs: dict[str, str], installed: str
) -> None:
    ran = gate({**BUNDLES, **inputs})
    assert (tmp_path / "installed").read_text().rstrip().endswith(installed)
    assert len(ran.outputs["plan"]["hash"]) == 64


@pytest.fixture
def exported() -> Exported:
    return export(make_supernet(), Subnet.compound((2,) * 5, 16), find_runtime("onnxruntime").spec())


@pytest.fixture
def commits(tmp_path: Path) -> list[str]:
    """Make a repository in the workspace with two commits, whose file names the commit."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
        return subprocess.run(
            command, cwd=workspace, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "--quiet")
    made = []
    for word in ("before", "after"):
        (workspace / "word").write_text(word)
        git("add", "word")
        git("commit", "--quiet", "-m", word)
        made.append(git("rev-parse", "HEAD"))
    return made


def test_bundles_are_built_at_the_base_and_here(gate: Gate, tmp_path: Path, commits: list[str]) -> None:
    ran = gate(
        {"build": 'cp word "$BUNDLES/word"; command -v compofa'}, event__pull_request__base__sha=commits[0]
    )
    assert ran.code == 0, ran.out
    (built,) = (tmp_path / "temp").glob("latency-gate.*")
    assert (built / "old" / "word").read_text() == "before"
    assert (built / "new" / "word").read_text() == "after"
    assert str(built / "venv" / "bin" / "compofa") in ran.out
    assert ran.outputs["plan"]["old"] == str(built / "old")


def test_a_second_use_in_a_job_leaves_the_first_ones_report(gate: Gate) -> None:
    first, second = (Path(gate(BUNDLES).outputs["plan"]["report"]) for _ in range(2))
    assert first != second
    assert (first / "latency.json").exists()
    assert (second / "latency.json").exists()


def test_a_build_that_fails_ends_the_job(gate: Gate, commits: list[str]) -> None:
    ran = gate({"build": "false; true", "base": commits[0]})
    assert ran.code == 1
    assert "compare" not in ran.outputs


@pytest.mark.parametrize("before", ["", "0" * 40])
def test_a_new_branch_has_nothing_to_compare_with(gate: Gate, before: str, commits: list[str]) -> None:
    ran = gate({"build": "false"}, event__before=before)
    assert ran.code == 0
    assert ran.outputs["build"]["answer"] == "nothing to compare"
    assert "compare" not in ran.outputs


def test_noise_is_told_beforehand_where_it_is_asked_for(gate: Gate) -> None:
    assert gate({**BUNDLES, "noise": "30s"}).summary == "```\na quiet machine\n```\n\n# latency\n"


def test_a_bundle_that_is_none_fails_the_job_with_the_real_command(gate: Gate) -> None:
    ran = gate(BUNDLES, real=True)
    assert ran.code == 2
    assert "::error title=latency gate::Error: old: " in ran.out
    assert ran.summary.startswith("    Error: old: ")


def test_the_json_of_a_report_is_that_of_the_command(gate: Gate, tmp_path: Path) -> None:
    ran = gate(BUNDLES)
    report = Path(ran.outputs["plan"]["report"])
    assert json.loads((report / "latency.json").read_text()) == {}
    assert sorted(path.name for path in report.iterdir()) == [
        "latency.json",
        "latency.md",
        "latency.xml",
        "log.txt",
    ]


@pytest.mark.parametrize(("slower", "code", "answer"), [(1.0, 0, "kept"), (1.5, 1, "slower")])
def test_models_are_compared_by_the_real_command(
    gate: Gate, exported: Exported, tmp_path: Path, slower: float, code: int, answer: str
) -> None:
    for place, factor in (("old", 1.0), ("new", slower)):
        write_fake_bundle(tmp_path / "workspace" / place / "net", exported, make_fake_model(factor))
    ran = gate({**BUNDLES, "limit": "2s"}, real=True)
    assert (ran.code, ran.outputs["compare"]["answer"]) == (code, answer), ran.out
    assert "| net |" in ran.summary
    (found,) = json.loads((Path(ran.outputs["plan"]["report"]) / "latency.json").read_text())["comparisons"]
    assert found["ratio"] == pytest.approx(slower, rel=0.05)


def list_examples() -> list[dict[str, Any]]:
    """Return the steps that the documentation shows."""
    text = (ROOT / "docs" / "ci.md").read_text()
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    return [
        step
        for block in blocks
        for step in (block if isinstance(block, list) else block["jobs"]["gate"]["steps"])
    ]


def test_the_documentation_shows_the_action_with_inputs_that_it_has_and_tells_of_all() -> None:
    used = [step for step in list_examples() if "compofa-deploy@" in str(step["uses"])]
    inputs = read_yaml(ACTION)["inputs"]
    assert len(used) == 2
    for step in used:
        assert step["with"].keys() <= inputs.keys()
    told = set(re.findall(r"`([a-z-]+)`", (ROOT / "docs" / "ci.md").read_text()))
    assert inputs.keys() <= told
    assert read_yaml(ACTION)["outputs"].keys() <= told
