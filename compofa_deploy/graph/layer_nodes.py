"""One layer as ONNX nodes. The default form is the one that ONNX Runtime's CPU provider runs fastest.

``benchmarks/graph_forms.py`` measures the forms of h-swish, squeeze-and-excitation, pooling and head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compofa_deploy.graph.fold import fetch_array, fold_norm
from compofa_deploy.graph.form import PLAIN, GraphForm
from compofa_deploy.graph.writer import GraphWriter
from compofa_deploy.supernet.cut import Array, list_shapes
from latency_tables.layer import Layer

HARD_SIGMOID = {"alpha": 1 / 6, "beta": 0.5}
"""The parameters of ONNX's max(0, min(1, alpha x + beta)) that give relu6(x + 3) / 6."""

RELU6 = {"least": 0, "most": 6}


@dataclass(frozen=True, slots=True)
class LayerNodes:
    """Adds the nodes of one layer to a graph.

    Attributes:
        writer: The graph.
        layer: The layer.
        weights: The subnet's arrays, as :func:`~compofa_deploy.supernet.cut.cut_weights` returns them.
        form: The graph's form.
    """

    writer: GraphWriter
    layer: Layer
    weights: Mapping[str, Array]
    form: GraphForm = PLAIN

    def add(self, tensor: str) -> str:
        """Add the layer's nodes after ``tensor``, and return the name of their output."""
        layer = self.layer
        if layer.kind == "pool":
            return self.writer.add("GlobalAveragePool", f"{layer.name}/mean", [tensor])
        if layer.kind == "linear":
            flat = self.writer.add("Flatten", f"{layer.name}/flatten", [tensor], axis=1)
            arrays = [self._hold(part, self._fetch(part)) for part in ("weight", "bias")]
            return self.writer.add("Gemm", f"{layer.name}/gemm", [flat, *arrays], transB=1)
        if layer.kind == "conv":
            conv = self._convolve("conv", "bn" if layer.norm else None, tensor, layer.kernel, layer.stride)
            conv = self._activate("conv", conv)
            return self.writer.add("Add", f"{layer.name}/skip", [conv, tensor]) if layer.skip else conv
        if layer.kind == "max_pool":
            edge = layer.kernel // 2
            return self._pool("MaxPool", "max", tensor, layer.kernel, pads=[edge] * 4)
        return self._add_bottleneck(tensor) if layer.kind == "bottleneck" else self._add_block(tensor)

    def _add_bottleneck(self, inputs: str) -> str:
        layer, shortcut = self.layer, inputs
        if layer.has_shortcut:
            if layer.stride > 1:
                # Where the stride does not divide the side, the last window averages the pixels that exist.
                over = -layer.in_size % layer.stride
                shortcut = self._pool(
                    "AveragePool", "shortcut/mean", inputs, layer.stride, pads=[0, 0, over, over]
                )
            shortcut = self._convolve("shortcut", "shortcut_bn", shortcut)
        tensor = self._activate("reduce", self._convolve("reduce", "reduce_bn", inputs))
        tensor = self._convolve("spatial", "spatial_bn", tensor, layer.kernel, layer.stride)
        tensor = self._convolve("restore", "restore_bn", self._activate("spatial", tensor))
        return self._activate("sum", self.writer.add("Add", f"{layer.name}/skip", [tensor, shortcut]))

    def _pool(self, op: str, part: str, tensor: str, kernel: int, pads: list[int]) -> str:
        return self.writer.add(
            op,
            f"{self.layer.name}/{part}",
            [tensor],
            kernel_shape=[kernel] * 2,
            strides=[self.layer.stride] * 2,
            pads=pads,
        )

    def _add_block(self, inputs: str) -> str:
        layer, tensor = self.layer, inputs
        if layer.has_expansion:
            tensor = self._activate("expand", self._convolve("expand", "expand_bn", tensor))
        tensor = self._convolve(
            "depthwise", "depthwise_bn", tensor, layer.kernel, layer.stride, layer.mid_channels
        )
        tensor = self._activate("depthwise", tensor)
        if layer.se:
            tensor = self._excite(tensor)
        tensor = self._convolve("project", "project_bn", tensor)
        return self.writer.add("Add", f"{layer.name}/skip", [tensor, inputs]) if layer.skip else tensor

    def _convolve(
        self, part: str, norm: str | None, tensor: str, kernel: int = 1, stride: int = 1, group: int = 1
    ) -> str:
        """Add a convolution, with the batch norm ``norm`` folded in, or with its own bias where it has one."""
        name = self.layer.name
        if norm is not None:
            shape = list_shapes(self.layer)[f"{part}.weight"]
            weight, bias = fold_norm(
                self.weights, f"{name}.{part}", f"{name}.{norm}", shape, self.layer.norm_eps
            )
            arrays = {f"{part}.weight": weight, f"{part}.bias": bias}
        else:
            words = [f"{part}.weight", f"{part}.bias"]
            arrays = {word: self._fetch(word) for word in words if word in list_shapes(self.layer)}
        held = [self._hold(word, array) for word, array in arrays.items()]
        return self.writer.add(
            "Conv",
            f"{name}/{part.replace('.', '/')}/conv",
            [tensor, *held],
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[kernel // 2] * 4,
            group=group,
        )

    def _activate(self, part: str, tensor: str) -> str:
        name = f"{self.layer.name}/{part}/act"
        if self.layer.act == "relu":
            return self.writer.add("Relu", name, [tensor])
        if self.layer.act == "relu6":
            bounds = [
                self.writer.hold(f"{name}/{word}", np.array(v, np.float32)) for word, v in RELU6.items()
            ]
            return self.writer.add("Clip", name, [tensor, *bounds])
        if self.layer.act == "h_swish":
            gate = self.writer.add("HardSigmoid", f"{name}/gate", [tensor], **HARD_SIGMOID)
            return self.writer.add("Mul", name, [tensor, gate])
        return tensor

    def _excite(self, tensor: str) -> str:
        name = f"{self.layer.name}/se"
        gate = self.writer.add("GlobalAveragePool", f"{name}/mean", [tensor])
        gate = self._convolve("se.reduce", None, gate)
        gate = self.writer.add("Relu", f"{name}/reduce/act", [gate])
        gate = self._convolve("se.expand", None, gate)
        gate = self.writer.add("HardSigmoid", f"{name}/expand/act", [gate], **HARD_SIGMOID)
        return self.writer.add("Mul", f"{name}/scale", [tensor, self._spread(gate)])

    def _spread(self, gate: str) -> str:
        """Repeat the gate's one pixel over the features' size.

        ONNX Runtime multiplies in its blocked layout only tensors that are known to have equal shapes. With
        broadcasting it would reorder the features before the product and again after it.
        """
        name, size = f"{self.layer.name}/se/spread", self.layer.out_size
        if size == 1 or not self.form.spreads_gate:
            return gate
        factors = self.writer.hold_setting(f"{name}/factors", np.array([1, 1, size, size], np.float32))
        spread = self.writer.add(
            "Resize",
            name,
            [gate, "", factors],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        # ONNX's shape inference does not carry an open batch through a Resize.
        self.writer.note_shape(spread, (self.layer.mid_channels, size, size))
        return spread

    def _fetch(self, part: str) -> Array:
        return fetch_array(self.weights, f"{self.layer.name}.{part}", list_shapes(self.layer)[part])

    def _hold(self, part: str, array: Array) -> str:
        return self.writer.hold(f"{self.layer.name}/{part.replace('.', '/')}", array)
