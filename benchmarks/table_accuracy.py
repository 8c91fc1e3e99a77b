"""How far a table's predictions are off on networks that it never saw.

Run: python -m benchmarks.table_accuracy [--arch A] [--resolutions R,R] [--runtime R] [--precision P] [--mode quick]
     [--networks 60] [--threads 1]
Profiles this machine, then measures random subnets that were not in the kit, each twice; how far the two lie apart is
the noise floor of that same run.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from compofa_deploy.architecture import find_architecture
from compofa_deploy.cache import Cache
from compofa_deploy.cli.tables import list_validation
from compofa_deploy.profile import PLANS, profile
from compofa_deploy.validate import validate
from profilers.registry import find_runtime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", default="mbv3-w0.75-cifar10")
    parser.add_argument("--resolutions", default="")
    parser.add_argument("--runtime", default="onnxruntime")
    parser.add_argument("--precision", default="")
    parser.add_argument("--mode", choices=sorted(PLANS), default="quick")
    parser.add_argument("--networks", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    architecture = find_architecture(given.arch)
    resolutions = [int(r) for r in given.resolutions.split(",") if r] or list(architecture.resolutions)
    spec = find_runtime(given.runtime).spec(precision=given.precision, threads=given.threads)
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder))
        started = time.perf_counter()
        table = profile(architecture, spec, resolutions, cache, given.mode)
        profiled = time.perf_counter()
        table = validate(table, cache, given.networks, mode=given.mode)
        validated = time.perf_counter()
    print(f"{architecture.name} at {resolutions}, {spec.describe()}")
    print(
        f"{given.mode} table: {len(table.costs_ms)} layers, {len(table.networks)} networks, "
        f"{profiled - started:.0f} s; validated in {validated - profiled:.0f} s"
    )
    for word, value in list_validation(table):
        print(f"{word:<24}{value}")
    print(f"{'left one out':<24}{table.describe_error()}")


if __name__ == "__main__":
    main()
