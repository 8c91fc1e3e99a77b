"""Error of several ways to predict a network's latency, all on the same data.

    python -m benchmarks.prediction_study [--arch A] [--resolutions R,R] [--runtime R] [--precision P] [--networks 60]
        [--sessions 5] [--save FILE] [--measured FILE]

One run measures every layer alone, the calibrating networks with their profiles, and random networks that no fit uses.
Each item has five fresh sessions, in an order that is shuffled anew for each round. Every way is fitted to the
calibrating networks and predicts the random ones. "left out" is its error for each calibrating network after a fit to
the others. --save keeps the measurements, and --measured fits them again. The same command goes on with a run that was
stopped.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from compofa_deploy.graph.form import choose_form
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import enumerate_compound
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.space.subnet import DEPTHS, Subnet
from compofa_deploy.tables.kit_builder import build_kit, build_network_kit
from latency_tables.build import (
    build_table,
    design_calibration,
    find_layers_ms,
)
from latency_tables.cache_contention import CacheContention
from latency_tables.design import LayerTerms
from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.fit import Array, Design, fit_costs
from latency_tables.item import Item
from latency_tables.machine import list_doubts
from latency_tables.measured_kit import MeasuredKit
from latency_tables.measurement import Measurement
from latency_tables.network_statistics import estimate_noise, measure_noise, summarise_error
from latency_tables.table import LatencyTable
from latency_tables.units import NS_PER_MS
from latency_tables.validation import ErrorSummary
from profilers.measuring.kit import write_kit
from profilers.measuring.plan import Plan
from profilers.measuring.runner import measure_kit
from profilers.runtimes.registry import find_runtime

SESSIONS = 5
SEED = 7
CONFIDENCE = 0.9
SETTING_SCALE = 0.3
"""Standard deviation of a normal prior: how much a stage's setting is expected to change a latency, relative to a
typical one."""

Predict = Callable[[Item], float]


@dataclass(frozen=True)
class Study:
    """The measurements of one run: layers ``alone``, and networks that calibrate or are held out."""

    measured: MeasuredKit
    alone: tuple[Measurement, ...]
    calibrating: tuple[Measurement, ...]
    held_out: tuple[Measurement, ...]

    @classmethod
    def sort(cls, measured: MeasuredKit) -> Study:
        """Sort the measurements of a run. A network of one layer is that layer alone, and only calibrating networks
        name their layers.
        """
        networks = [m for m in measured.measurements if len(m.item.layers) > 1]
        return cls(
            measured,
            tuple(
                replace(m, item=replace(m.item, kind="layer"))
                for m in measured.measurements
                if len(m.item.layers) == 1
            ),
            tuple(m for m in networks if m.item.layer_names),
            tuple(m for m in networks if not m.item.layer_names),
        )

    @property
    def alone_ms(self) -> dict[str, float]:
        """Return the latency of each layer alone."""
        return find_layers_ms(self.alone)

    def within_ms(self, networks: Sequence[Measurement]) -> dict[str, float]:
        """Return the latency of each layer within these networks, or alone if it is in none of them."""
        return find_layers_ms([*self._list_unseen(networks), *networks])

    def table(self, networks: Sequence[Measurement]) -> LatencyTable:
        """Return the table that the project builds of these networks."""
        return self._build([*self._list_unseen(networks), *networks])

    def table_of_alone(self, networks: Sequence[Measurement]) -> LatencyTable:
        """Return the table that the project builds where the runtime has no profiler."""
        blind = [
            replace(m, sessions=tuple(replace(session, layer_shares=()) for session in m.sessions))
            for m in networks
        ]
        return self._build([*self.alone, *blind])

    def _build(self, measurements: Sequence[Measurement]) -> LatencyTable:
        kit, layers = self.measured, [m.item for m in self.alone]
        return build_table(kit.spec, kit.architecture, kit.kit_id, layers, measurements, kit.conditions)

    def _list_unseen(self, networks: Sequence[Measurement]) -> list[Measurement]:
        seen = {
            key
            for m in networks
            if any(session.layer_shares for session in m.sessions)
            for key in m.item.layers
        }
        return [m for m in self.alone if m.item.layers[0] not in seen]


def predict_sum(layers_ms: Mapping[str, float]) -> Predict:
    """Predict the sum of the latencies of a network's layers."""
    return lambda item: sum(layers_ms[key] for key in item.layers)


def fit_affine(study: Study, networks: Sequence[Measurement]) -> Predict:
    """Predict by a slope and an intercept on that sum, fitted by least squares of relative errors."""
    add_up = predict_sum(study.alone_ms)
    measured = np.array([m.latency_ms for m in networks])
    columns = np.array([[add_up(m.item), 1.0] for m in networks]) / measured[:, None]
    slope, intercept = np.linalg.lstsq(columns, np.ones(len(networks)), rcond=None)[0]
    return lambda item: float(slope * add_up(item) + intercept)


