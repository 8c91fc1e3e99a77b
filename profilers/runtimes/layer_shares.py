"""Layer shares: how the time of one run of a model divides over its layers."""

from __future__ import annotations

from collections.abc import Sequence

from latency_tables.errors import MeasurementError


def divide_run(
    runtime: str, names: Sequence[str], operators: Sequence[tuple[str, float]]
) -> tuple[float, ...]:
    """Divide the time of a run over the layers of a model.

    An operator belongs to the layer whose name stands before the first ``/`` of its own. An operator that the runtime
    added, such as a change of layout, belongs to the layer before it.

    Args:
        runtime: The runtime's name, for the error.
        names: The names of the layers.
        operators: The operators of the run in their order: name and time, in any unit.

    Returns:
        Each layer's part of the time, in the order of ``names``; the sum is 1.

    Raises:
        MeasurementError: The operators name fewer than half of the layers.

    >>> divide_run("a runtime", ["b1", "b2"], [("b1/conv", 1.0), ("reorder", 2.0), ("b2/conv", 1.0)])
    (0.75, 0.25)
    """
    spent = dict.fromkeys(names, 0.0)
    owner = names[0]
    for operator, time in operators:
        layer = operator.split("/")[0]
        owner = layer if layer in spent else owner
        spent[owner] += time
    total = sum(spent.values())
    if not total or sum(map(bool, spent.values())) < len(spent) / 2:
        raise MeasurementError(f"{runtime}'s profiler does not name the model's layers; report it")
    return tuple(time / total for time in spent.values())
