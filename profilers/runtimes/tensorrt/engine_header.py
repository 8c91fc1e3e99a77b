"""Checks of an engine by its header, without loading it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from profilers.runtimes.tensorrt.flavour import Log

if TYPE_CHECKING:
    from profilers.runtimes.tensorrt.flavour import Flavour


def find_invalidity(flavour: Flavour, data: bytes) -> str:
    """The reason why a flavour refuses an engine by its header.

    It tells only whether the bytes are an engine where there is no driver.

    Args:
        flavour: The kind of TensorRT.
        data: The engine's bytes.

    Returns:
        The reason; empty where the header is right, or the flavour cannot check it.
    """
    api = flavour.load()
    runtime = api.Runtime(Log(api).logger)
    if not hasattr(runtime, "get_engine_validity"):
        return ""
    _, found = runtime.get_engine_validity(data)
    kinds = api.EngineInvalidityDiagnostics.__members__.items()
    reasons = [name.lower().replace("_", " ") for name, kind in kinds if found & int(kind)]
    return f"{flavour.name} does not take the engine ({', '.join(reasons)})" if reasons else ""
