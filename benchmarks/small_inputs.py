"""Small files that ask for much: each is answered within 5 s and 1 GB.

Every input is read in a process of its own, through the function that the command line uses. The table shows
the time, the peak memory beyond an idle process, and the answer.

    python -m benchmarks.small_inputs
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from latency_tables.errors import CompofaError
from profilers.machine.clock import now_ns

ROOT = Path(__file__).resolve().parent.parent
OLD_FILES = ROOT / "tests" / "old_files"
LIMIT_S = 5.0
LIMIT_MB = 1000
TIMEOUT_S = 60
NS_PER_S = 1e9
KB_PER_MB = 1000


@dataclass(frozen=True, slots=True)
class Input:
    """A small input: the function of this module that reads it, and the one that writes it into a folder."""

    name: str
    read: Callable[[Path], object]
    make: Callable[[Path], Path]


@dataclass(frozen=True, slots=True)
class Cost:
    """What reading an input took: seconds, megabytes beyond an idle process, and the answer in one line."""

    seconds: float
    mb: float
    answer: str

    @property
    def kept(self) -> bool:
        """Whether the limits were kept, and the answer is the product's own."""
        return self.seconds <= LIMIT_S and self.mb <= LIMIT_MB and not self.answer.startswith("UNCAUGHT")


def read_table(path: Path) -> object:
    from latency_tables.table import LatencyTable

    return LatencyTable.load(path)


def read_foreign_table(path: Path) -> object:
    from compofa_deploy.tables.foreign_files import read_tables

    return read_tables(path)


def read_subnet(path: Path) -> object:
    from compofa_deploy.space.subnet import Subnet

    return Subnet.parse(path.read_text())


def read_recipe(path: Path) -> object:
    from compofa_deploy.training.recipe_file import load_recipe

    return load_recipe(str(path))


def read_image(path: Path) -> object:
    from compofa_deploy.files.images import fit, open_image

    return fit(open_image(path, str(path)), 224)


def read_kit(path: Path) -> object:
    from profilers.measuring.kit_zip import unpack_kit

    return unpack_kit(path, path.with_suffix(""))


def read_bundle(path: Path) -> object:
    from compofa_deploy.bundle.bundle import load_bundle

    return load_bundle(path)


def make_yaml_digits(folder: Path) -> Path:
    return _write(folder / "160.yaml", "1" * 100_000)


def make_plain_yaml(folder: Path) -> Path:
    return _write(folder / "160.yaml", "".join(f"layer{i}: {{mean: 0.1}}\n" for i in range(200_000)))


def make_duplicate_json(folder: Path) -> Path:
    keys = ", ".join(f'"k{i}": {{"mean": 1}}' for i in range(60_000))
    return _write(folder / "160.json", f'{{{keys}, "k0": {{"mean": 1}}}}')


def make_many_numbers(folder: Path) -> Path:
    content = json.loads((OLD_FILES / "table.json").read_text())
    content["residuals"] = [0.001] * 1_000_000
    return _write(folder / "table.json", json.dumps(content))


def make_deep_json(folder: Path) -> Path:
    return _write(folder / "table.json", "[" * 100_000 + "]" * 100_000)


def make_large_number(folder: Path) -> Path:
    return _write(folder / "subnet.json", '{"ks": [3], "e": [3], "d": [2], "r": [1e400]}')


def make_long_number(folder: Path) -> Path:
    return _write(folder / "subnet.json", f'{{"ks": [3], "e": [3], "d": [2], "r": [{"9" * 5000}]}}')


def make_dotted_toml(folder: Path) -> Path:
    return _write(folder / "recipe.toml", ".".join("a" * 20_000) + " = 1\n")


def make_many_toml_tables(folder: Path) -> Path:
    return _write(folder / "recipe.toml", "[" + ".".join("a" * 20_000) + "]\n")


def make_long_png(folder: Path) -> Path:
    return _write_png(folder / "long.png", 400_000, 1)


def make_large_png(folder: Path) -> Path:
    return _write_png(folder / "large.png", 13_000, 13_000)


def make_kit_with_large_manifest(folder: Path) -> Path:
    path = folder / "kit.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("manifest.json", "w") as file,
    ):
        for _ in range(1500):
            file.write(b" " * 1_000_000)
    return path


def make_bundle_with_large_batch(folder: Path) -> Path:
    return _change_manifest(folder, "input", {"shape": [1_000_000_000, 3, 16, 16]})


def make_bundle_with_large_side(folder: Path) -> Path:
    return _change_manifest(folder, "input", {"shape": [1, 3, 40_000, 40_000]})


def make_bundle_with_pipe(folder: Path) -> Path:
    bundle = _copy_bundle(folder)
    (bundle / "model.onnx").unlink()
    os.mkfifo(bundle / "model.onnx")
    return bundle


