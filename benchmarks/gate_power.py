"""How often ``compofa bench compare`` is right: on equal models, on slower models, and under disturbances.

    python -m benchmarks.gate_power [--equal 10] [--slower 3:10 10:5] [--disturbed 3] [--raw gate_power.jsonl]

Every comparison is a call of the command line with two bundles on disk, as in a CI job. A slower model has wider last
layers. A trial first finds how many channels make it slower by the given percentage on this machine. There are three
disturbances of equal models: the measuring process is stopped for a second; another process computes half of the time;
a control group cuts the measuring process to 59 % of a core at some moment, like a throttled clock. With --raw,
finished comparisons are kept in a file, and the same command goes on from there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import NormalDist, median
from typing import Any

import numpy as np

from benchmarks.disturbances import KINDS, disturb
from compofa_deploy.bench.compare_models import iterate_blocks, read_blocks
from compofa_deploy.bundle.bundle import describe_file, encode_reference
from compofa_deploy.bundle.bundle_writer import write_bundle
from compofa_deploy.export.export import Exported, draw_reference_images, export
from compofa_deploy.graph.network import build_network
from compofa_deploy.graph.random_weights import draw_weights
from compofa_deploy.graph.reference import run_reference
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet, load_supernet
from latency_tables.device import DeviceSpec
from latency_tables.units import NS_PER_S
from profilers.machine.clock import now_ns
from profilers.measuring.model_files import ModelFiles
from profilers.runtimes.registry import find_runtime
from profilers.targets.device import TimedModel
from profilers.targets.local import LocalDevice

SUBNET = "44444@32"
"""This subnet takes 1 to 3 ms on one thread of a recent CPU."""
EQUAL = "equal"
STEP = 16
"""Number of channels; the runtime computes in blocks of this size."""
TRIAL_CHANNELS = 960
TRIAL_BLOCKS = 40
CONFIDENCE = 0.95
VERDICTS = ("same", "faster", "slower", "could not tell")
COLUMNS = "{:<20}{:>6}{:>7}{:>8}{:>8}{:>10}  {:<28}{:>9}{:>9}{:>9}"

Result = dict[str, Any]


def make_bundle(supernet: StoredSupernet, spec: DeviceSpec, extra: int) -> Exported:
    """Return the subnet with more channels between its last two convolutions, and a reference that fits it."""
    subnet = Subnet.parse(SUBNET)
    exported = export(supernet, subnet, spec, command="python -m benchmarks.gate_power")
    layers, weights = list(supernet.layers_of(subnet)), supernet.weights_of(subnet)
    names = [layer.name for layer in layers]
    last, mix = names.index("final_expand"), names.index("feature_mix")
    channels = layers[last].out_channels + extra
    layers[last] = replace(layers[last], out_channels=channels)
    layers[mix] = replace(layers[mix], in_channels=channels)
    changed = {**weights, **draw_weights([layers[last], layers[mix]], np.random.default_rng(0))}
    model = build_network(layers, changed)
    pixels = draw_reference_images(subnet.resolution)
    logits = run_reference(layers, changed, supernet.preprocess.normalise(pixels))
    reference = encode_reference(pixels, logits)
    entries = exported.deployment
    deployment = replace(
        entries,
        model=describe_file(entries.model.file, model),
        reference=describe_file(entries.reference.file, reference),
    )
    return Exported(deployment, {entries.model.file: model, entries.reference.file: reference})


def put_bundle(folder: Path, supernet: StoredSupernet, spec: DeviceSpec, extra: int) -> Path:
    """Write the bundle unless it exists."""
    path = folder / f"wider-by-{extra}"
    if not path.exists():
        bundle = make_bundle(supernet, spec, extra)
        write_bundle(path, bundle.deployment, bundle.files)
    return path


def choose_channels(folder: Path, supernet: StoredSupernet, spec: DeviceSpec, per_cent: float) -> int:
    """Return how many more channels slow the model by the given percentage, in proportion to a trial's slowdown."""
    model = put_bundle(folder / "old", supernet, spec, 0) / "model.onnx"
    trial = put_bundle(folder / "new", supernet, spec, TRIAL_CHANNELS) / "model.onnx"
    old, new = (TimedModel(ModelFiles(path.read_bytes()), spec) for path in (model, trial))
    with closing(iterate_blocks(old, new, LocalDevice(folder), np.random.default_rng())) as stream:
        ratios, _ = read_blocks(list(islice(stream, TRIAL_BLOCKS)))
    slowed = float(np.exp(np.median(ratios))) - 1
    return max(STEP, round(TRIAL_CHANNELS * per_cent / 100 / slowed / STEP) * STEP)


