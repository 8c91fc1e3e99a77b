"""The documentation names code, files and commands that exist."""

from __future__ import annotations

import importlib
import re
import runpy
import shlex
from pathlib import Path

import click
import pytest

from compofa_deploy.cli.main import compofa
from profilers.measuring.plan import Plan
from profilers.measuring.runner import measure_kit
from profilers.runtimes import registry
from profilers.runtimes.registry import find_runtime
from tests.profilers.models import make_kit

ROOT = Path(__file__).resolve().parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
ADDING = ROOT / "docs" / "adding-a-runtime.md"
EXCERPTS = re.findall(r"```python\n# (\S+)\n(.*?)```", ADDING.read_text(), re.DOTALL)


@pytest.mark.parametrize(("file", "code"), EXCERPTS)
def test_every_line_of_an_excerpt_is_in_its_file_in_the_same_order(file, code):
    place, text = 0, (ROOT / file).read_text()
    for line in filter(str.strip, code.splitlines()):
        found = text.find(f"{line}\n", place)
        assert found >= 0, line
        place = found + len(line)


def test_the_walk_through_has_a_runtime_a_session_the_registry_a_test_and_a_writer():
    assert [file for file, _ in EXCERPTS] == [
        "profilers/runtimes/fake.py", "profilers/runtimes/fake.py", "profilers/runtimes/registry.py",
        "tests/profilers/runtimes/test_fake.py",
        "compofa_deploy/export/onnxruntime.py", "compofa_deploy/export/writers.py",
    ]  # fmt: skip


@pytest.mark.slow
def test_one_file_and_a_line_in_the_registry_make_a_runtime(tmp_path, monkeypatch):
    source = (ROOT / "profilers" / "runtimes" / "fake.py").read_text()
    (tmp_path / "another_runtime.py").write_text(source.replace('name = "fake"', 'name = "another"'))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(registry.RUNTIMES, "another", "another_runtime:FakeRuntime")
    importlib.invalidate_caches()
    plan = Plan(layer_sessions=1, network_sessions=2, min_calls=3, min_ms=0.0, max_calls=3, reference_calls=3)
    kit = make_kit(tmp_path / "kit")
    measured = measure_kit(kit, find_runtime("another").spec(), None, plan, in_process=True)
    assert measured.build_table().spec.runtime == "another"


def list_commands():
    for path in [ROOT / "README.md", *DOCS]:
        for line in path.read_text().splitlines():
            if line.startswith("    ") and line.strip().startswith("compofa "):
                yield pytest.param(line.strip(), id=f"{path.stem}: {line.strip()[:60]}")


@pytest.mark.parametrize("line", list(list_commands()))
def test_every_command_that_is_shown_exists_with_its_options(line):
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = compofa
    context = click.Context(compofa)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None
        command = found
    known = {option for parameter in command.params for option in parameter.opts}
    used = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert used <= known


PAGES = [path for path in sorted(ROOT.glob("*.md")) + DOCS if path.name != "CHANGELOG.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_source_file_that_is_named_exists(page):
    """A page says `latency_tables/fit.py`, or names a benchmark by its module."""
    text = page.read_text()
    named = re.findall(r"`((?:compofa_deploy|profilers|latency_tables|tests|benchmarks)/[\w/.]*)`", text)
    named += [f"{module.replace('.', '/')}.py" for module in re.findall(r"python -m (benchmarks\.\w+)", text)]
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_readme_is_short_enough_to_read():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 140


def test_the_glossary_defines_each_word_once():
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    assert len(words) > 60
    assert len(set(words)) == len(words)


def test_the_site_has_every_page():
    settings = runpy.run_path(str(ROOT / "docs" / "conf.py"))
    listed = {f"{page}.md" for pages in settings["PAGES"].values() for page in pages} | {"README.md"}
    assert listed == {str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *DOCS]}
