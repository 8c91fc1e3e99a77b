"""The outputs of a model for any number of inputs, a batch of the model's size at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError
from profilers.measuring.model_files import ModelFiles
from profilers.runtimes.registry import find_runtime
from profilers.runtimes.session import Array, Session


def iterate_outputs(model: ModelFiles, spec: DeviceSpec, chunks: Iterable[Array]) -> Iterator[Array]:
    """Run a model on one chunk of inputs after the other, in one session.

    Args:
        model: The model, which has one input.
        spec: The device spec to run it under; its batch is that of the model.
        chunks: Inputs (n, ...), with any n in each chunk.

    Yields:
        The first output (n, ...) for each chunk.

    Raises:
        InputError: The inputs are not of the model's shape and type.
        MeasurementError: The runtime cannot load or run the model.
    """
    with find_runtime(spec.runtime).open(model.model, spec, model.weights) as session:
        for inputs in chunks:
            yield run_batches(session, spec.batch, inputs)


def run_batches(session: Session, batch: int, inputs: Array) -> Array:
    """Run a session on any number of inputs.

    Args:
        session: A model with one input.
        batch: How many inputs the model takes at once.
        inputs: The inputs (n, ...) with n of at least 1; the last batch is filled up with zeros.

    Returns:
        The first output (n, ...).
    """
    if len(session.inputs) != 1 or not inputs.ndim or not len(inputs):
        raise InputError(
            f"a model of one input is run on at least one row; this has {len(session.inputs)} inputs, and "
            f"{list(inputs.shape)} is the shape of what was given"
        )
    padded = np.concatenate([inputs, np.zeros((-len(inputs) % batch, *inputs.shape[1:]), inputs.dtype)])
    name, output = session.inputs[0].name, session.outputs[0].name
    outputs = [session.run({name: padded[i : i + batch]})[output] for i in range(0, len(padded), batch)]
    return np.concatenate(outputs)[: len(inputs)]