def fit_ridge(
    study: Study,
    layers_ms: Mapping[str, float],
    networks: Sequence[Measurement],
    *,
    crowds: bool = False,
    by_layer: bool = True,
) -> Predict:
    """Predict as a table does, without cache contention, or without corrections of single layers."""
    sizes = {m.item.layers[0]: m.item.size_bytes for m in study.alone}
    sizes = {key: sizes[key] for key in layers_ms}
    runs = [Counter(m.item.layers) for m in networks]
    counts = np.array([[run[key] for key in layers_ms] for run in runs], np.float64)
    measured = np.array([m.latency_ms for m in networks])
    design = design_calibration(layers_ms, sizes, counts, measured, estimate_noise(networks))
    typical = LayerTerms.of_isolated(layers_ms, sizes).find_typical_bytes(counts)
    # A prior of no width leaves a coefficient at 0: contention's is the last, an intercept before it, then the layers'.
    scales = design.scales.copy()
    if not crowds:
        scales[-1] = 0
    if not by_layer:
        scales[-2 - len(layers_ms) : -2] = 0
    costs, (intercept, crowded) = fit_costs(replace(design, scales=scales))
    add_up = predict_sum(dict(zip(layers_ms, costs.tolist(), strict=True)))
    contention = CacheContention(float(crowded), typical, sizes)
    return lambda item: float(intercept) + add_up(item) + contention.predict_ms(layers_ms, item.layers)


def fit_settings(study: Study, networks: Sequence[Measurement]) -> Predict:
    """Predict from the depths of the stages alone, each with its own growth with the resolution."""
    measured = np.array([m.latency_ms for m in networks])
    middle = float(np.median([m.item.input_shape[-1] for m in networks]))
    settings = np.stack([encode_settings(m.item, middle) for m in networks])
    unit, count = float(np.median(measured)), settings.shape[1]
    design = Design(
        parts=np.empty((0, 0)),
        counts=np.empty((len(networks), 0)),
        whole=settings,
        measured=measured,
        prior=np.array([unit, *np.zeros(count - 1)]),
        scales=np.full(count, SETTING_SCALE * unit),
    )
    _, coefficients = fit_costs(design)
    return lambda item: float(encode_settings(item, middle) @ coefficients)


def encode_settings(item: Item, middle: float) -> Array:
    """Return the settings of a network (24,).

    The first eight are 1 and, for each stage and each depth but the least, whether it is chosen. They follow again
    times the relative number of pixels beyond the ``middle`` resolution, and again times the square of that.
    """
    subnet = Subnet.parse(item.label)
    chosen = [1.0, *(float(depth == choice) for depth in subnet.depths for choice in DEPTHS[1:])]
    more = (subnet.resolution / middle) ** 2 - 1
    return np.array([*chosen, *(more * part for part in chosen), more**2])


def _predict_by(table: LatencyTable) -> Predict:
    return lambda item: table.predict_ms(item.layers)


WAYS: dict[str, Callable[[Study, Sequence[Measurement]], Predict]] = {
    "layers alone, summed": lambda study, _: predict_sum(study.alone_ms),
    "  + slope and intercept": fit_affine,
    "  + ridge": lambda study, networks: fit_ridge(study, study.alone_ms, networks),
    "  + ridge + cache contention": lambda study, networks: _predict_by(study.table_of_alone(networks)),
    "layers within networks, summed": lambda study, networks: predict_sum(study.within_ms(networks)),
    "  + ridge, as prior": lambda study, networks: fit_ridge(study, study.within_ms(networks), networks),
    "  + ridge + cache contention, by stage": lambda study, networks: fit_ridge(
        study, study.within_ms(networks), networks, crowds=True, by_layer=False
    ),
    "  + ridge + cache contention: a table": lambda study, networks: _predict_by(study.table(networks)),
    "settings of stages alone": fit_settings,
}


def measure(
    architecture: Architecture,
    spec: DeviceSpec,
    resolutions: Sequence[int],
    count: int,
    plan: Plan,
    journal: Path | None,
) -> MeasuredKit:
    """Measure everything in one run, as one kit; with a journal, a stopped run goes on."""
    form = choose_form(spec.runtime, spec.precision)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kit = build_kit(architecture, resolutions, spec.batch, folder / "table", form)
        used = {item.label for item in kit.items}
        every = [subnet for resolution in resolutions for subnet in enumerate_compound(resolution)]
        unused = [subnet for subnet in every if subnet.id not in used]
        picked = np.random.default_rng(SEED).choice(len(unused), count, replace=False)
        others = build_network_kit(
            architecture, [unused[i] for i in picked], resolutions, spec.batch, folder / "others", form
        )
        models = [
            (_as_network(item), part.read(item))
            for part, items in ((kit, kit.items), (others, others.measured))
            for item in items
        ]
        both = write_kit(folder / "both", architecture.to_dict(), models)
        return measure_kit(both, spec, journal, plan)


def _as_network(item: Item) -> Item:
    """Return a layer as a network of one layer, since a run with a profiler measures no layers alone."""
    return replace(item, kind="network") if item.kind == "layer" else item


def leave_out(study: Study, way: Callable[[Study, Sequence[Measurement]], Predict]) -> Array:
    """Return the predictions (n,) of a way for each calibrating network, fitted to all the others."""
    networks = study.calibrating
    return np.array([way(study, [*networks[:i], *networks[i + 1 :]])(m.item) for i, m in enumerate(networks)])


