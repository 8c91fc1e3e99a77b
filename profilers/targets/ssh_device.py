"""Another machine as a device, reached over ssh: the agent and the models are carried there, and answers come back."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

import numpy as np

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import CompofaError, ConnectionLost, MismatchError
from latency_tables.machine import Conditions, Machine
from latency_tables.measured_kit import MeasuredKit
from latency_tables.scratch import scratch_folder
from latency_tables.value_readers import check_object
from profilers.measuring.kit import Kit
from profilers.measuring.kit_zip import pack_kit
from profilers.measuring.load_cost import Load
from profilers.measuring.model_files import ModelFiles
from profilers.measuring.paired_process import MeasureBlock
from profilers.measuring.paired_worker import Block
from profilers.measuring.plan import Plan
from profilers.measuring.runner import OnProgress, Progress
from profilers.runtimes.session import Array
from profilers.targets.agent_connection import JOURNAL_SUFFIX, AgentConnection
from profilers.targets.device import Device, TimedModel
from profilers.targets.runtime_status import RuntimeStatus
from profilers.targets.ssh import Target

RECONNECT_AFTER_S = (1.0, 2.0, 5.0, 15.0, 30.0)
"""How long to wait before each attempt to go on after a connection was lost; any progress starts them anew."""


class SshDevice(Device):
    """Another machine that is reached over ssh.

    Args:
        target: The machine.
        python: The interpreter there.
    """

    def __init__(self, target: Target, python: str = "python3") -> None:
        self.agent = AgentConnection(target, python)
        self.name = self.agent.name

    def list_runtimes_impl(self) -> tuple[RuntimeStatus, ...]:
        found = self._ask("runtimes").get("runtimes")
        statuses = found if isinstance(found, list) else []
        return tuple(RuntimeStatus.from_dict(status, "its runtimes") for status in statuses)

    def read_machine_impl(self) -> Machine:
        return Machine.from_dict(self._ask("machine"), "its machine")

    def read_conditions_impl(self) -> Conditions:
        return Conditions.from_dict(self._ask("conditions"), "its conditions")

    def find_spec_impl(self, request: DeviceRequest) -> DeviceSpec:
        spec = DeviceSpec.from_dict(self._ask("spec", request=request.to_dict()), "its device spec")
        if spec.machine.emulated:
            raise MismatchError(
                f"it is an emulated {spec.machine.architecture}, whose latency is no device's; name one that is real"
            )
        return spec

    def inspect_model_impl(self, model: ModelFiles, spec: DeviceSpec) -> str:
        return str(self._ask_of_model("inspect", model, spec).get("text", ""))

    def measure_kit_impl(
        self, kit: Kit, spec: DeviceSpec, plan: Plan, run_key: str, on_progress: OnProgress | None
    ) -> MeasuredKit:
        spec.check_same(self.find_spec_impl(DeviceRequest.of(spec)), "the device spec to measure")
        key = run_key or f"once-{kit.kit_id}-{spec.id}"
        if not run_key:
            self.agent.forget(key)
        name = f"kit-{kit.kit_id}.zip"
        arguments = ["run", name, f"--plan={json.dumps(plan.to_dict())}", f"--journal={key}{JOURNAL_SUFFIX}",
                     f"--request={json.dumps(DeviceRequest.of(spec).to_dict())}"]  # fmt: skip
        content, attempt = _pack(kit), 0

        def show(progress: Progress) -> None:
            nonlocal attempt
            attempt = 0
            if on_progress is not None:
                on_progress(progress)

        while True:
            try:
                self.agent.carry({name: content})
                measured = MeasuredKit.from_dict(self.agent.ask(arguments, show), "what it measured")
                break
            except ConnectionLost as error:
                if attempt == len(RECONNECT_AFTER_S):
                    raise ConnectionLost(
                        f"{error}; the same command goes on from what is measured there"
                    ) from None
            time.sleep(RECONNECT_AFTER_S[attempt])
            attempt += 1
        if not run_key:
            self.agent.forget(key)
        return measured

    def forget_run_impl(self, run_key: str) -> None:
        self.agent.forget(run_key)

    def iterate_outputs_impl(
        self, model: ModelFiles, spec: DeviceSpec, chunks: Iterable[Array]
    ) -> Iterator[Array]:
        for inputs in chunks:
            buffer = io.BytesIO()
            np.save(buffer, inputs)
            name = _name(buffer.getvalue())
            self.agent.carry({name: buffer.getvalue()})
            self._ask_of_model("outputs", model, spec, inputs=name, output=f"{name}.out")
            found = self.agent.run(f'cat "$d"/{name}.out && rm -f -- "$d"/{name} "$d"/{name}.out')
            yield np.load(io.BytesIO(found), allow_pickle=False)

    def compile_model_impl(self, model: ModelFiles, spec: DeviceSpec) -> ModelFiles:
        name = f"{_name(model.model)}.compiled"
        self._ask_of_model("compile", model, spec, output=name)
        return ModelFiles(self.agent.run(f'cat "$d"/{name} && rm -f -- "$d"/{name}'))

    @contextmanager
    def compare_models_impl(self, old: TimedModel, new: TimedModel) -> Iterator[MeasureBlock]:
        pair = {
            word: {**self._carry_model(side.files, side.spec), "shape": list(side.files.input_shape)}
            for word, side in (("old", old), ("new", new))
        }
        with self.agent.converse(["compare", json.dumps(pair)]) as ask:
            yield lambda new_first, calls: Block.from_dict(
                ask({"new_first": new_first, "calls": calls}), "its block"
            )

    def measure_load_impl(self, model: ModelFiles, spec: DeviceSpec) -> Load:
        return Load.from_dict(self._ask_of_model("load", model, spec), "its load")

    def install_impl(self, files: Mapping[str, bytes], folder: str) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, content in files.items():
                archive.writestr(zipfile.ZipInfo(path), content)
        name = _name(buffer.getvalue())
        self.agent.carry({name: buffer.getvalue()})
        try:
            self._ask("install", archive=name, folder=folder)
        finally:
            with suppress(CompofaError):
                self.agent.run(f'rm -f -- "$d"/{name}')

    def close(self) -> None:
        self.agent.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(CompofaError):
            self.agent.clean()
        super().__exit__(kind, error, trace)

    def _ask(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        self.agent.carry({})
        return check_object(self.agent.ask(["ask", operation, json.dumps(arguments)]), "its answer")

    def _ask_of_model(
        self, operation: str, model: ModelFiles, spec: DeviceSpec, **arguments: Any
    ) -> Mapping[str, Any]:
        return self._ask(operation, **self._carry_model(model, spec), **arguments)

    def _carry_model(self, model: ModelFiles, spec: DeviceSpec) -> dict[str, Any]:
        """Carry a model's files there; return the arguments that name them."""
        parts = {"model": model.model, "weights": model.weights}
        names = {word: _name(data) if data or word == "model" else "" for word, data in parts.items()}
        self.agent.carry({names[word]: data for word, data in parts.items() if names[word]})
        return {**names, "spec": spec.to_dict()}


def _name(data: bytes) -> str:
    """The name under which a file is kept there."""
    return f"file-{hashlib.sha256(data).hexdigest()}"


def _pack(kit: Kit) -> bytes:
    with scratch_folder("kit") as folder:
        pack_kit(kit, folder / "kit.zip")
        return (folder / "kit.zip").read_bytes()
