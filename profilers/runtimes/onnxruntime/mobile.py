"""ONNX Runtime's format for phones, ``.ort``, whose graph is rewritten ahead of time for an instruction set.

A model in that format is run as it is. The full build of ONNX Runtime therefore computes the same outputs by the same
graph as a phone. It would bring an ``.onnx`` on x86 into a layout (NCHWc) that Arm does not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError
from latency_tables.scratch import scratch_folder
from profilers.runtimes.errors import translate_errors
from profilers.runtimes.onnxruntime.providers import CPU
from profilers.runtimes.onnxruntime.runtime import LOG_FATAL, OnnxRuntime, check_self_contained, is_ort_format
from profilers.runtimes.session import Array, Session

PLATFORMS = ("arm", "amd64")
X86_ONLY = ("NchwcTransformer",)
"""Rewriting that fits only an x86 CPU of the same vector width as the converting one."""


def convert_to_ort(model: bytes, platform: str) -> bytes:
    """Convert an ONNX model to ONNX Runtime's own format, rewritten for an instruction set.

    Args:
        model: The ONNX model.
        platform: ``arm``, or ``amd64``, whose result fits only the kind of CPU that converted it.

    Raises:
        InputError: The platform is unknown.
        FormatError: The model would read another file.
        MeasurementError: The bytes are no ONNX model.
    """
    import onnxruntime as ort

    if platform not in PLATFORMS:
        raise InputError(f"no target platform {platform!r}; there are {', '.join(PLATFORMS)}")
    with scratch_folder("ort") as folder:
        path = Path(folder) / "model.ort"
        options = ort.SessionOptions()
        options.optimized_model_filepath = str(path)
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = LOG_FATAL
        options.add_session_config_entry("session.save_model_format", "ORT")
        options.add_session_config_entry("session.qdqisint8allowed", str(int(platform == "arm")))
        left_out = [] if platform == "amd64" else list(X86_ONLY)
        with translate_errors("onnxruntime could not convert the model"):
            check_self_contained(model)
            ort.InferenceSession(model, options, providers=[CPU], disabled_optimizers=left_out)
        return path.read_bytes()


class OnnxRuntimeMobile(OnnxRuntime):
    """ONNX Runtime on models in its own format; an ONNX model is converted when it is opened.

    The graph level is the instruction set that the graph was rewritten for: any Arm, or this kind of x86.
    """

    name = "onnxruntime_mobile"
    graph_levels = PLATFORMS

    def profile_impl(
        self, model: bytes, spec: DeviceSpec, weights: bytes, feeds: Mapping[str, Array]
    ) -> Sequence[tuple[str, float]]:
        return super().profile_impl(_convert(model, spec), spec, weights, feeds)

    def open_impl(self, model: bytes, spec: DeviceSpec, weights: bytes) -> Session:
        return super().open_impl(_convert(model, spec), spec, weights)

    def make_options(self, spec: DeviceSpec) -> Any:
        options = super().make_options(spec)
        options.add_session_config_entry("session.load_model_format", "ORT")
        return options


def _convert(model: bytes, spec: DeviceSpec) -> bytes:
    return model if is_ort_format(model) else convert_to_ort(model, spec.graph_level)
