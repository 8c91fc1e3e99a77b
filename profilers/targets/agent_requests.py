"""What an agent is asked over a connection, beside measuring a kit: a function for each operation."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, Mapping

import numpy as np

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import FormatError, InputError
from profilers.measuring.model_files import ModelFiles
from profilers.measuring.model_outputs import iterate_outputs
from profilers.measuring.open_model import ModelPaths
from profilers.measuring.paired_worker import locate
from profilers.targets.device import Device
from profilers.targets.local import LocalDevice

Operation = Callable[[Device, Mapping[str, Any]], Dict[str, Any]]


def answer(operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Do what is asked on this machine.

    Args:
        operation: A key of :data:`OPERATIONS`.
        arguments: What the operation takes; files are named by their paths in the current folder.

    Raises:
        InputError: There is no such operation.
        CompofaError: The operation failed.
    """
    if operation not in OPERATIONS:
        raise InputError(f"no operation {operation!r}; there are {', '.join(OPERATIONS)}")
    with LocalDevice(Path()) as device:
        return OPERATIONS[operation](device, arguments)


def locate_pair(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The request for two models that are timed side by side, from the arguments of the command ``compare``."""
    pair = {}
    for word in ("old", "new"):
        side = arguments[word]
        weights = Path(side["weights"]) if side["weights"] else None
        paths = ModelPaths.hash(Path(side["model"]), weights)
        pair[word] = locate(DeviceSpec.from_dict(side["spec"]), paths, tuple(side["shape"]))
    return pair


def _list_runtimes(device: Device, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"runtimes": [status.to_dict() for status in device.list_runtimes()]}


def _find_spec(device: Device, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return device.find_spec(DeviceRequest.from_dict(arguments["request"])).to_dict()


def _inspect(device: Device, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"text": device.inspect_model(_read_model(arguments), _read_spec(arguments))}


def _run_model(device: Device, arguments: Mapping[str, Any]) -> dict[str, Any]:
    try:
        inputs = np.load(arguments["inputs"], allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise FormatError(f"the inputs cannot be read ({error}); send them again") from None
    (outputs,) = iterate_outputs(_read_model(arguments), _read_spec(arguments), [inputs])
    buffer = io.BytesIO()
    np.save(buffer, outputs)
    Path(arguments["output"]).write_bytes(buffer.getvalue())
    return {}


def _compile(device: Device, arguments: Mapping[str, Any]) -> dict[str, Any]:
    compiled = device.compile_model(_read_model(arguments), _read_spec(arguments))
    Path(arguments["output"]).write_bytes(compiled.model)
    return {}


def _measure_load(device: Device, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return device.measure_load(_read_model(arguments), _read_spec(arguments)).to_dict()


def _install(device: Device, arguments: Mapping[str, Any]) -> dict[str, Any]:
    with zipfile.ZipFile(arguments["archive"]) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    # A relative folder lies in the user's home, not in the agent's own folder.
    device.install(files, str(Path.home() / Path(arguments["folder"]).expanduser()))
    return {}


OPERATIONS: dict[str, Operation] = {
    "runtimes": _list_runtimes,
    "machine": lambda device, arguments: device.read_machine().to_dict(),
    "conditions": lambda device, arguments: device.read_conditions().to_dict(),
    "spec": _find_spec,
    "inspect": _inspect,
    "outputs": _run_model,
    "compile": _compile,
    "load": _measure_load,
    "install": _install,
}
"""The operations by their names."""


def _read_spec(arguments: Mapping[str, Any]) -> DeviceSpec:
    return DeviceSpec.from_dict(arguments["spec"])


def _read_model(arguments: Mapping[str, Any]) -> ModelFiles:
    weights = Path(arguments["weights"]).read_bytes() if arguments["weights"] else b""
    return ModelFiles(Path(arguments["model"]).read_bytes(), weights)
