"""Building a TensorRT engine from an ONNX graph, in the precision of the graph's own types."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_tables.errors import InputError, MeasurementError, MismatchError
from latency_tables.files import replace_file
from profilers.runtimes.tensorrt.flavour import Flavour, Log

if TYPE_CHECKING:
    import tensorrt as trt

PRECISIONS = ("f32", "tf32", "f16")
"""TensorRT computes f32 graphs in tf32, with products of 11 binary digits, unless it is told not to."""

EXACT, SAME_CAPABILITY, AMPERE_PLUS = "exact", "same", "ampere+"
HARDWARE = (EXACT, SAME_CAPABILITY, AMPERE_PLUS)
"""The GPUs that an engine fits: the GPU it was built on, GPUs of one compute capability, or Ampere and later."""


@dataclass(frozen=True)
class BuildOptions:
    """How an engine is built.

    Attributes:
        precision: The precision of the graph.
        batch: The largest batch, for a graph whose batch is open.
        capability: The compute capability, such as ``8.6``, of GPUs that need not be here; empty for the GPU here.
        hardware: The GPUs that the engine fits, one of ``HARDWARE``.
        version_compatible: Whether the engine loads in later versions of TensorRT.
    """

    precision: str = "f32"
    batch: int = 1
    capability: str = ""
    hardware: str = EXACT
    version_compatible: bool = False


@dataclass(frozen=True)
class BuiltEngine:
    """A built engine.

    Attributes:
        data: The engine's bytes.
        layers: The number of layers of its network before they were fused.
    """

    data: bytes
    layers: int


def list_capabilities(flavour: Flavour) -> tuple[str, ...]:
    """The compute capabilities, such as ``8.6``, that a flavour builds for without a GPU.

    Raises:
        ImportError: The flavour is not installed.

    >>> from profilers.runtimes.tensorrt.flavour import CLASSIC
    >>> list_capabilities(CLASSIC)
    ()
    """
    if not flavour.builds_ahead:
        return ()
    found = (re.fullmatch(r"SM(\d+)(\d)", name) for name in flavour.load().ComputeCapability.__members__)
    pairs = sorted((int(match[1]), int(match[2])) for match in found if match)
    return tuple(f"{major}.{minor}" for major, minor in pairs)


def check_options(flavour: Flavour, options: BuildOptions) -> None:
    """Check that a flavour can build with these options.

    Raises:
        InputError: It cannot; the message names the options that it has.
    """
    if options.precision not in PRECISIONS:
        raise InputError(
            f"{flavour.name} builds no engine in {options.precision!r}; ask for {', '.join(PRECISIONS)}"
        )
    if options.hardware not in HARDWARE:
        raise InputError(f"no engine fits hardware {options.hardware!r}; ask for {', '.join(HARDWARE)}")
    if flavour.builds_ahead and (options.hardware != EXACT or options.version_compatible):
        raise InputError(
            f"{flavour.name} has no engines for other hardware or versions than they were built for; leave "
            "the option out, and ask for the GPU's --compute-capability"
        )
    if not options.capability:
        return
    if not flavour.builds_ahead:
        raise InputError(
            f"{flavour.name} builds for the GPU that is here alone; leave --compute-capability out, or ask for "
            "--runtime tensorrt_rtx"
        )
    known = list_capabilities(flavour)
    if options.capability not in known:
        raise InputError(
            f"{flavour.name} builds nothing for compute capability {options.capability}; it builds for "
            f"{', '.join(known)}"
        )


def build_engine(
    flavour: Flavour, graph: bytes, options: BuildOptions, timing_cache: Path | None = None
) -> BuiltEngine:
    """Build an engine from an ONNX graph.

    Args:
        flavour: The kind of TensorRT.
        graph: The ONNX graph.
        options: How to build.
        timing_cache: A file in which the classic flavour keeps the times of kernels from one build to the next.

    Raises:
        InputError: The flavour has no such options, or the compute capability lacks something that the graph needs.
        MismatchError: The graph is of another precision.
        MeasurementError: The graph cannot be read or built.
    """
    check_options(flavour, options)
    if TYPE_CHECKING:
        api = trt
    else:
        api = flavour.load()
    log = Log(api)
    builder = _make_builder(flavour, api, log)
    # Since TensorRT 11 every network is typed by its graph, flag or not.
    network = builder.create_network(1 << int(api.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = api.OnnxParser(network, log.logger)
    if not parser.parse(graph) or not network.num_outputs:
        reasons = [parser.get_error(i).desc() for i in range(parser.num_errors)]
        reason = " ".join(reasons[0].split()) if reasons else log.explain()
        raise MeasurementError(f"{flavour.name} cannot read the graph: {reason}; export it anew")
    _check_types(flavour, api, network, options.precision)
    config = builder.create_builder_config()
    _configure(flavour, api, config, options)
    _add_profile(api, builder, config, network, options.batch)
    cache = None if flavour.builds_ahead else timing_cache
    _load_timings(config, cache)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        # For a GPU that is elsewhere the request is wrong; here the machine may be the reason.
        kind = InputError if options.capability else MeasurementError
        raise kind(
            f"{flavour.name} cannot build an engine in {options.precision}{_name_capability(options)}: "
            f"{log.explain()}{_suggest(flavour, options)}"
        )
    _keep_timings(config, cache)
    return BuiltEngine(bytes(plan), network.num_layers)


def _make_builder(flavour: Flavour, api: Any, log: Log) -> trt.Builder:
    try:
        builder: trt.Builder = api.Builder(log.logger)
    except Exception as error:
        raise MeasurementError(
            f"{flavour.name} cannot build on this machine: {log.explain()}; build where there is an NVIDIA GPU, or "
            "with --runtime tensorrt_rtx for a --compute-capability"
        ) from error
    return builder


def _check_types(flavour: Flavour, api: Any, network: trt.INetworkDefinition, precision: str) -> None:
    """Check that a network computes in the types of a precision."""
    wanted = api.DataType.HALF if precision == "f16" else api.DataType.FLOAT
    floats = (api.DataType.HALF, api.DataType.FLOAT, api.DataType.BF16)
    for layer in map(network.get_layer, range(network.num_layers)):
        if layer.type == api.LayerType.CAST:
            continue
        for tensor in map(layer.get_output, range(layer.num_outputs)):
            if tensor.dtype in floats and tensor.dtype != wanted:
                raise MismatchError(
                    f"{flavour.name} computes in the types that a graph has: its layer {layer.name} is in "
                    f"{tensor.dtype.name.lower()}, and {precision} was asked for; make the graph in {precision}"
                )


def _configure(flavour: Flavour, api: Any, config: trt.IBuilderConfig, options: BuildOptions) -> None:
    if options.precision != "tf32":
        config.clear_flag(api.BuilderFlag.TF32)
    config.profiling_verbosity = api.ProfilingVerbosity.DETAILED
    if options.hardware == AMPERE_PLUS:
        config.hardware_compatibility_level = api.HardwareCompatibilityLevel.AMPERE_PLUS
    if options.hardware == SAME_CAPABILITY:
        config.hardware_compatibility_level = api.HardwareCompatibilityLevel.SAME_COMPUTE_CAPABILITY
    if options.version_compatible:
        config.set_flag(api.BuilderFlag.VERSION_COMPATIBLE)
    if flavour.builds_ahead:
        # Otherwise a run may allocate memory, and such a run cannot be captured in a CUDA graph.
        config.set_flag(api.BuilderFlag.REQUIRE_USER_ALLOCATION)
        _set_capability(api, config, options.capability)


def _set_capability(api: Any, config: Any, capability: str) -> None:
    """``config`` is TensorRT-RTX's own, which has no type stubs."""
    name = f"SM{capability.replace('.', '')}" if capability else "CURRENT"
    config.num_compute_capabilities = 1
    config.set_compute_capability(getattr(api.ComputeCapability, name), 0)


