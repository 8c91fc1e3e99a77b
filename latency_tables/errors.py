"""The whole error tree.

CompofaError                what went wrong is the user's to mend; shown as one line
├── InputError              exit 2: an argument or a file is not what it must be
│   ├── FormatError         a file is not of the format, version or shape that is read here
│   └── MismatchError       two things that must belong together do not
├── NoAnswerError           exit 1: the work was done and the answer is no
│   ├── InfeasibleError     no candidate keeps the constraints
│   └── VerificationError   what was exported is not what it must be
└── MeasurementError        exit 3: a latency could not be measured
    ├── RuntimeUnavailable  the runtime is not installed, or does not work here
    ├── WorkerDied          the measuring process crashed or hung
    └── ConnectionLost      a device cannot be reached, or no longer

Every message says what is wrong and what mends it. Anything else that is raised is a bug.
"""

from __future__ import annotations

EXIT_DONE = 0
EXIT_ANSWER_IS_NO = 1
EXIT_BAD_INPUT = 2
EXIT_COULD_NOT_MEASURE = 3


class CompofaError(Exception):
    """Base of all errors that are shown to the user as one line."""

    exit_code = EXIT_BAD_INPUT


class InputError(CompofaError):
    """An argument or a file is not what it must be."""


class FormatError(InputError):
    """A file is not of the format, version or shape that is read here."""


class MismatchError(InputError):
    """Two things that must belong together do not (a table and a machine, a supernet and a subnet)."""


class NoAnswerError(CompofaError):
    """The work was done and the answer is no."""

    exit_code = EXIT_ANSWER_IS_NO


class InfeasibleError(NoAnswerError):
    """No candidate keeps the constraints."""


class VerificationError(NoAnswerError):
    """What was exported is not what it must be."""


class MeasurementError(CompofaError):
    """A latency could not be measured."""

    exit_code = EXIT_COULD_NOT_MEASURE


class RuntimeUnavailable(MeasurementError):
    """The runtime is not installed, or does not work here."""


class WorkerDied(MeasurementError):
    """The measuring process crashed or hung."""


class ConnectionLost(MeasurementError):
    """A device cannot be reached, or no longer."""
