"""Words that explained nothing were dropped. They do not come back into source, tests, documentation and messages."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("benchmarks", "compofa_deploy", "latency_tables", "profilers", "tests")
SUFFIXES = {".py", ".md", ".toml", ".yml", ".yaml", ".cfg", ".sh"}
EXEMPT = ("tests/test_words.py", "tests/old_files/", "compofa_deploy/shipped/", "CHANGELOG.md")
"""This list; files of the past, whose keys stay; and the history of changes."""

KEYS = re.compile(r"\"(swell|visits|crowding)\"|\b(visits|crowding)(?=\\?\[|:|\.\d)")
"""Keys of files, which stay as they are, in quotes or in a message that names the field."""

DROPPED = {
    # Names of values, classes and files.
    r"\bswell\b": "median_to_p20_ratio",
    r"\b(quiet_ns|QUIET_PERCENT|find_quiet)\b": "p20_ns and the 20th percentile",
    r"\b[Vv]isits?\b": "session",
    r"\bcrowding\b|\bCrowding\b": "cache contention",
    r"\bAsked\(|\bAsked\b(?=[,:)])": "DeviceRequest",
    r"\bLeftOut\b": "Skipped",
    r"\b(class|import) Found\b": "ProvidedTable or SearchResult",
    r"\bBenched\b": "BenchmarkedBundle",
    r"\bWorkerHere\b|\bworker_here\b": "InProcessWorker",
    r"\bspec_here\b": "find_spec",
    r"\bclass Turns\b|\bTurns\(": "LazyRanking",
    r"\b(Unlisted|unlisted)\b": "large spaces",
    r"\blandscapes?\b": "predictor gradients",
    r"\b[Cc]limb(s|ed|ing|er)?\b": "local search",
    r"\bsample_ofa\b|\bfrom_subnet\b": "nothing: the code was dead",
    # Words of prose.
    r"\b[Mm]end(s|ed|ing)?\b": "fix",
    r"\b(a|between|each|first|per|the) looks?\b(?! (up|like))|\blooks?\b(?= *[=.,:)])": "reference timing",
    r"\b[Ll]ook(s|ed)? (at|into)\b": "read, check, consider or time",
    r"\b[Tt]he same, but\b": "the sentence in full",
    r"\bWho looks\b": "alpha spending in plain words",
    r"\bthat of fair coins\b": "the null hypothesis",
    r"\bsurely (above|below)\b": "above or below the whole interval",
    r"\bbeside its bar\b|\bheld beside\b|\bbeside each other\b": "compared with",
    r"\bis there and is no\b": "exists and is not",
    r"\bthe other way round\b": "the opposite case, by name",
    r"\bwhat is the matter\b": "the error",
    r"\btold apart\b|\btells? apart\b": "distinguish",
    r"\bcomes to that\b": "concludes",
    r"\bas ever\b": "as usual",
    r"\bwhat good is\b|\bwhat they are worth\b": "the error",
    r"(?m)^ *(\"\"\")?Of an? [a-z]+ (counts|is|are|has|have)\b": "the subject first",
    r"(?m)^ *(\"\"\")?Of (each|every|all|several|two)\b": "the subject first",
}


DROPPED_FILES = (
    "agent_file", "anchors", "auto", "between", "climb", "crowding", "findings", "gather", "kept", "landscape",
    "listen", "loading", "looks", "mixed", "opening", "paired", "pairs", "partial", "ranks", "relax", "signs",
    "stated", "translate", "turns", "unlisted", "worker_here",
)  # fmt: skip
"""Names of modules that did not say what is in them."""


def list_texts() -> Iterator[tuple[str, str]]:
    """Return every text file of the repository by its name, without the keys of files."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        wanted = path.suffix in SUFFIXES or path.name in {"Makefile", "run"}
        if name and wanted and path.is_file() and not name.startswith(EXEMPT):
            yield name, KEYS.sub("", path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def texts() -> list[tuple[str, str]]:
    return list(list_texts())


@pytest.mark.parametrize(("dropped", "instead"), DROPPED.items(), ids=lambda text: text[:40])
def test_a_dropped_word_is_not_found(texts: list[tuple[str, str]], dropped: str, instead: str) -> None:
    pattern = re.compile(dropped)
    found = [
        f"{name}:{text.count(chr(10), 0, hit.start()) + 1}: {hit[0].strip()}"
        for name, text in texts
        for hit in pattern.finditer(text)
    ]
    assert found == [], f"say {instead}"


def test_no_module_has_a_dropped_name() -> None:
    modules = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    assert [path for path in modules if path.stem.removeprefix("test_") in DROPPED_FILES] == []


def test_the_texts_that_are_searched_are_all_of_the_project(texts: list[tuple[str, str]]) -> None:
    names = {name for name, _ in texts}
    assert {
        "README.md",
        "Makefile",
        "compofa_deploy/cli/main.py",
        "tests/conftest.py",
        "docs/gate.md",
    } <= names
    assert len(names) > 400