def _add_profile(
    api: Any, builder: trt.Builder, config: trt.IBuilderConfig, network: trt.INetworkDefinition, batch: int
) -> None:
    """Set the batch sizes to optimise for, where the graph leaves its batch open."""
    # The type stubs do not say that Dims are sequences.
    shapes: dict[str, Any] = {
        tensor.name: tensor.shape for tensor in map(network.get_input, range(network.num_inputs))
    }
    if all(-1 not in tuple(shape) for shape in shapes.values()):
        return
    profile = builder.create_optimization_profile()
    for name, shape in shapes.items():
        if -1 in tuple(shape)[1:]:
            raise InputError(f"the graph's input {name} leaves more open than its batch; fix its sizes")
        smallest, largest = (api.Dims((n, *tuple(shape)[1:])) for n in (1, batch))
        profile.set_shape(name, smallest, largest, largest)
    config.add_optimization_profile(profile)


def _load_timings(config: trt.IBuilderConfig, path: Path | None) -> None:
    """Let the builder use its earlier times of kernels, if they are of this GPU and version."""
    if path is None:
        return
    known = path.read_bytes() if path.exists() else b""
    if not config.set_timing_cache(config.create_timing_cache(known), False):
        config.set_timing_cache(config.create_timing_cache(b""), False)


def _keep_timings(config: trt.IBuilderConfig, path: Path | None) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as file:
            file.write(bytes(config.get_timing_cache().serialize()))


def _name_capability(options: BuildOptions) -> str:
    return f" for compute capability {options.capability}" if options.capability else ""


def _suggest(flavour: Flavour, options: BuildOptions) -> str:
    if not options.capability:
        return ""
    others = [known for known in list_capabilities(flavour) if known != options.capability]
    return f"; ask for another --precision, or for one of {', '.join(others)}"
