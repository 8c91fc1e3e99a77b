"""The latencies that a table predicts for subnets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import list_layers
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import MismatchError
from latency_tables.table import LatencyTable


@dataclass(frozen=True, slots=True)
class Prediction:
    """The predicted latency of one subnet, in ms. The interval is ``None`` where the table states no error."""

    subnet: Subnet
    latency_ms: float
    low_ms: float | None
    high_ms: float | None


def predict(table: LatencyTable, subnets: Iterable[Subnet], confidence: float = 0.9) -> list[Prediction]:
    """Predicts the median latency of subnets.

    Args:
        table: The latency table.
        subnets: The subnets, each at its own resolution.
        confidence: The confidence of the interval, between 0 and 1.

    Returns:
        One prediction for each subnet, in their order.

    Raises:
        MismatchError: The table lacks a layer or a resolution of a subnet; the message names the subnet.
    """
    architecture = Architecture.from_dict(table.architecture)
    predictions = []
    for subnet in subnets:
        at = table.at(subnet.resolution)
        try:
            ms = at.predict_ms(layer.key for layer in list_layers(architecture, subnet))
        except MismatchError as error:
            raise MismatchError(f"{subnet}: {error}") from None
        low, high = at.interval_ms(ms, confidence) if at.states_error else (None, None)
        predictions.append(Prediction(subnet, ms, low, high))
    return predictions
