"""Time that the timer adds to a latency, relative to the shortest block that is ever timed.

    python -m benchmarks.timer_overhead [--sessions 5]

Every call is timed between two readings of the clock. The timer's own cost is the time of a call that does nothing; it
is the same for every call. The benchmark compares it with the shortest block (an inverted residual) of the supernet
that ships, run alone on one thread, and with the shortest network. Tables are made by timing networks, and by timing
layers alone where a runtime has no profiler. The exit code is 1 if the timer adds 1 % of the shortest block or more.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from compofa_deploy.deploy.device_choice import DeviceChoice, list_specs
from compofa_deploy.graph.form import choose_form
from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.tables.kit_builder import build_kit
from latency_tables.device import DeviceSpec
from latency_tables.item import Item
from latency_tables.units import NS_PER_MS
from profilers.machine.clock import now_ns
from profilers.measuring.kit import Kit
from profilers.measuring.timing import sample, warm_up
from profilers.runtimes.registry import find_runtime
from profilers.runtimes.session import Array, Session
from profilers.targets.local import LocalDevice

BAR = 0.01
NS_PER_US = 1_000
ARCHITECTURE = "mbv3-w0.75-cifar10"
RESOLUTION = 24


class Idle(Session):
    """A session that does nothing."""

    def __init__(self) -> None:
        super().__init__("idle", (), ())

    def run_impl(self, feeds: dict[str, Array]) -> dict[str, Array]:
        return {}

    def bind_impl(self, feeds: dict[str, Array]) -> Callable[[], object]:
        return do_nothing

    def close_impl(self) -> None:
        pass


def do_nothing() -> None:
    """The bound call of a session that has nothing to do."""


def draw_feeds(session: Session) -> dict[str, Array]:
    """Return random inputs of a model whose sizes are all fixed."""
    rng = np.random.default_rng(0)
    shapes = {port: [size or 1 for size in port.shape] for port in session.inputs}
    return {port.name: rng.standard_normal(shape).astype(port.dtype) for port, shape in shapes.items()}


def time_session(open_session: Callable[[], Session], sessions: int) -> float:
    """Return the median call in ns over the given number of fresh sessions."""
    medians = []
    for _ in range(sessions):
        with open_session() as session:
            session.bind(draw_feeds(session))
            warm_up(session.bound, now_ns)
            samples = sample(session.bound, now_ns, min_calls=200, min_ms=20.0, max_calls=10**5, max_ms=1e3)
            medians.append(statistics.median(samples.ns))
    return statistics.median(medians)


def time_item(kit: Kit, item: Item, spec: DeviceSpec, sessions: int) -> float:
    """Return the median call in ns of a model of a kit, over the given number of fresh sessions."""
    model = kit.path(item).read_bytes()
    return time_session(lambda: find_runtime(spec.runtime).open(model, spec), sessions)


def find_shortest(kit: Kit, items: list[Item], spec: DeviceSpec, sessions: int) -> tuple[str, float]:
    """Return the fastest item by one session, and its median call in ns by the given number of sessions."""
    first = {item.id: time_item(kit, item, spec, 1) for item in items}
    shortest = min(items, key=lambda item: first[item.id])
    return shortest.label, time_item(kit, shortest, spec, sessions)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=5, help="fresh sessions of each model")
    sessions = parser.parse_args().sessions
    overhead = time_session(Idle, sessions)
    print(f"the timer adds {overhead:.0f} ns to a call; {ARCHITECTURE} at {RESOLUTION} px, one thread")
    print(f"{'device spec':32} {'shortest block':>15} {'adds':>7}  {'shortest network':>17} {'adds':>7}")
    kept = True
    for spec in list_specs(DeviceChoice(threads=1), LocalDevice(Path()))[0]:
        with tempfile.TemporaryDirectory(prefix="compofa-kit-") as folder:
            form = choose_form(spec.runtime, spec.precision)
            kit = build_kit(
                find_architecture(ARCHITECTURE), (RESOLUTION,), spec.batch, Path(folder) / "kit", form
            )
            blocks = [
                item for item in kit.measured if item.kind == "layer" and item.label.startswith("mbconv")
            ]
            networks = [item for item in kit.measured if item.kind == "network"]
            block, block_ns = find_shortest(kit, blocks, spec, sessions)
            network, network_ns = find_shortest(kit, networks, spec, sessions)
        kept &= overhead < BAR * block_ns
        print(
            f"{spec.describe_settings():32} {block_ns / NS_PER_US:12.1f} us {overhead / block_ns:7.2%}  "
            f"{network_ns / NS_PER_MS:14.3f} ms {overhead / network_ns:7.3%}   {block}, {network}",
            flush=True,
        )
    print(f"bar: under {BAR:.0%} of the shortest block: {'kept' if kept else 'BROKEN'}")
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
