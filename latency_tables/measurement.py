"""Measurements: an item with its measured sessions, and the statistics that are derived from their samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from latency_tables.errors import FormatError
from latency_tables.item import Item
from latency_tables.measured_session import MeasuredSession, find_p20
from latency_tables.units import NS_PER_MS

Array = NDArray[np.float64]

BOOTSTRAP_REPLICATES = 400
MAX_SESSION_SPREAD = 0.10
"""The largest interquartile range of the sessions' latencies, relative to their median, of a trusted measurement."""
MAX_REFERENCE_SHIFT = 0.15
"""The largest change of the reference during a session, relative, that does not make the session a disturbed one."""
MAX_DISTURBED_SHARE = 0.25
"""The largest share of disturbed sessions. The median over sessions withstands one disturbed session in ten."""
MIN_TRUSTED_SESSIONS = 2


@dataclass(frozen=True)
class Measurement:
    """An item with its sessions.

    Every session is scaled by the reference, so that a machine that drifts gives the same latencies throughout.

    Attributes:
        item: The item.
        sessions: The measured sessions, n of them.
        reference_ms: The reference's latency over the whole run, to which every session is scaled.
        references_ns: The reference's latency at each session (n,), as :mod:`latency_tables.drift` estimates it. Where
            it is not given, each session's own reference timings are used.
        median_to_p20_ratio: The median call divided by the 20th percentile, over the whole run.
    """

    item: Item
    sessions: tuple[MeasuredSession, ...]
    reference_ms: float
    references_ns: tuple[float, ...] = ()
    median_to_p20_ratio: float = 1.0

    def __post_init__(self) -> None:
        if not self.references_ns:
            own = tuple(session.reference_ns for session in self.sessions)
            object.__setattr__(self, "references_ns", own)

    def sessions_ms(self) -> list[Array]:
        """The samples of each session in ms, corrected for drift.

        A sample is divided by the reference's latency at its session, and multiplied by that of the whole run.
        """
        return [
            np.asarray(session.samples_ns, np.float64) / reference * self.reference_ms
            for session, reference in zip(self.sessions, self.references_ns)
        ]

    def take(self, sessions: slice) -> Measurement:
        """The measurement of some of its sessions alone."""
        return replace(self, sessions=self.sessions[sessions], references_ns=self.references_ns[sessions])

    def samples_ms(self) -> Array:
        """The samples of all sessions in ms, corrected for drift, one session after the other."""
        return np.concatenate(self.sessions_ms())

    @property
    def latency_ms(self) -> float:
        """The latency of the median call: the median over :attr:`session_levels_ms`.

        One session that was disturbed, or whose memory was placed badly, does not move it. A session of more samples
        weighs no more than another.
        """
        return float(np.median(self.session_levels_ms))

    @property
    def session_levels_ms(self) -> tuple[float, ...]:
        """Each session's estimate of the median call in ms, corrected for drift.

        It is the session's 20th percentile times the run's ratio of the median to it. The session's own median
        estimates the same quantity with more noise.
        """
        return tuple(find_p20(samples) * self.median_to_p20_ratio for samples in self.sessions_ms())

    def session_percentile_ms(self, percent: float) -> float:
        """The median over sessions of each session's own percentile (0 to 100) of the calls, corrected for drift."""
        return float(np.median([np.percentile(samples, percent) for samples in self.sessions_ms()]))

    def layers_ms(self) -> Array:
        """Each layer's latency within the network in ms (layers,), as the mean over the sessions that tell it.

        Returns:
            An empty array where no session tells it.

        Raises:
            FormatError: A session has shares for another number of layers than the item has.
        """
        shares = [session.layer_shares for session in self.sessions if session.layer_shares]
        if any(len(own) != len(self.item.layers) for own in shares):
            raise FormatError(
                f"item {self.item.id}: has shares for other layers than its own; measure it anew"
            )
        return np.mean(shares, axis=0) * self.latency_ms if shares else np.empty(0)

    @property
    def raw_median_ms(self) -> float:
        """The median of all samples in ms, without a correction for drift."""
        return float(np.median(np.concatenate([own.samples_ns for own in self.sessions]))) / NS_PER_MS

    @property
    def mad_ms(self) -> float:
        """The median absolute deviation of the samples in ms, corrected for drift and not scaled."""
        samples = self.samples_ms()
        return float(np.median(np.abs(samples - np.median(samples))))

    def percentile(self, percent: float) -> float:
        """A percentile (0 to 100) of all samples in ms, corrected for drift."""
        return float(np.percentile(self.samples_ms(), percent))

    def interval(
        self, confidence: float, rng: np.random.Generator, percent: float = 50
    ) -> tuple[float, float]:
        """A bootstrap interval of :meth:`session_percentile_ms`.

        Sessions are drawn anew, then samples within each session, since samples of one session are alike (Davison and
        Hinkley, Bootstrap Methods, section 3.8).

        Args:
            confidence: The interval's confidence, between 0 and 1.
            rng: Draws the replicates.
            percent: The percentile, 0 to 100.

        Returns:
            The lower and the upper end in ms.
        """
        sessions = self.sessions_ms()
        count = len(sessions)
        drawn = [s[rng.integers(0, len(s), (BOOTSTRAP_REPLICATES, len(s)))] for s in sessions]
        medians = np.stack([np.percentile(samples, percent, axis=1) for samples in drawn])
        chosen = rng.integers(0, count, (count, BOOTSTRAP_REPLICATES))
        replicates = np.median(np.take_along_axis(medians, chosen, axis=0), axis=0)
        tail = (1 - confidence) / 2
        low, high = np.quantile(replicates, [tail, 1 - tail])
        return float(low), float(high)

    @property
    def session_spread(self) -> float:
        """The interquartile range of the sessions' latencies, relative to the latency."""
        low, high = np.percentile(self.session_levels_ms, [25, 75])
        return float(high - low) / self.latency_ms

    @property
    def doubts(self) -> tuple[str, ...]:
        """The reasons not to trust the latency; empty where there is none."""
        found = []
        if len(self.sessions) < MIN_TRUSTED_SESSIONS:
            found.append(f"measured in {len(self.sessions)} session only")
        if self._is_often([not session.steady for session in self.sessions]):
            found.append("did not settle before it was sampled")
        if self.session_spread > MAX_SESSION_SPREAD:
            found.append(f"sessions differ by {self.session_spread:.0%}")
        shifts = np.array([session.reference_shift for session in self.sessions])
        if self._is_often(shifts > MAX_REFERENCE_SHIFT):
            found.append(f"the machine's speed changed by {shifts.max():.0%} meanwhile")
        return (*found, *sorted({flag for session in self.sessions for flag in session.flags}))

    def _is_often(self, disturbed: Sequence[bool] | NDArray[np.bool_]) -> bool:
        """Whether more sessions were disturbed than the median over sessions withstands."""
        return float(np.mean(disturbed)) > MAX_DISTURBED_SHARE

    @property
    def trusted(self) -> bool:
        """Whether there is no doubt."""
        return not self.doubts
