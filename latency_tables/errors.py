"""The error tree of the three packages. Each error has an exit code of the command line.

CompofaError                an error that the user can fix; shown as one line
├── InputError              exit 2: an argument or a file is wrong
│   ├── FormatError         a file is not of the format, version or shape that is read here
│   ├── MismatchError       two things that must belong together do not
│   └── UnlabelledError     images have no labels (compofa_deploy.data.classes)
├── NoAnswerError           exit 1: the work was done, and the answer is no
│   ├── InfeasibleError     no candidate keeps the constraints
│   ├── VerificationError   an exported model is not what it must be
│   └── DivergedError       the loss of a training is no number (compofa_deploy.training.errors)
└── MeasurementError        exit 3: a latency could not be measured
    ├── RuntimeUnavailable  the runtime is not installed, or does not work here
    ├── WorkerDied          the measuring process crashed or hung
    ├── ConnectionLost      the connection to a device failed
    └── CudaError           a call of the CUDA driver failed (profilers.machine.cuda)

Every message says what is wrong and how to fix it. Any other exception is a bug.
"""

from __future__ import annotations

EXIT_DONE = 0
EXIT_ANSWER_IS_NO = 1
EXIT_BAD_INPUT = 2
EXIT_COULD_NOT_MEASURE = 3


class CompofaError(Exception):
    """The base of all errors that are shown to the user as one line."""

    exit_code = EXIT_BAD_INPUT


class InputError(CompofaError):
    """An argument or a file is wrong."""


class FormatError(InputError):
    """A file is not of the format, version or shape that is read here."""


class MismatchError(InputError):
    """Two things that must belong together do not, such as a table and a machine."""


class NoAnswerError(CompofaError):
    """The work was done, and the answer is no."""

    exit_code = EXIT_ANSWER_IS_NO


class InfeasibleError(NoAnswerError):
    """No candidate keeps the constraints."""


class VerificationError(NoAnswerError):
    """An exported model is not what it must be."""


class MeasurementError(CompofaError):
    """A latency could not be measured."""

    exit_code = EXIT_COULD_NOT_MEASURE


class RuntimeUnavailable(MeasurementError):
    """The runtime is not installed, or does not work here."""


class WorkerDied(MeasurementError):
    """The measuring process crashed or hung."""


class ConnectionLost(MeasurementError):
    """The connection to a device failed."""