def measure_halves(measurements: Sequence[Measurement]) -> tuple[Array, Array]:
    """Return the latencies (n,) by every other session, and by the sessions between them."""
    first, second = (
        np.array([m.take(slice(start, None, 2)).latency_ms for m in measurements]) for start in (0, 1)
    )
    return first, second


def compare_calls(measurements: Sequence[Measurement]) -> float:
    """Return the mean relative distance between the medians of every other call of a session and of the calls between
    them."""
    sessions = [samples for m in measurements for samples in m.sessions_ms()]
    return float(np.mean([abs(np.median(s[::2]) / np.median(s[1::2]) - 1) for s in sessions]))


def print_ways(study: Study) -> None:
    """Print the table: one row for each way, and the noise."""
    calibrating, measured = (
        np.array([m.latency_ms for m in networks]) for networks in (study.calibrating, study.held_out)
    )
    print(f"{'':<32}{'MAPE':>8}{'in 5 %':>8}{'worst':>8}{'rank':>8}{'left out':>10}")
    for name, way in WAYS.items():
        predict = way(study, study.calibrating)
        predicted = np.array([predict(m.item) for m in study.held_out])
        left_out = np.mean(np.abs(leave_out(study, way) / calibrating - 1))
        print(_format_row(name, predicted, measured) + f"{left_out:>10.2%}")
    print(_format_row("sessions, one half by the other", *measure_halves(study.held_out)))


def _format_row(name: str, predicted: Array, measured: Array) -> str:
    error: ErrorSummary = summarise_error(predicted, measured, 0.0)
    worst = float(np.max(np.abs(predicted / measured - 1)))
    return f"{name:<32}{error.mape:>8.2%}{error.within_5:>8.0%}{worst:>8.1%}{error.rank_correlation:>8.4f}"


def print_run(study: Study) -> None:
    """Print the state of the machine during the run, and the error that the table states."""
    networks = [*study.calibrating, *study.held_out]
    # As if the reference had never moved.
    plain = [replace(m, references_ns=(m.reference_ms * NS_PER_MS,) * len(m.sessions)) for m in networks]
    moved = np.array([r for m in networks for r in m.references_ns]) / (networks[0].reference_ms * NS_PER_MS)
    low, high = np.quantile(moved, [0.05, 0.95]) - 1
    table = study.table(study.calibrating)
    contention = table.cache_contention
    margin, error = table.margin(CONFIDENCE), table.error
    inside = [abs(m.latency_ms / table.predict_ms(m.item.layers) - 1) <= margin for m in study.held_out]
    disturbed = list_doubts(study.measured.conditions, study.measured.spec.threads)
    lines = {
        "two sessions of one network": f"{measure_noise(networks):.2%} apart; not scaled by the reference, "
        f"{measure_noise(plain):.2%}",
        "two halves of a session's calls": f"{compare_calls(networks):.2%} apart",
        "the reference": f"{low:+.1%} to {high:+.1%} of its median, in nine sessions of ten",
        "the run": "; ".join(disturbed) or "not disturbed by what the machine tells of itself",
        "networks in doubt": f"{sum(not m.trusted for m in networks)} of {len(networks)}",
        "the table's own word": "" if error is None else f"{error.mape:.2%} off on networks left out",
        f"its {CONFIDENCE:.0%} interval": f"+-{margin:.2%}, with {np.mean(inside):.0%} of the held-out ones inside",
        "its contention": f"{contention.per_byte * contention.typical_bytes:+.1%} of the layers' time for "
        "twice the weights of a typical network",
    }
    for word, value in lines.items():
        print(f"{word:<32}{value}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", default="mbv3-w0.75-cifar10")
    parser.add_argument("--resolutions", default="")
    parser.add_argument("--runtime", default="onnxruntime")
    parser.add_argument("--precision", default="")
    parser.add_argument("--networks", type=int, default=60)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--measured", type=Path)
    given = parser.parse_args()
    journal = given.save and Path(f"{given.save}.journal")
    if given.measured is None:
        architecture = find_architecture(given.arch)
        resolutions = [int(r) for r in given.resolutions.split(",") if r] or list(architecture.resolutions)
        spec = find_runtime(given.runtime).spec(DeviceRequest(given.runtime, precision=given.precision))
        plan = replace(Plan.full(), network_sessions=given.sessions)
        measured = measure(architecture, spec, resolutions, given.networks, plan, journal)
    else:
        measured = MeasuredKit.load(given.measured)
    if given.save is not None:
        measured.save(given.save)
        journal.unlink(missing_ok=True)
    study = Study.sort(measured)
    resolutions = sorted({m.item.input_shape[-1] for m in study.calibrating})
    print(f"{measured.architecture['name']} at {resolutions}, {measured.spec.describe()}")
    print(f"{len(study.alone)} layers, {len(study.calibrating)} networks in the fits, "
          f"{len(study.held_out)} in none")  # fmt: skip
    print_ways(study)
    print_run(study)


if __name__ == "__main__":
    main()
