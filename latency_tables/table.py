"""Latency tables: per-layer latencies of one device spec, their calibration, and their own held-out error."""

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


@dataclass(frozen=True)
class ErrorSummary(Record):
    """How wrong predictions were for networks left out of the fit.

    ``mape``, ``within_5`` and ``within_10`` are fractions; ``noise_floor`` is how far two sessions of the same
    network lie apart on average, relative; ``n`` is the number of networks.
    """

    mape: float
    within_5: float
    within_10: float
    rank_correlation: float = field(metadata=rule(minimum=-1))
    n: int = field(metadata=rule(minimum=1))
    noise_floor: float


@dataclass(frozen=True)
class MeasuredNetwork(Record):
    """A network that calibrates: a subnet's id, its layers' keys in order, its latency, and why to doubt it."""

    label: str
    layers: tuple[str, ...]
    ms: float
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeldOut(Record):
    """A network that no fit has seen: a subnet's id, what was predicted, and what two measurements of it gave."""

    label: str
    predicted_ms: float
    first_ms: float
    second_ms: float


@dataclass(frozen=True)
class Validation(Record):
    """How wrong a table was for random networks that it never saw, measured after it was made.

    ``error`` compares predictions with the first measurement of each; its ``noise_floor`` is how far the second lies
    from the first, on average, relative. ``bias`` is the median of predicted / measured - 1. ``speed`` is what
    networks of the fit took again, relative to when the table was made; measured latencies were divided by it.
    ``coverage`` is the share of networks whose latency lay in the interval of ``confidence``.
    ``noise_rank_correlation`` is between the two measurements, and a ceiling for that of predictions.
    """

    error: ErrorSummary
    noise_rank_correlation: float = field(metadata=rule(minimum=-1))
    bias: float = field(metadata=rule(minimum=-1))
    speed: float
    coverage: float
    confidence: float
    seed: int
    when: str
    networks: tuple[HeldOut, ...]


