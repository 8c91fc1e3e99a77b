"""Latency tables: per-layer latencies of one device spec, their calibration, and their own held-out error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from latency_tables.crowding import Crowding
from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError, MismatchError
from latency_tables.fields import Fields
from latency_tables.files import read_json, write_json
from latency_tables.fit import conformal_quantile
from latency_tables.machine import Conditions, list_doubts

FORMAT = "compofa-latency-table"
VERSION = 2


@dataclass(frozen=True, slots=True)
class ErrorSummary:
    """How wrong predictions were for networks left out of the fit.

    ``mape``, ``within_5`` and ``within_10`` are fractions; ``noise_floor`` is how far two sessions of the same
    network lie apart on average, relative; ``n`` is the number of networks.
    """

    mape: float
    within_5: float
    within_10: float
    rank_correlation: float
    n: int
    noise_floor: float


@dataclass(frozen=True, slots=True)
class MeasuredNetwork:
    """A network that calibrates: a subnet's id, its layers' keys in order, its latency, and why to doubt it."""

    label: str
    layers: tuple[str, ...]
    ms: float
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A network that no fit has seen: a subnet's id, what was predicted, and what two measurements of it gave."""

    label: str
    predicted_ms: float
    first_ms: float
    second_ms: float


@dataclass(frozen=True, slots=True)
class Validation:
    """How wrong a table was for random networks that it never saw, measured after it was made.

    ``error`` compares predictions with the first measurement of each; its ``noise_floor`` is how far the second lies
    from the first, on average, relative. ``bias`` is the median of predicted / measured - 1. ``speed`` is what
    networks of the fit took again, relative to when the table was made; measured latencies were divided by it.
    ``coverage`` is the share of networks whose latency lay in the interval of ``confidence``.
    ``noise_rank_correlation`` is between the two measurements, and a ceiling for that of predictions.
    """

    error: ErrorSummary
    noise_rank_correlation: float
    bias: float
    speed: float
    coverage: float
    confidence: float
    seed: int
    when: str
    networks: tuple[HeldOut, ...]