def make_bundle_with_endless_device(folder: Path) -> Path:
    bundle = _copy_bundle(folder)
    (bundle / "model.onnx").unlink()
    (bundle / "model.onnx").symlink_to("/dev/zero")
    return bundle


def make_bundle_with_endless_manifest(folder: Path) -> Path:
    bundle = _copy_bundle(folder)
    (bundle / "deployment.json").unlink()
    (bundle / "deployment.json").symlink_to("/dev/zero")
    return bundle


INPUTS = (
    Input("YAML, 100 kB of digits", read_foreign_table, make_yaml_digits),
    Input("YAML, 4 MB of plain rows", read_foreign_table, make_plain_yaml),
    Input("JSON, one of 60,000 keys twice", read_foreign_table, make_duplicate_json),
    Input("JSON, a table with a million numbers", read_table, make_many_numbers),
    Input("JSON, 100,000 lists in each other", read_table, make_deep_json),
    Input("JSON, a number beyond a float", read_subnet, make_large_number),
    Input("JSON, a number of 5,000 digits", read_subnet, make_long_number),
    Input("TOML, a key of 20,000 parts", read_recipe, make_dotted_toml),
    Input("TOML, a table of 20,000 parts", read_recipe, make_many_toml_tables),
    Input("PNG of 400000 x 1", read_image, make_long_png),
    Input("PNG of 13000 x 13000", read_image, make_large_png),
    Input("kit with a manifest of 1.5 GB", read_kit, make_kit_with_large_manifest),
    Input("bundle with a batch of 10^9", read_bundle, make_bundle_with_large_batch),
    Input("bundle with a side of 40000", read_bundle, make_bundle_with_large_side),
    Input("bundle with a pipe for a model", read_bundle, make_bundle_with_pipe),
    Input("bundle with a link to an endless device", read_bundle, make_bundle_with_endless_device),
    Input("bundle with an endless manifest", read_bundle, make_bundle_with_endless_manifest),
)


def measure(chosen: Input, path: Path) -> Cost:
    """Read an input in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.small_inputs", "--read", chosen.read.__name__, str(path)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Cost(TIMEOUT_S, 0, "UNCAUGHT: it did not end")
    if done.returncode:
        return Cost(0, 0, f"UNCAUGHT: {(done.stderr.strip().splitlines() or [str(done.returncode)])[-1]}")
    return Cost(**json.loads(done.stdout))


def read_here(name: str, path: Path) -> Cost:
    """Read an input in this process."""
    read = next(known.read for known in INPUTS if known.read.__name__ == name)
    # Imports are not part of an input's cost.
    with suppress(CompofaError, OSError):
        read(path.parent / "none")
    before, begun = _read_peak_mb(), now_ns()
    try:
        read(path)
        answer = "read"
    except CompofaError as error:
        answer = str(error).replace(str(path.parent), "")
    return Cost((now_ns() - begun) / NS_PER_S, _read_peak_mb() - before, answer)


def _read_peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KB_PER_MB


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _write_png(path: Path, width: int, height: int) -> Path:
    """A white image of one bit a pixel: its file is as small as a PNG of this size can be."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress((b"\0" + b"\xff" * -(-width // 8)) * height, 9)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    return path


def _copy_bundle(folder: Path) -> Path:
    return Path(shutil.copytree(OLD_FILES / "bundle", folder / "bundle"))


def _change_manifest(folder: Path, field: str, changes: dict[str, object]) -> Path:
    from latency_tables.machine import hash_json

    bundle = _copy_bundle(folder)
    content = json.loads((bundle / "deployment.json").read_text())
    content[field].update(changes)
    hashed = {k: v for k, v in content.items() if k not in ("format", "version", "content_id")}
    for words in (("format", "version"), ()):
        known = json.loads((OLD_FILES / "bundle" / "deployment.json").read_text())
        named = {word: known[word] for word in words}
        plain = {k: v for k, v in known.items() if k not in ("format", "version", "content_id")}
        if hash_json({**named, **plain}) == known["content_id"]:
            content["content_id"] = hash_json({**named, **hashed})
    _write(bundle / "deployment.json", json.dumps(content))
    return bundle


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--read", nargs=2, metavar=("READER", "FILE"), help="read one file, and print its cost"
    )
    given = parser.parse_args()
    if given.read:
        cost = read_here(given.read[0], Path(given.read[1]))
        print(json.dumps({"seconds": cost.seconds, "mb": cost.mb, "answer": cost.answer}))
        return 0
    print(f"{'input':40} {'s':>6} {'MB':>6}  answer")
    kept = True
    for chosen in INPUTS:
        with tempfile.TemporaryDirectory(prefix="compofa-small-") as folder:
            cost = measure(chosen, chosen.make(Path(folder)))
        kept &= cost.kept
        print(f"{chosen.name:40} {cost.seconds:6.2f} {cost.mb:6.0f}  {cost.answer[:110]}", flush=True)
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
