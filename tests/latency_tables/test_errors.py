"""The error tree: exit codes by kind, and a docstring that names all of it."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from latency_tables import errors

PACKAGES = ("latency_tables", "profilers", "compofa_deploy")
CLASSES = [value for value in vars(errors).values() if inspect.isclass(value)]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.InputError, 2),
        (errors.FormatError, 2),
        (errors.MismatchError, 2),
        (errors.NoAnswerError, 1),
        (errors.InfeasibleError, 1),
        (errors.VerificationError, 1),
        (errors.MeasurementError, 3),
        (errors.RuntimeUnavailable, 3),
        (errors.WorkerDied, 3),
        (errors.ConnectionLost, 3),
    ],
)
def test_the_exit_code_says_what_kind_of_failure_it_was(kind, code):
    assert kind("why").exit_code == code


def find_parents() -> dict[str, str]:
    """Each error class of the three packages with its base class, read from the sources."""
    root = Path(errors.__file__).parent.parent
    sources = [path for package in PACKAGES for path in (root / package).rglob("*.py")]
    classes = [
        (node.name, base.id)
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name)
    ]
    found: dict[str, str] = {"CompofaError": "Exception"}
    while added := {name: base for name, base in classes if base in found and name not in found}:
        found |= added
    return found


def read_tree() -> dict[str, str]:
    """Each error class of the docstring's tree with the class above it."""
    above, found = ["Exception"], {}
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"([│├└─ ]*)([A-Z]\w+)  +\S", line):
            depth = len(match[1]) // 4
            found[match[2]] = above[depth]
            above[depth + 1 :] = [match[2]]
    return found


def test_the_docstrings_tree_is_that_of_the_classes_of_all_packages():
    assert read_tree() == find_parents()


def test_success_is_no_errors_code():
    assert errors.EXIT_DONE == 0
    assert all(vars(kind).get("exit_code") != errors.EXIT_DONE for kind in CLASSES)
