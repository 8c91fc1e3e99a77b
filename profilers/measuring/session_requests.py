"""Session requests: asking a worker to measure one session of an item, and once more where that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from latency_tables.errors import FormatError, MeasurementError, WorkerDied
from latency_tables.measured_session import MeasuredSession
from profilers.measuring.open_model import ModelPaths
from profilers.runtimes.registry import find_runtime

if TYPE_CHECKING:
    from latency_tables.device import DeviceSpec
    from latency_tables.item import Item
    from profilers.measuring.in_process_worker import InProcessWorker
    from profilers.measuring.kit import Kit
    from profilers.measuring.plan import Plan
    from profilers.measuring.worker_process import WorkerProcess

ATTEMPTS = 2
"""A session that fails is measured once more, in a new process if the old one died."""


def measure_session(
    worker: WorkerProcess | InProcessWorker,
    kit: Kit,
    spec: DeviceSpec,
    plan: Plan,
    item: Item,
    session: int,
    on_retry: Callable[[str], None],
) -> MeasuredSession:
    """Have a worker measure one session of an item; start the worker where it is not running.

    Args:
        worker: The worker. It is told of the device spec and the kit's reference when it starts.
        kit: The kit that the item is of.
        spec: The device spec to measure.
        plan: How long to sample.
        item: The item to measure.
        session: The session's number, from 0. Layers are profiled in session 0 alone.
        on_retry: It is called with the reason where the session is measured once more.

    Raises:
        FormatError: The item's model is not the one that the kit was built with.
        WorkerDied: The worker died twice; the message names the item.
        MeasurementError: The runtime failed twice; the message names the item.
    """
    request = {
        "item": item.id,
        "session": session,
        "limits": plan.limits(),
        "layer_names": _list_layers_to_profile(spec, item, session),
        **_locate(kit, item),
    }
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if worker.pid is None:
                worker.start(_first_request(kit, spec, plan))
            return _read_session(worker.ask(request, plan.session_limit_s), item)
        except FormatError as error:
            raise FormatError(f"item {item.id}: {error}") from None
        except MeasurementError as error:
            if attempt == ATTEMPTS:
                kind = WorkerDied if isinstance(error, WorkerDied) else MeasurementError
                raise kind(f"item {item.id}: {error}; leave it out, or try another runtime version") from None
            on_retry(f"item {item.id} was measured once more: {error}")
    raise AssertionError("unreachable")


def _read_session(answer: dict[str, Any], item: Item) -> MeasuredSession:
    try:
        return MeasuredSession.from_dict(answer, "the answer")
    except FormatError as error:
        raise MeasurementError(f"the measuring process gave no measurement ({error})") from None


def _list_layers_to_profile(spec: DeviceSpec, item: Item, session: int) -> list[str]:
    """The names of the layers to profile: once is enough, since every layer is in many networks."""
    return list(item.layer_names) if session == 0 and find_runtime(spec.runtime).profiles(spec) else []


def _first_request(kit: Kit, spec: DeviceSpec, plan: Plan) -> dict[str, Any]:
    return {
        "spec": spec.to_dict(),
        "reference_calls": plan.reference_calls,
        **_locate(kit, kit.reference),
    }


def _locate(kit: Kit, item: Item) -> dict[str, Any]:
    """Where the worker finds an item's model, the model's hash, and the shape of its input."""
    files = ModelPaths(kit.path(item), item.sha256, kit.weights_path(item), item.weights_sha256)
    return {**files.to_request(), "shape": list(item.input_shape)}
