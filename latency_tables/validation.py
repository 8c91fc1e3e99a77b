"""Validations: how wrong a table's predictions were for networks that it was not fitted to."""

from __future__ import annotations

from dataclasses import dataclass, field

from latency_tables.field_rule import rule
from latency_tables.record import Record


@dataclass(frozen=True)
class ErrorSummary(Record):
    """The errors of predictions for networks that were left out of the fit.

    Attributes:
        mape: The mean absolute error, relative to the measured latency, as a fraction.
        within_5: The share of networks that are at most 5 % off, as a fraction.
        within_10: The share of networks that are at most 10 % off, as a fraction.
        rank_correlation: Spearman's rank correlation of predictions and measured latencies.
        n: The number of networks.
        noise_floor: The mean relative distance of two sessions of one network.
    """

    mape: float
    within_5: float
    within_10: float
    rank_correlation: float = field(metadata=rule(minimum=-1))
    n: int = field(metadata=rule(minimum=1))
    noise_floor: float


@dataclass(frozen=True)
class HeldOut(Record):
    """A network that no fit has used.

    Attributes:
        label: The subnet's id.
        predicted_ms: The predicted latency.
        first_ms: The first measured latency.
        second_ms: The second measured latency.
    """

    label: str
    predicted_ms: float
    first_ms: float
    second_ms: float


@dataclass(frozen=True)
class Validation(Record):
    """The errors of a table for random networks that were measured after the table was built.

    Attributes:
        error: The errors against the first measurement of each network. Its ``noise_floor`` is the mean relative
            distance of the second measurement from the first.
        noise_rank_correlation: The rank correlation of the two measurements, a ceiling for that of predictions.
        bias: The median of predicted / measured - 1.
        speed: The latency of networks of the fit, measured again, relative to their latency in the table. Measured
            latencies are divided by it.
        coverage: The share of networks whose latency lay in its interval.
        confidence: The confidence of the intervals.
        seed: The seed that drew the networks.
        when: The time of the validation: ISO 8601, in UTC.
        networks: The networks.
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
