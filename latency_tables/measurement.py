"""Measurements: what was run, and what was observed; raw samples are kept, and everything else derived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from latency_tables.errors import FormatError
from latency_tables.field_rule import rule
from latency_tables.record import Record
from latency_tables.units import NS_PER_MS

Array = NDArray[np.float64]

ITEM_KINDS = ("layer", "network", "reference")
SAMPLES = rule(minimum=1, entries=1, advice="measure again")

BOOTSTRAP_REPLICATES = 400
QUIET_PERCENT = 20
"""The percentile of a session's calls that sessions are compared by. Where a neighbour takes the caches and half of the
core for a while, the median moves with how often that happened, which differs from one session to the next; the calls
that were left alone hardly do (docs/measurement.md has the figures). The lowest of all are too few to stand on."""
MAX_SESSION_SPREAD = 0.10
"""Sessions of which the middle half reaches further, relative to the median, are not to be trusted."""
MAX_REFERENCE_SHIFT = 0.15
"""Nor is a visit during which the reference's level moved by more."""
MAX_DISTURBED_SHARE = 0.25
"""Of an item's visits; the median over sessions stands above one that was disturbed in ten."""
MIN_TRUSTED_SESSIONS = 2


@dataclass(frozen=True)
class Item(Record):
    """What is asked to be measured: a model file in a kit.

    ``layers`` are the keys of the layers it runs, in order; ``label`` is the subnet's id for a network.
    ``input_shape`` is empty where the model itself says it. ``weights_file`` and its hash are empty unless the
    model's format keeps its weights apart. ``size_bytes`` is that of both files: nearly all weights. ``layer_names``
    are what the layers are called within the model, for networks whose time is to be divided over them.
    """

    id: str
    kind: str = field(metadata=rule(choices=ITEM_KINDS))
    file: str
    sha256: str
    input_shape: tuple[int, ...] = field(metadata=rule(minimum=1))
    layers: tuple[str, ...]
    label: str
    size_bytes: int = field(metadata=rule(minimum=1))
    weights_file: str = ""
    weights_sha256: str = ""
    layer_names: tuple[str, ...] = ()

    def check_fields(self, where: str) -> None:
        """:class:`FormatError` unless every layer has a name, or none has."""
        if self.layer_names and len(self.layer_names) != len(self.layers):
            raise FormatError(f"{where}, layer_names: must name every layer, or none")


@dataclass(frozen=True)
class Visit(Record):
    """One fresh session of an item: its calls, and the reference's just before and after, in ns.

    ``flags`` say what went wrong with the clock or the device while sampling. ``when`` is ISO 8601 in UTC.
    ``layer_shares`` are the parts of a network's time that its layers take, in order, where they were looked at.
    """

    item: str
    session: int
    samples_ns: tuple[int, ...] = field(metadata=SAMPLES)
    reference_before_ns: tuple[int, ...] = field(metadata=SAMPLES)
    reference_after_ns: tuple[int, ...] = field(metadata=SAMPLES)
    warm_up_calls: int
    steady: bool
    flags: tuple[str, ...]
    when: str
    layer_shares: tuple[float, ...] = ()

    @property
    def quiet_ns(self) -> float:
        """The level of its calls, by those that were left alone."""
        return find_quiet(self.samples_ns)

    @property
    def swell(self) -> float:
        """How much longer its median call took than those that were left alone, as a ratio."""
        return float(np.median(self.samples_ns)) / self.quiet_ns

    @property
    def reference_ns(self) -> float:
        """The reference's level at the time of this visit: the mean of before and after, which a drift that is linear
        over the visit leaves right."""
        return (find_quiet(self.reference_before_ns) + find_quiet(self.reference_after_ns)) / 2

    @property
    def reference_shift(self) -> float:
        """How far the reference moved during the visit, relative to its mean."""
        shift = find_quiet(self.reference_after_ns) - find_quiet(self.reference_before_ns)
        return abs(shift) / self.reference_ns


