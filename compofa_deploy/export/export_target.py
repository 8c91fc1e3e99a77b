"""The device spec that a bundle is exported for."""

from __future__ import annotations

from compofa_deploy.export.options import EngineOptions, ExportOptions
from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError
from profilers.runtimes.registry import find_runtime, find_spec
from profilers.runtimes.tensorrt.runtime import TensorRt


def find_export_target(options: ExportOptions) -> tuple[DeviceSpec, str]:
    """Finds the device spec to export for. A TensorRT engine may be for a GPU that is not here.

    Args:
        options: The device settings and the GPUs of an engine.

    Returns:
        The device spec, and a note for the user, empty where there is none.

    Raises:
        InputError: The runtime builds no engines, or does not have what is asked for.
        RuntimeUnavailable: The runtime does not work here.
    """
    request, engine = options.device, options.engine
    runtime, note = find_runtime(request.runtime), ""
    if not isinstance(runtime, TensorRt):
        if engine != EngineOptions():
            raise InputError(
                f"{request.runtime} builds no engines: leave --compute-capability, --hardware and --version-compatible "
                "out, or ask for --runtime tensorrt"
            )
        return find_spec(request), note
    ahead = find_runtime("tensorrt_rtx")
    if engine.compute_capability and not runtime.flavour.builds_ahead and isinstance(ahead, TensorRt):
        runtime = ahead
        note = (
            f"{request.runtime} builds only for the GPU that is here; {ahead.name} builds this engine, and must run "
            "it"
        )
    spec = runtime.engine_spec(
        precision=request.precision,
        batch=request.batch,
        device=request.device,
        capability=engine.compute_capability,
        hardware=engine.hardware,
        version_compatible=engine.version_compatible,
    )
    return spec, note