@dataclass(frozen=True, slots=True)
class LatencyTable:
    """Predicts a network as ``intercept_ms`` plus the sum of its layers' ``costs_ms``, plus what ``crowding`` adds.

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

    spec: DeviceSpec
    architecture: dict[str, Any]
    kit_id: str
    created: str
    layers_ms: dict[str, float]
    costs_ms: dict[str, float]
    intercept_ms: float
    resolutions: tuple[int, ...]
    error: ErrorSummary | None
    residuals: tuple[float, ...]
    percentile_ratios: dict[str, float]
    conditions: tuple[Conditions, ...]
    networks: tuple[MeasuredNetwork, ...]
    validation: Validation | None = None
    crowding: Crowding = field(default_factory=Crowding)
    reference_ms: float | None = None
    costs_at: dict[int, dict[str, float]] = field(default_factory=dict)
    origin: str = ""
    recalibrated_from: str = ""
    source: str = field(default="the latency table", compare=False)

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

    def predict_ms(self, keys: Iterable[str]) -> float:
        """The median latency of a network of these layers; ask :meth:`at` its resolution."""
        keys = list(keys)
        costs = sum(self.layer_cost_ms(key) for key in keys)
        return self.intercept_ms + costs + self.crowding.predict_ms(self.layers_ms, keys)

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

    def save(self, path: Path) -> None:
        """Write the table whole or not at all; :class:`InputError` where that cannot be done."""
        content = {
            "device_spec": self.spec.to_dict(),
            "architecture": self.architecture,
            "kit_id": self.kit_id,
            "created": self.created,
            "intercept_ms": self.intercept_ms,
            "costs_ms": self.costs_ms,
            "layers_ms": self.layers_ms,
            "resolutions": list(self.resolutions),
            "error": None if self.error is None else asdict(self.error),
            "residuals": list(self.residuals),
            "percentile_ratios": self.percentile_ratios,
            "conditions": [conditions.to_dict() for conditions in self.conditions],
            "networks": [_network_to_dict(network) for network in self.networks],
            "validation": None if self.validation is None else asdict(self.validation),
            "crowding": self.crowding.to_dict(),
            "reference_ms": self.reference_ms,
            "costs_at": {str(resolution): costs for resolution, costs in self.costs_at.items()},
            "origin": self.origin,
            "recalibrated_from": self.recalibrated_from,
        }
        write_json(Path(path), FORMAT, VERSION, content)

    @classmethod
    def load(cls, path: Path) -> LatencyTable:
        """Read what :meth:`save` wrote; :class:`FormatError` says which field is wrong or missing."""
        where = str(path)
        read = Fields(read_json(Path(path), FORMAT, VERSION), where)
        costs, layers = read.number_map("costs_ms"), read.number_map("layers_ms")
        if not costs or costs.keys() != layers.keys():
            raise read.wrong("costs_ms", "must name the layers of layers_ms, at least one; profile again")
        error = None if read.value("error") is None else _read_error(read.inner("error"))
        residuals = read.numbers("residuals", minimum=-1)
        if bool(residuals) != (error is not None):
            raise read.wrong(
                "residuals", "must hold at least one number, or none without an error; profile again"
            )
        architecture = read.value("architecture")
        if not isinstance(architecture, Mapping):
            raise read.wrong("architecture", "must be an object with named fields")
        return cls(
            spec=DeviceSpec.from_dict(read.value("device_spec"), f"{where}, device_spec"),
            architecture=dict(architecture),
            kit_id=read.text("kit_id"),
            created=read.text("created"),
            layers_ms=layers,
            costs_ms=costs,
            intercept_ms=read.number("intercept_ms", minimum=-float("inf")),
            resolutions=read.integers("resolutions", minimum=1),
            error=error,
            residuals=residuals,
            percentile_ratios=read.number_map("percentile_ratios"),
            conditions=tuple(
                Conditions.from_dict(entry, f"{where}, conditions[{i}]")
                for i, entry in enumerate(read.items("conditions"))
            ),
            networks=tuple(
                _read_network(Fields(entry, f"{where}, networks[{i}]"))
                for i, entry in enumerate(read.items("networks"))
            ),
            validation=None
            if read.data.get("validation") is None
            else _read_validation(read.inner("validation")),
            crowding=_read_crowding(read, costs),
            reference_ms=None if read.value("reference_ms") is None else read.number("reference_ms"),
            costs_at=_read_costs_at(read.inner("costs_at")) if "costs_at" in read.data else {},
            origin=read.text("origin") if "origin" in read.data else "",
            recalibrated_from=read.text("recalibrated_from") if "recalibrated_from" in read.data else "",
            source=where,
        )


def _read_crowding(read: Fields, costs: Mapping[str, float]) -> Crowding:
    crowding = Crowding.from_dict(read.value("crowding"), f"{read.where}, crowding")
    if crowding.per_byte and not costs.keys() <= crowding.weight_bytes.keys():
        raise read.wrong("crowding", "must have the weights of every layer of costs_ms; profile again")
    return crowding


def _read_costs_at(read: Fields) -> dict[int, dict[str, float]]:
    for resolution in read.data:
        if not (resolution.isascii() and resolution.isdigit()):
            raise read.wrong(resolution, "must be a resolution in pixels")
    return {int(resolution): read.number_map(resolution) for resolution in read.data}


def _network_to_dict(network: MeasuredNetwork) -> dict[str, Any]:
    return {**asdict(network), "layers": list(network.layers), "doubts": list(network.doubts)}


def _read_network(read: Fields) -> MeasuredNetwork:
    return MeasuredNetwork(read.text("label"), read.texts("layers"), read.number("ms"), read.texts("doubts"))


def _read_validation(read: Fields) -> Validation:
    entries = (
        Fields(entry, f"{read.where}, networks[{i}]") for i, entry in enumerate(read.items("networks"))
    )
    return Validation(
        error=_read_error(read.inner("error")),
        noise_rank_correlation=read.number("noise_rank_correlation", minimum=-1),
        bias=read.number("bias", minimum=-1),
        speed=read.number("speed"),
        coverage=read.number("coverage"),
        confidence=read.number("confidence"),
        seed=read.integer("seed"),
        when=read.text("when"),
        networks=tuple(
            HeldOut(
                entry.text("label"),
                entry.number("predicted_ms"),
                entry.number("first_ms"),
                entry.number("second_ms"),
            )
            for entry in entries
        ),
    )


def _read_error(read: Fields) -> ErrorSummary:
    return ErrorSummary(
        mape=read.number("mape"),
        within_5=read.number("within_5"),
        within_10=read.number("within_10"),
        rank_correlation=read.number("rank_correlation", minimum=-1),
        n=read.integer("n", minimum=1),
        noise_floor=read.number("noise_floor"),
    )
