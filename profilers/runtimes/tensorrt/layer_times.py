"""The times of TensorRT's layers, by the ONNX operators that each layer was fused from.

An engine's layers have names of their own, and one of them may do the work of several operators. TensorRT's inspector
tells which: ``[ONNX Layer: b1/conv]`` stands in a layer's metadata for each operator. An engine without metadata joins
the operators' names by `` + ``.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from profilers.runtimes.tensorrt.session import TensorRtSession

PROFILE_CALLS = 30
"""Calls of which each layer's median time is taken."""
ONNX_OPERATOR = re.compile(r"\[ONNX Layer: ([^\]]+)\]")
JOINT = " + "


def time_operators(session: TensorRtSession, calls: int = PROFILE_CALLS) -> list[tuple[str, float]]:
    """The ONNX operators of one run in their order, and the time in ms that each takes.

    Args:
        session: A session whose inputs are bound.
        calls: How many calls to profile.

    Raises:
        InputError: No inputs are bound.
        MeasurementError: The engine does not run.
    """
    return divide_times(session.time_layers(calls), session.describe_layers())


def divide_times(times_ms: Mapping[str, Sequence[float]], described: str) -> list[tuple[str, float]]:
    """The times of an engine's layers, divided over the operators that each was fused from.

    A layer's time is divided equally over the layers of the model that its operators are of, since TensorRT does not
    say how it divides. A layer without operators, such as a change of format, keeps its own name.

    Args:
        times_ms: For each of the engine's layers in its order, its times in ms in several calls.
        described: The inspector's description of the engine, as JSON.

    Returns:
        Pairs of an operator and its median time in ms, one pair for each layer of the model that a layer does work of.

    >>> described = '{"Layers": [{"Name": "k0", "Metadata": "[ONNX Layer: b1/conv][ONNX Layer: b2/add]"}]}'
    >>> divide_times({"k0": [1.0, 2.0, 3.0]}, described)
    [('b1/conv', 1.0), ('b2/add', 1.0)]
    """
    operators = _list_operators(described)
    divided = []
    for layer, times in times_ms.items():
        # One operator stands for all of one layer of the model.
        parts = {name.split("/")[0]: name for name in reversed(operators.get(layer) or layer.split(JOINT))}
        share = statistics.median(times) / len(parts)
        divided += [(name, share) for name in reversed(list(parts.values()))]
    return divided


def _list_operators(described: str) -> dict[str, list[str]]:
    """By the name of an engine's layer, the ONNX operators in its metadata."""
    layers: Sequence[Any] = json.loads(described).get("Layers", [])
    return {
        str(layer["Name"]): ONNX_OPERATOR.findall(str(layer.get("Metadata", "")))
        for layer in layers
        # An engine that was built with names alone lists these as they are.
        if isinstance(layer, Mapping) and "Name" in layer
    }
