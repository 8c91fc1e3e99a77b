"""Forms of a graph: the variant that each runtime runs fastest, in the types that it computes in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GraphForm:
    """The form of a graph. Its input and output are float32 in every form.

    Attributes:
        precision: The type of all weights and tensors inside, f32 or f16.
        spreads_gate: Whether the gate of squeeze-and-excitation is repeated over the features' size before the
            product. Otherwise the product broadcasts it.
    """

    precision: str = "f32"
    spreads_gate: bool = True


PLAIN = GraphForm()
"""The form that ONNX Runtime's CPU provider runs fastest, and OpenVINO after its own graph changes.

Both are told the precision separately.
"""

TYPED_BY_GRAPH = ("tensorrt", "tensorrt_rtx")
"""The runtimes that take the precision from the types in the graph."""


def choose_form(runtime: str, precision: str) -> GraphForm:
    """Return the form of a graph for a runtime and a precision.

    TensorRT's element-wise layer broadcasts a gate of (1, c, 1, 1) over features of (1, c, h, w) (TensorRT Operator's
    Reference, table 1). A Resize would be one more layer; ``benchmarks/engine_build.py`` shows its cost. HardSigmoid
    is one of TensorRT's activations, so h-swish needs no other form.

    Args:
        runtime: The runtime's name.
        precision: The precision that the runtime computes in.
    """
    if runtime not in TYPED_BY_GRAPH:
        return PLAIN
    return GraphForm("f16" if precision == "f16" else "f32", spreads_gate=False)
