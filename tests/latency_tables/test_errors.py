"""The error tree: exit codes by kind, and a docstring that names all of it."""

import inspect

import pytest

from latency_tables import errors
from latency_tables.errors import CompofaError

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


def test_every_error_is_one_of_ours_and_in_the_tree_of_the_docstring():
    for kind in CLASSES:
        assert issubclass(kind, CompofaError)
        assert kind.__name__ in (errors.__doc__ or "")


def test_success_is_no_errors_code():
    assert errors.EXIT_DONE == 0
    assert all(vars(kind).get("exit_code") != errors.EXIT_DONE for kind in CLASSES)