@dataclass(frozen=True)
class LatencyTable(RecordFile):
    """Predicts a network as ``intercept_ms`` plus the sum of its layers' ``costs_ms``, plus ``cache_contention``.

    ``layers_ms`` is what each layer took by itself; ``costs_ms`` is what it costs in a whole network.
    ``reference_ms`` is the reference's latency in the same run: a table made at another time, when the machine was
    faster or slower, compares by the ratio to it. ``residuals``
    are (measured / predicted - 1) of networks left out of the fit one by one. ``percentile_ratios`` maps a
    percentile's name to its ratio to the median. ``conditions`` were read as the run went on. ``validation`` is
    ``None`` until the table was validated.

    A table that was measured elsewhere and imported may state no error: then ``error`` is ``None`` and there are no
    residuals. It may state a layer anew for a resolution: ``costs_at`` has what holds at that one alone, and such a
    layer is not in ``costs_ms``; see :meth:`at`. ``origin`` says where it is from, and is empty for one of our own.
    ``recalibrated_from`` says which older table it was made from by a few networks, and is empty for one that was
    measured in full.
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
        """Whether predictions have an interval."""
        return bool(self.residuals)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the run as a whole should not be trusted: what the machine did meanwhile; empty where it was quiet."""
        return list_doubts(self.conditions, self.spec.threads)

    def describe_error(self) -> str:
        """In a few words, how far predictions are off."""
        if self.error is None:
            return "of unknown error"
        recalibrated = f", recalibrated by {len(self.networks)} networks" if self.recalibrated_from else ""
        return f"off by {self.error.mape:.1%} on networks left out (noise {self.error.noise_floor:.1%}){recalibrated}"

    def at(self, resolution: int) -> LatencyTable:
        """The table with every cost that holds for networks of this resolution; itself where none depends on it."""
        own = self.costs_at.get(resolution)
        if own is None:
            return self
        costs, layers = {**self.costs_ms, **own}, {**self.layers_ms, **own}
        return replace(self, costs_ms=costs, layers_ms=layers, costs_at={})

    def layer_cost_ms(self, key: str) -> float:
        """A layer's share of a network's latency; :class:`MismatchError` where the table lacks the layer."""
        try:
            return self.costs_ms[key]
        except KeyError:
            raise MismatchError(
                f"{self.source} has no layer {key}; it is of {self.architecture.get('name')} at resolutions "
                f"{', '.join(map(str, self.resolutions))}: profile the architecture and resolution you need"
            ) from None

    def weight_bytes(self, key: str) -> float:
        """Return a layer's bytes of weights, or 0 in a table without cache contention."""
        return float(self.cache_contention.weight_bytes[key]) if self.has_contention else 0.0

    @property
    def has_contention(self) -> bool:
        """Whether a network's latency depends on the product of its layers' times and their bytes of weights."""
        return bool(self.cache_contention.per_byte)

    def predict_from_sums(self, costs_ms: Quantity, layers_ms: Quantity, weight_bytes: Quantity) -> Quantity:
        """Return the median latency in ms of a network from the sums of its layers' parts. Every prediction uses this.

        Args:
            costs_ms: The sum of the layers' costs in ms; a number or an array of any shape.
            layers_ms: The sum of the times in ms that the layers take by themselves, of the same shape.
            weight_bytes: The sum of the layers' bytes of weights, of the same shape.
        """
        return self.intercept_ms + costs_ms + self.cache_contention.add_ms(layers_ms, weight_bytes)

    def contention_slopes(self, layers_ms: Quantity, weight_bytes: Quantity) -> tuple[Quantity, Quantity]:
        """Return the derivatives of :meth:`predict_from_sums`: per ms of ``layers_ms``, and in ms per byte of weights.

        Args:
            layers_ms: The sum of the times in ms that the layers take by themselves; a number or an array.
            weight_bytes: The sum of the layers' bytes of weights, of the same shape.
        """
        contention = self.cache_contention
        return contention.per_byte * (
            weight_bytes - contention.typical_bytes
        ), contention.per_byte * layers_ms

    def predict_ms(self, keys: Iterable[str]) -> float:
        """Return the median latency in ms of a network of these layers, in the table of its resolution (:meth:`at`).

        Raises:
            MismatchError: The table lacks a layer.
        """
        keys = list(keys)
        costs = sum(map(self.layer_cost_ms, keys), 0.0)
        layers = sum((self.layers_ms[key] for key in keys), 0.0)
        return self.predict_from_sums(costs, layers, sum(map(self.weight_bytes, keys), 0.0))

    def percentile_ratio(self, percentile: int) -> float:
        """A percentile's latency over the median's; :class:`InputError` lists the percentiles there are."""
        try:
            return self.percentile_ratios[str(percentile)]
        except KeyError:
            raise InputError(
                f"{self.source} has no percentile {percentile}; it has {', '.join(self.percentile_ratios)}"
            ) from None

    def margin(self, confidence: float) -> float:
        """By how much, relative to a prediction, the latency may differ from it with this confidence.

        Split conformal on the residuals left out one by one; see :func:`conformal_quantile` for what becomes of
        a confidence that these are too few for.
        """
        if not 0 < confidence < 1:
            raise InputError(f"a confidence lies between 0 and 1, as in 0.9; got {confidence}")
        if not self.states_error:
            raise InputError(
                f"{self.source} states no error, so there is no interval; profile the device for one"
            )
        return conformal_quantile(np.abs(np.asarray(self.residuals)), confidence)

    def interval_ms(self, ms: float, confidence: float) -> tuple[float, float]:
        """The interval around a prediction that holds the latency with this confidence."""
        margin = self.margin(confidence)
        return ms * (1 - margin), ms * (1 + margin)

    def check_fields(self, where: str) -> None:
        """:class:`FormatError` where two fields do not fit each other."""
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
        """Read a table's content; ``where`` names it in errors, and is its ``source``. Errors as of the base class."""
        return replace(super().from_dict(data, where), source=where)
