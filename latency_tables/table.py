"""Latency tables: the layers' latencies on one device spec, their calibration, and the error of its predictions."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from latency_tables.cache_contention import CacheContention, Quantity
from latency_tables.device import DeviceSpec
from latency_tables.errors import FormatError, InputError, MismatchError
from latency_tables.field_rule import rule
from latency_tables.fit import conformal_quantile
from latency_tables.machine import Conditions, list_doubts
from latency_tables.record import Record, RecordFile
from latency_tables.validation import ErrorSummary, Validation


@dataclass(frozen=True)
class MeasuredNetwork(Record):
    """A network of the calibration.

    Attributes:
        label: The subnet's id.
        layers: The keys of its layers, in order.
        ms: Its measured latency.
        doubts: The reasons not to trust that latency.
    """

    label: str
    layers: tuple[str, ...]
    ms: float
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class LatencyTable(RecordFile):
    """The latencies of an architecture's layers on one device spec.

    A network's latency is predicted as ``intercept_ms``, plus the sum of its layers' ``costs_ms``, plus
    ``cache_contention``.

    Attributes:
        spec: The device spec.
        architecture: The architecture.
        kit_id: The id of the measured kit.
        created: The time of the measurement: ISO 8601, in UTC.
        layers_ms: The isolated latency of each layer, by its key.
        costs_ms: The cost of each layer within a network, by its key.
        intercept_ms: The cost of a network beside its layers.
        resolutions: The resolutions in pixels.
        error: The error of networks that were left out of the fit one by one. It is ``None`` for an imported table,
            which has no residuals either.
        residuals: The values of measured / predicted - 1 of those networks.
        percentile_ratios: The ratio of a percentile to the median, by the percentile's name.
        conditions: The machine's conditions during the run.
        networks: The networks of the calibration.
        validation: The validation; ``None`` until there is one.
        cache_contention: The latency that the layers' shared cache adds.
        reference_ms: The reference's latency in the same run. Its ratio to a later one tells how much faster or slower
            the machine has become.
        costs_at: The costs of layers that an imported table states differently for some resolutions, by the resolution.
            Such a layer is not in ``costs_ms``; see :meth:`at`.
        origin: The source of an imported table; empty for one that was measured here.
        recalibrated_from: The older table that a few networks recalibrated; empty for one that was measured in full.
        source: The table's name in errors, which is not in its file.
    """

    FORMAT = "compofa-latency-table"
    VERSION = 2
    INDENT = 1

    spec: DeviceSpec = field(metadata=rule(key="device_spec"))
    architecture: dict[str, Any]
    kit_id: str
    created: str
    layers_ms: dict[str, float]
    costs_ms: dict[str, float]
    intercept_ms: float = field(metadata=rule(minimum=-math.inf))
    resolutions: tuple[int, ...] = field(metadata=rule(minimum=1))
    error: ErrorSummary | None
    residuals: tuple[float, ...] = field(metadata=rule(minimum=-1))
    percentile_ratios: dict[str, float]
    conditions: tuple[Conditions, ...]
    networks: tuple[MeasuredNetwork, ...]
    validation: Validation | None = field(default=None, metadata=rule(optional=True))
    cache_contention: CacheContention = field(default_factory=CacheContention, metadata=rule(key="crowding"))
    reference_ms: float | None = None
    costs_at: dict[int, dict[str, float]] = field(
        default_factory=dict, metadata=rule(optional=True, keys="a resolution in pixels")
    )
    origin: str = field(default="", metadata=rule(optional=True))
    recalibrated_from: str = field(default="", metadata=rule(optional=True))
    source: str = field(default="the latency table", compare=False, metadata=rule(stored=False))

    @property
    def states_error(self) -> bool:
        """Whether the table states the error of its predictions, so that they have an interval."""
        return bool(self.residuals)

    @property
    def doubts(self) -> tuple[str, ...]:
        """The reasons not to trust the run, from the machine's conditions; empty where there is none."""
        return list_doubts(self.conditions, self.spec.threads)

    def describe_error(self) -> str:
        """A few words on the error of predictions."""
        if self.error is None:
            return "of unknown error"
        recalibrated = f", recalibrated by {len(self.networks)} networks" if self.recalibrated_from else ""
        return f"off by {self.error.mape:.1%} on networks left out (noise {self.error.noise_floor:.1%}){recalibrated}"

    def at(self, resolution: int) -> LatencyTable:
        """The table for networks of one resolution in pixels; the same table where no cost depends on it."""
        own = self.costs_at.get(resolution)
        if own is None:
            return self
        costs, layers = {**self.costs_ms, **own}, {**self.layers_ms, **own}
        return replace(self, costs_ms=costs, layers_ms=layers, costs_at={})

    def layer_cost_ms(self, key: str) -> float:
        """The cost of a layer within a network in ms.

        Raises:
            MismatchError: The table lacks the layer.
        """
        try:
            return self.costs_ms[key]
        except KeyError:
            raise MismatchError(
                f"{self.source} has no layer {key}; it is of {self.architecture.get('name')} at resolutions "
                f"{', '.join(map(str, self.resolutions))}: profile the architecture and resolution you need"
            ) from None

    def weight_bytes(self, key: str) -> float:
        """The bytes of a layer's weights, or 0 in a table without cache contention."""
        return float(self.cache_contention.weight_bytes[key]) if self.has_contention else 0.0

    @property
    def has_contention(self) -> bool:
        """Whether predictions have a term of cache contention."""
        return bool(self.cache_contention.per_byte)

    def predict_from_sums(self, costs_ms: Quantity, layers_ms: Quantity, weight_bytes: Quantity) -> Quantity:
        """The median latency of a network in ms from the sums over its layers. Every prediction uses this.

        Args:
            costs_ms: The sum of the layers' costs in ms; a number or an array of any shape.
            layers_ms: The sum of the layers' isolated latencies in ms, of the same shape.
            weight_bytes: The sum of the layers' bytes of weights, of the same shape.
        """
        return self.intercept_ms + costs_ms + self.cache_contention.add_ms(layers_ms, weight_bytes)

    def contention_slopes(self, layers_ms: Quantity, weight_bytes: Quantity) -> tuple[Quantity, Quantity]:
        """The derivatives of :meth:`predict_from_sums` by ``layers_ms``, and by ``weight_bytes`` in ms per byte.

        Args:
            layers_ms: The sum of the layers' isolated latencies in ms; a number or an array.
            weight_bytes: The sum of the layers' bytes of weights, of the same shape.
        """
        contention = self.cache_contention
        return contention.per_byte * (
            weight_bytes - contention.typical_bytes
        ), contention.per_byte * layers_ms

    def predict_ms(self, keys: Iterable[str]) -> float:
        """The median latency of a network in ms, in the table of the network's resolution (:meth:`at`).

        Args:
            keys: The keys of the network's layers.

        Raises:
            MismatchError: The table lacks a layer.
        """
        keys = list(keys)
        costs = sum(map(self.layer_cost_ms, keys), 0.0)
        layers = sum((self.layers_ms[key] for key in keys), 0.0)
        return self.predict_from_sums(costs, layers, sum(map(self.weight_bytes, keys), 0.0))

    def percentile_ratio(self, percentile: int) -> float:
        """The ratio of a percentile of the latency to its median.

        Args:
            percentile: One of the keys of ``percentile_ratios``, as in 99.

        Raises:
            InputError: The table lacks the percentile; the message lists those that it has.
        """
        try:
            return self.percentile_ratios[str(percentile)]
        except KeyError:
            raise InputError(
                f"{self.source} has no percentile {percentile}; it has {', '.join(self.percentile_ratios)}"
            ) from None

    def margin(self, confidence: float) -> float:
        """The half-width of the prediction interval, relative to the prediction.

        It is the conformal quantile of the residuals that were left out one by one. Where these are too few for the
        confidence, it is the largest of them; see :func:`conformal_quantile`.

        Args:
            confidence: The confidence, between 0 and 1.

        Raises:
            InputError: The confidence is not between 0 and 1, or the table states no error.
        """
        if not 0 < confidence < 1:
            raise InputError(f"a confidence lies between 0 and 1, as in 0.9; got {confidence}")
        if not self.states_error:
            raise InputError(
                f"{self.source} states no error, so there is no interval; profile the device for one"
            )
        return conformal_quantile(np.abs(np.asarray(self.residuals)), confidence)

    def interval_ms(self, ms: float, confidence: float) -> tuple[float, float]:
        """The prediction interval.

        Args:
            ms: The prediction.
            confidence: The confidence, between 0 and 1.

        Returns:
            The lower and the upper end in ms.
        """
        margin = self.margin(confidence)
        return ms * (1 - margin), ms * (1 + margin)

    def check_fields(self, where: str) -> None:
        """Raise :class:`FormatError` where two fields contradict each other."""
        if not self.costs_ms or self.costs_ms.keys() != self.layers_ms.keys():
            raise FormatError(
                f"{where}, costs_ms: must name the layers of layers_ms, at least one; profile again"
            )
        if bool(self.residuals) != (self.error is not None):
            raise FormatError(
                f"{where}, residuals: must hold at least one number, or none without an error; profile again"
            )
        if (
            self.cache_contention.per_byte
            and not self.costs_ms.keys() <= self.cache_contention.weight_bytes.keys()
        ):
            raise FormatError(
                f"{where}, crowding: must have the weights of every layer of costs_ms; profile again"
            )

    @classmethod
    def from_dict(cls, data: Any, where: str = "") -> LatencyTable:
        """Read the form that :meth:`to_dict` wrote.

        Args:
            data: A JSON value.
            where: The table's name in errors, and its ``source``.

        Raises:
            FormatError: A field is missing or wrong; the message names it.
        """
        return replace(super().from_dict(data, where), source=where)
