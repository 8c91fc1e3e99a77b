"""How far a table's predictions are off on networks that it never saw.

Run: python -m benchmarks.table_accuracy [--arch A] [--resolutions R,R] [--mode quick] [--networks 60] [--threads 1]
Profiles this machine, then measures random subnets that were not in the kit; the noise floor is how far two sessions
of one network lie apart in that same run.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from compofa_deploy.architecture import Architecture, find_architecture
from compofa_deploy.cache import Cache
from compofa_deploy.graph.network import build_network
from compofa_deploy.graph.random_weights import draw_weights
from compofa_deploy.kit import build_reference, choose_networks
from compofa_deploy.profile import PLANS, profile
from compofa_deploy.space import list_layers, sample_compound
from compofa_deploy.subnet import Subnet
from latency_tables.build import measure_noise, summarise_error
from profilers.registry import find_runtime
from profilers.runner import measure_models

CONFIDENCE = 0.9


def draw_held_out(architecture: Architecture, resolutions: list[int], count: int) -> list[Subnet]:
    """Random subnets, none of which calibrates the table."""
    rng = np.random.default_rng(1)
    seen = set(choose_networks(resolutions))
    held_out: list[Subnet] = []
    while len(held_out) < count:
        subnet = sample_compound(rng, int(rng.choice(resolutions)))
        if subnet not in seen:
            seen.add(subnet)
            held_out.append(subnet)
    return held_out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", default="mbv3-w0.75-cifar10")
    parser.add_argument("--resolutions", default="")
    parser.add_argument("--mode", choices=sorted(PLANS), default="quick")
    parser.add_argument("--networks", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    architecture = find_architecture(given.arch)
    resolutions = [int(r) for r in given.resolutions.split(",") if r] or list(architecture.resolutions)
    spec = find_runtime("onnxruntime").spec(threads=given.threads)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        table = profile(architecture, spec, resolutions, Cache(Path(folder)), given.mode)
        profile_s = time.perf_counter() - started
    held_out = draw_held_out(architecture, resolutions, given.networks)
    models = {}
    for subnet in held_out:
        layers = list_layers(architecture, subnet)
        models[subnet.id] = build_network(layers, draw_weights(layers, np.random.default_rng(0)))
    measurements = measure_models(models, build_reference(architecture, 1), spec, PLANS[given.mode]())
    predicted = np.array(
        [table.predict_ms(layer.key for layer in list_layers(architecture, subnet)) for subnet in held_out]
    )
    measured = np.array([measurement.latency_ms for measurement in measurements])
    error = summarise_error(predicted, measured, measure_noise(measurements))
    covered = float((np.abs(measured / predicted - 1) <= table.margin(CONFIDENCE)).mean())
    print(f"{architecture.name} at {resolutions}, {spec.describe()}")
    print(
        f"{given.mode} table: {len(table.costs_ms)} layers, {len(table.networks)} networks, {profile_s:.0f} s"
    )
    print(f"{'held-out networks':<34}{error.n:>10d}")
    print(f"{'latencies':<34}{measured.min():>7.3f} to {measured.max():.3f} ms")
    print(f"{'MAPE':<34}{error.mape:>10.2%}")
    print(f"{'bias (median of predicted/measured)':<34}{np.median(predicted / measured) - 1:>+9.2%}")
    print(f"{'within 5 %':<34}{error.within_5:>10.1%}")
    print(f"{'within 10 %':<34}{error.within_10:>10.1%}")
    print(f"{'rank correlation':<34}{error.rank_correlation:>10.4f}")
    print(f"{'90 % intervals hold':<34}{covered:>10.1%}")
    print(f"{'noise between sessions':<34}{error.noise_floor:>10.2%}")
    print(f"{'the table said, left one out':<34}{table.error.mape:>10.2%}")


if __name__ == "__main__":
    main()
