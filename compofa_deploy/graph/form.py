"""The forms that a graph is written in: what each runtime runs fastest, in the types that it computes in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GraphForm:
    """How a graph is written. The numbers it takes and gives are float32 in every form.

    ``precision`` is the type of all weights and tensors inside, f32 or f16. ``spreads_gate`` says whether the gate of
    squeeze-and-excitation is repeated over the features' size before it is multiplied with them, or left to broadcast.
    """

    precision: str = "f32"
    spreads_gate: bool = True


PLAIN = GraphForm()
"""What ONNX Runtime's CPU provider runs fastest, and OpenVINO after it has put in operators of its own. They are told
the precision to compute in."""

TYPED_BY_GRAPH = ("tensorrt", "tensorrt_rtx")
"""The runtimes that take the precision from the types of the graph."""


def choose_form(runtime: str, precision: str) -> GraphForm:
    """The form of a graph for a runtime that is to compute in a precision.

    TensorRT's element-wise layer broadcasts a gate of (1, c, 1, 1) over features of (1, c, h, w) by itself (TensorRT
    Operator's Reference, table 1), and a Resize would be one more layer: ``benchmarks/engine_build.py`` shows what
    that adds to an engine. HardSigmoid is one of its activations, so that h-swish needs no other form.
    """
    if runtime not in TYPED_BY_GRAPH:
        return PLAIN
    return GraphForm("f16" if precision == "f16" else "f32", spreads_gate=False)
