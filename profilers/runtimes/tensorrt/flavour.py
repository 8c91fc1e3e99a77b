"""The two flavours of TensorRT, which share one Python interface, and their logs.

They are imported on first use, so that ``compofa --help`` and the other runtimes neither wait for them nor need them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

ENOUGH_ERRORS = 2
"""How many of the errors that a failure logs are shown: the first ones tell the cause."""


@dataclass(frozen=True)
class Flavour:
    """A kind of TensorRT.

    Attributes:
        name: The runtime's name.
        modules: The modules under which it may be installed.
        fix: The command that installs it.
        builds_ahead: Whether it builds engines for a compute capability on a machine without a GPU.
    """

    name: str
    modules: tuple[str, ...]
    fix: str
    builds_ahead: bool

    def load(self) -> Any:
        """The package; ``ImportError`` where it is not installed."""
        for module in self.modules[:-1]:
            try:
                return _check_whole(import_module(module))
            except ImportError:
                continue
        return _check_whole(import_module(self.modules[-1]))


CLASSIC = Flavour("tensorrt", ("tensorrt",), "run: pip install 'compofa-deploy[tensorrt]'", False)
RTX = Flavour(
    "tensorrt_rtx",
    ("tensorrt_rtx", "tensorrt_rtx_bindings"),
    "run: pip install 'compofa-deploy[tensorrt-rtx]'",
    True,
)


class Log:
    """A flavour's log, which prints nothing and keeps the errors. Pass its ``logger`` to TensorRT."""

    def __init__(self, api: Any) -> None:
        errors: list[str] = []
        serious = (api.ILogger.Severity.ERROR, api.ILogger.Severity.INTERNAL_ERROR)

        class Logger(api.ILogger):  # type: ignore[misc]
            def __init__(self) -> None:
                api.ILogger.__init__(self)

            def log(self, severity: Any, msg: str) -> None:
                if severity in serious:
                    errors.append(" ".join(msg.split()))

        self.logger: Any = Logger()
        self._errors = errors

    def explain(self) -> str:
        """The first errors since the last call, in one line."""
        errors = list(dict.fromkeys(self._errors))
        self._errors.clear()
        return "; ".join(errors[:ENOUGH_ERRORS]) or "it gives no reason"


def _check_whole(module: Any) -> Any:
    # Packages of type stubs, and folders of that name, import as modules that are empty.
    if not hasattr(module, "Builder"):
        raise ImportError(f"{module.__name__} has no Builder: only type stubs, or an unrelated folder")
    return module