def run_command(old: Path, new: Path, kind: str, rng: np.random.Generator) -> Result:
    """Run one comparison on the command line, with the disturbance of its kind."""
    begun = now_ns()
    command = [sys.executable, "-m", "compofa_deploy", "bench", "compare", str(old), str(new), "--json"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
        disturb(process.pid, KINDS[kind], rng) if kind in KINDS else nullcontext(),
    ):
        out, err = process.communicate()
    if not out:
        raise RuntimeError(f"bench compare ended with {process.returncode}: {err}")
    (found,) = json.loads(out)["comparisons"]
    return {"kind": kind, **found, "exit_code": process.returncode, "wall_s": (now_ns() - begun) / NS_PER_S}


def find_wilson(hits: int, runs: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, JASA 22, 1927).

    >>> [round(end, 3) for end in find_wilson(0, 200)]
    [0.0, 0.019]
    """
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share, extra = hits / runs, z**2 / runs
    centre = (share + extra / 2) / (1 + extra)
    half = z / (1 + extra) * (share * (1 - share) / runs + extra / 4 / runs) ** 0.5
    return max(centre - half, 0.0), min(centre + half, 1.0)


def format_row(kind: str, results: Sequence[Result]) -> str:
    """Return the row of one kind: the false alarms of equal models, or the share of slower models that was found."""
    counts = Counter(result["verdict"] for result in results)
    is_slower = kind.startswith("+")
    hits = counts["slower"] if is_slower else counts["slower"] + counts["faster"]
    low, high = find_wilson(hits, len(results))
    rate = f"{'found' if is_slower else 'alarms'} {hits / len(results):.1%} [{low:.1%}, {high:.1%}]"
    seconds = [result["wall_s"] for result in results]
    change = f"{(median(result['ratio'] for result in results) - 1) * 100:+.2f}%"
    return COLUMNS.format(
        kind,
        len(results),
        *(counts[verdict] for verdict in VERDICTS),
        rate,
        change,
        f"{median(seconds):.1f}",
        f"{max(seconds):.1f}",
    )


def read_raw(path: Path | None, machine: str) -> tuple[dict[str, int], list[Result]]:
    """Return the channels of slower models and the finished results; both are empty where there is no file."""
    if path is None or not path.exists():
        return {}, []
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if any(line["machine"] != machine for line in lines):
        raise SystemExit(f"{path} was begun on another machine or runtime; choose another file")
    channels = {line["kind"]: line["channels"] for line in lines if "channels" in line}
    return channels, [line for line in lines if "channels" not in line]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--equal", type=int, default=10, help="comparisons of equal models")
    parser.add_argument(
        "--slower",
        nargs="*",
        default=["3:10", "10:5"],
        metavar="PER_CENT:RUNS",
        help="comparisons of slower models",
    )
    parser.add_argument(
        "--disturbed", type=int, default=3, help="comparisons of equal models under each kind of disturbance"
    )
    parser.add_argument(
        "--raw", type=Path, help="a file that keeps every result, and from which the command goes on"
    )
    given = parser.parse_args()
    spec, supernet = find_runtime("onnxruntime").spec(), load_supernet()
    wanted = {EQUAL: given.equal, **dict.fromkeys(KINDS, given.disturbed)}
    wanted |= {f"+{word.partition(':')[0]} %": int(word.partition(":")[2]) for word in given.slower}
    channels, results = read_raw(given.raw, spec.id)
    with tempfile.TemporaryDirectory(prefix="compofa-gate-") as temporary:
        folder = Path(temporary)

        def keep(line: Mapping[str, Any]) -> None:
            if given.raw is not None:
                with given.raw.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({**line, "machine": spec.id}) + "\n")

        for kind in wanted:
            if kind.startswith("+") and wanted[kind] and kind not in channels:
                channels[kind] = choose_channels(folder, supernet, spec, float(kind[1:-2]))
                keep({"kind": kind, "channels": channels[kind]})
        print(f"{spec.describe()}; {SUBNET} of {supernet.architecture.name}", flush=True)
        rng = np.random.default_rng()
        for kind in list_remaining(wanted, results, rng):
            old = put_bundle(folder / "old", supernet, spec, 0)
            new = put_bundle(folder / "new", supernet, spec, channels.get(kind, 0))
            result = run_command(old, new, kind, rng)
            keep(result)
            results.append(result)
            print(f"  {kind}: {result['verdict']} {result['ratio']:.4f}", file=sys.stderr, flush=True)
    print(COLUMNS.format("models", "runs", *VERDICTS[:3], "unclear", "", "change", "s", "at most"))
    for kind in wanted:
        if found := [result for result in results if result["kind"] == kind]:
            print(format_row(kind, found))
    for kind, count in channels.items():
        print(f"{kind}: {count} channels more between the last two convolutions")


def list_remaining(
    wanted: Mapping[str, int], results: Sequence[Result], rng: np.random.Generator
) -> list[str]:
    """Return the comparisons that are left, shuffled, so that every kind meets quiet and busy hours alike."""
    have = Counter(result["kind"] for result in results)
    left = [kind for kind, count in wanted.items() for _ in range(count - have[kind])]
    return [left[i] for i in rng.permutation(len(left))]


if __name__ == "__main__":
    main()