@dataclass(frozen=True)
class Measurement:
    """An item with its visits. ``reference_ms`` is the reference's level over the whole run, to which every visit is
    scaled, so that a machine that drifts gives the same latencies throughout. ``references_ns`` are the reference's
    levels at the visits, as :mod:`latency_tables.drift` knows them; without them, each visit's own looks count.
    ``swell`` is how much longer the median call took in this run than those that were left alone."""

    item: Item
    visits: tuple[Visit, ...]
    reference_ms: float
    references_ns: tuple[float, ...] = ()
    swell: float = 1.0

    def __post_init__(self) -> None:
        if not self.references_ns:
            object.__setattr__(self, "references_ns", tuple(visit.reference_ns for visit in self.visits))

    def sessions_ms(self) -> list[Array]:
        """Each session's samples in ms, drift-normalised: sample / local reference x overall reference."""
        return [
            np.asarray(visit.samples_ns, np.float64) / reference * self.reference_ms
            for visit, reference in zip(self.visits, self.references_ns)
        ]

    def take(self, sessions: slice) -> Measurement:
        """The measurement as some of its sessions alone would have it."""
        return replace(self, visits=self.visits[sessions], references_ns=self.references_ns[sessions])

    def samples_ms(self) -> Array:
        """All sessions' drift-normalised samples in ms, one behind the other."""
        return np.concatenate(self.sessions_ms())

    @property
    def latency_ms(self) -> float:
        """What the median call takes: the median over :attr:`session_levels_ms`, so that one session's placement in
        memory, or one that was disturbed, does not move it, and a session of more samples weighs no more."""
        return float(np.median(self.session_levels_ms))

    @property
    def session_levels_ms(self) -> tuple[float, ...]:
        """What each session says of the median call, drift-normalised: the level of its quiet calls, times what the
        median call of the whole run took longer than these. Its own median would say the same with more noise."""
        return tuple(find_quiet(samples) * self.swell for samples in self.sessions_ms())

    def session_percentile_ms(self, percent: float) -> float:
        """The median over sessions of a percentile (0 to 100) of the calls, drift-normalised, each by its own calls
        alone: what was observed, for the few items that were measured long enough."""
        return float(np.median([np.percentile(samples, percent) for samples in self.sessions_ms()]))

    def layers_ms(self) -> Array:
        """What each layer takes within the network (layers,), on average over the sessions that looked; empty where
        none did. :class:`FormatError` where a session's shares are not one for each layer."""
        looked = [visit.layer_shares for visit in self.visits if visit.layer_shares]
        if any(len(shares) != len(self.item.layers) for shares in looked):
            raise FormatError(
                f"item {self.item.id}: has shares for other layers than its own; measure it anew"
            )
        return np.mean(looked, axis=0) * self.latency_ms if looked else np.empty(0)

    @property
    def raw_median_ms(self) -> float:
        """The median of all samples as they were observed."""
        return float(np.median(np.concatenate([visit.samples_ns for visit in self.visits]))) / NS_PER_MS

    @property
    def mad_ms(self) -> float:
        """The median absolute deviation of the drift-normalised samples, not scaled."""
        samples = self.samples_ms()
        return float(np.median(np.abs(samples - np.median(samples))))

    def percentile(self, percent: float) -> float:
        """A percentile (0 to 100) of the drift-normalised samples, in ms."""
        return float(np.percentile(self.samples_ms(), percent))

    def interval(
        self, confidence: float, rng: np.random.Generator, percent: float = 50
    ) -> tuple[float, float]:
        """A bootstrap interval of :meth:`session_percentile_ms`: sessions are drawn anew, then samples within
        each, since samples of one session are alike (Davison and Hinkley, Bootstrap Methods, section 3.8)."""
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
        """How far the middle half of the sessions' levels reaches, relative to the latency."""
        low, high = np.percentile(self.session_levels_ms, [25, 75])
        return float(high - low) / self.latency_ms

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the latency should not be trusted; empty where it may be."""
        found = []
        if len(self.visits) < MIN_TRUSTED_SESSIONS:
            found.append(f"measured in {len(self.visits)} session only")
        if self._is_often([not visit.steady for visit in self.visits]):
            found.append("did not settle before it was sampled")
        if self.session_spread > MAX_SESSION_SPREAD:
            found.append(f"sessions differ by {self.session_spread:.0%}")
        shifts = np.array([visit.reference_shift for visit in self.visits])
        if self._is_often(shifts > MAX_REFERENCE_SHIFT):
            found.append(f"the machine's speed changed by {shifts.max():.0%} meanwhile")
        return (*found, *sorted({flag for visit in self.visits for flag in visit.flags}))

    def _is_often(self, disturbed: Sequence[bool] | NDArray[np.bool_]) -> bool:
        """Whether so many visits were disturbed that the median over them is not beyond it."""
        return float(np.mean(disturbed)) > MAX_DISTURBED_SHARE

    @property
    def trusted(self) -> bool:
        """Whether there is no doubt."""
        return not self.doubts


def find_quiet(samples: Sequence[float] | Array) -> float:
    """The level of calls (n,), by those that were left alone."""
    return float(np.percentile(samples, QUIET_PERCENT))
