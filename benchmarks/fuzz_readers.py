"""Damaged files through every reader: each file is read, or refused by an error of one line.

For each reader, a valid sample is damaged at random places: bytes are changed, cut, repeated or put in, and numbers and
words are replaced by awkward ones. A file counts as

* **read** where the reader takes it,
* **refused** where it raises one of the project's own errors, with one line of text,
* **uncaught** where it raises anything else,
* **slow** where it takes longer than 5 s, and **large** where it needs more than 1 GB beyond the start,
* **silent** where a format with hashes is taken although its content changed.

    python -m benchmarks.fuzz_readers --files 1000
    python -m benchmarks.fuzz_readers --only bundle kit --files 20000 --seed 7 --keep failures
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from compofa_deploy.accuracy.csv_table import read_stated
from compofa_deploy.accuracy.encoding import OFA_ENCODING, encode_subnets
from compofa_deploy.accuracy.fit import fit_additive
from compofa_deploy.accuracy.predictor import AccuracyPredictor
from compofa_deploy.accuracy.source import load_predictor
from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.bench.history import Entry, append_entry, read_history
from compofa_deploy.bench.result import BenchResult
from compofa_deploy.bundle.bundle import Bundle, load_bundle
from compofa_deploy.files.images import open_image
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import load_supernet
from compofa_deploy.tables.foreign_files import read_tables
from compofa_deploy.training.recipe_file import load_recipe
from latency_tables.errors import CompofaError
from latency_tables.measured_kit import MeasuredKit
from latency_tables.table import LatencyTable
from profilers.measuring.journal import Journal
from profilers.measuring.kit import Kit
from profilers.measuring.kit_zip import unpack_kit

ROOT = Path(__file__).resolve().parent.parent
OLD_FILES = ROOT / "tests" / "old_files"
LIMIT_S = 5
LIMIT_BYTES = 1 << 30
OUTCOMES = ("read", "refused", "uncaught", "slow", "large", "silent")
FAULTS = OUTCOMES[2:]

NUMBER = re.compile(rb"-?\d+(\.\d+)?([eE][+-]?\d+)?")
AWKWARD = (
    b"1e400", b"-1e400", b"NaN", b"-1", b"0", b"9" * 400, b"9" * 5000, b"0.1", b"1e9", b"true", b"null", b'""', b"[]",
    b"{}", b"[" * 2000, b"{" * 2000, b"\xff\xfe", b"\x00", b"!!bool x", b"'", b'"', b"\xef\xbb\xbf", b"../../x",
    b"\xef\xbc\x91\xef\xbc\x92", b"7_1", b"\n", b",", b":", b"2147483648", b"9223372036854775808",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader with its sample.

    Attributes:
        name: Names the reader in the table.
        sample: The file or folder to damage.
        read: Reads a path, and returns what must not change in silence, or None where changes cannot be told.
    """

    name: str
    sample: Path
    read: Callable[[Path], Any]


class TooSlowError(BaseException):
    """A reader took longer than :data:`LIMIT_S`."""


def damage(data: bytes, rng: random.Random) -> bytes:
    """A copy of ``data`` that is damaged at one to three places."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        place = rng.randrange(len(data) + 1)
        end = min(len(data), place + rng.choice((1, 1, 4, 40, 400)))
        kind = rng.randrange(7)
        if kind == 0:
            data = data[:place] + bytes(rng.randrange(256) for _ in data[place:end]) + data[end:]
        elif kind == 1:
            data = data[:place] + data[end:]
        elif kind == 2:
            data = data[:place]
        elif kind == 3:
            data = data[:end] + data[place:end] * rng.choice((1, 2, 50)) + data[end:]
        elif kind == 4:
            data = data[:place] + rng.choice(AWKWARD) + data[place:]
        else:
            data = _replace_number(data, place, rng)
    return data


def _replace_number(data: bytes, place: int, rng: random.Random) -> bytes:
    found = NUMBER.search(data, place) or NUMBER.search(data)
    if found is None:
        return data
    return data[: found.start()] + rng.choice(AWKWARD) + data[found.end() :]


def try_reader(reader: Reader, path: Path, before: Any) -> tuple[str, str]:
    """The outcome of reading one damaged file, and what is wrong where it is a fault."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlowError

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT_S)
    try:
        found = reader.read(path)
    except CompofaError as error:
        return ("uncaught", f"several lines: {str(error)!r}") if "\n" in str(error) else ("refused", "")
    except TooSlowError:
        return "slow", ""
    except MemoryError:
        return "large", ""
    except Exception:
        return "uncaught", traceback.format_exc(limit=-4)
    finally:
        signal.alarm(0)
    return ("silent", "") if before is not None and found != before else ("read", "")


def run_reader(
    reader: Reader, files: int, seed: int, scratch: Path, keep: Path | None
) -> tuple[Counter[str], list[str]]:
    """Damage a reader's sample this many times.

    Args:
        reader: The reader.
        files: How many damaged files it is given.
        seed: Seeds the damage.
        scratch: A folder for the damaged files.
        keep: Where files that show a fault are kept; None for nowhere.

    Returns:
        How many files had each outcome, and the distinct faults.
    """
    rng, outcomes, faults = random.Random(f"{seed}-{reader.name}"), Counter[str](), dict[str, None]()
    place = scratch / reader.sample.name
    _copy(reader.sample, place)
    before = reader.read(place)
    for number in range(files):
        shutil.rmtree(scratch)
        scratch.mkdir()
        _copy(reader.sample, place)
        targets = [path for path in sorted(place.rglob("*")) if path.is_file()] if place.is_dir() else [place]
        target = rng.choice(targets)
        content = target.read_bytes()
        target.write_bytes(damage(content, rng))
        if target.read_bytes() == content:
            continue
        outcome, fault = try_reader(reader, place, before)
        outcomes[outcome] += 1
        if outcome in FAULTS:
            faults[fault or outcome] = None
            if keep is not None:
                _copy(place, keep / f"{reader.name}-{number}-{place.name}")
    return outcomes, list(faults)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def list_readers(samples: Path) -> list[Reader]:
    """All readers, with samples that are made in a folder where none ships."""
    return [
        Reader("table", OLD_FILES / "table.json", _quietly(LatencyTable.load)),
        Reader("measured kit", OLD_FILES / "measured.json", _quietly(MeasuredKit.load)),
        Reader("kit", OLD_FILES / "kit.zip", _read_kit),
        Reader("journal", OLD_FILES / "kit.journal", _quietly(_read_journal)),
        Reader("bundle", OLD_FILES / "bundle", _read_bundle),
        Reader("bench result", OLD_FILES / "bench.json", _quietly(BenchResult.load)),
        Reader("bench history", _make_history(samples), _quietly(read_history)),
        Reader("accuracy table", OLD_FILES / "supernet.accuracy.json", _quietly(AccuracyTable.load)),
        Reader("accuracy csv", _make_accuracy_csv(samples), _quietly(read_stated)),
        Reader("predictor", _make_predictor(samples), _quietly(load_predictor)),
        Reader("supernet", OLD_FILES / "supernet.safetensors", _quietly(load_supernet)),
        Reader("ofa yaml", _make_ofa_tables(samples, "yaml"), _quietly(read_tables)),
        Reader("ofa json", _make_ofa_tables(samples, "json"), _quietly(read_tables)),
        Reader("latency csv", _make_latency_csv(samples), _quietly(read_tables)),
        Reader("subnet", _make_subnet(samples), _quietly(_read_subnet)),
        Reader("recipe", ROOT / "compofa_deploy" / "recipes" / "compofa-cifar10.toml", _quietly(_read_recipe)),
        Reader("png", _make_image(samples, "png"), _quietly(_read_image)),
        Reader("jpeg", _make_image(samples, "jpg"), _quietly(_read_image)),
        Reader("tiff", _make_image(samples, "tiff"), _quietly(_read_image)),
    ]  # fmt: skip


def _quietly(read: Callable[[Path], object]) -> Callable[[Path], None]:
    def call(path: Path) -> None:
        read(path)

    return call


def _read_recipe(path: Path) -> None:
    load_recipe(str(path))


def _read_subnet(path: Path) -> None:
    Subnet.parse(path.read_text("utf-8", "replace"))


def _read_image(path: Path) -> None:
    open_image(path, str(path))


def _read_journal(path: Path) -> None:
    header = json.loads((OLD_FILES / "kit.journal").read_text().splitlines()[0])
    identity = {key: value for key, value in header.items() if key not in ("format", "version")}
    with Journal(path, identity):
        pass


def _read_kit(path: Path) -> tuple[str, list[bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        kit: Kit = unpack_kit(path, Path(folder) / "kit")
        return kit.kit_id, [kit.read(item) for item in kit.items]


def _read_bundle(path: Path) -> tuple[Any, bytes, bytes]:
    bundle: Bundle = load_bundle(path)
    return bundle.deployment, bundle.read_files().model, bundle.read_reference()[1].tobytes()


def _make_history(folder: Path) -> Path:
    entry = Entry.of(BenchResult.load(OLD_FILES / "bench.json"))
    for _ in range(3):
        append_entry(folder / "history.jsonl", entry)
    return folder / "history.jsonl"


def _make_accuracy_csv(folder: Path) -> Path:
    path = folder / "accuracy.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["subnet", "top1"])
        rows.writerows([f"{d}2344@{r}", 70 + d] for d in (2, 3, 4) for r in (160, 192))
    return path


def _make_predictor(folder: Path) -> Path:
    subnets = [Subnet.compound((d, e, 2, 3, 4), 160) for d in (2, 3, 4) for e in (2, 3, 4)]
    features = encode_subnets(subnets)
    model = fit_additive(features, np.linspace(70, 75, len(subnets)))
    predictor = AccuracyPredictor(OFA_ENCODING, model, 1.0, None, None, "a sample")
    predictor.save(folder / "predictor.safetensors")
    return folder / "predictor.safetensors"


def _make_ofa_tables(folder: Path, suffix: str) -> Path:
    rows = {
        f"expanded_conv-input:{s}x{s}x16-output:{s}x{s}x16-expand:{e}-kernel:3-stride:1-idskip:1": {
            "count": 3,
            "mean": 0.1 * e,
        }
        for s in (112, 56)
        for e in (3, 4, 6)
    }
    path = folder / f"160_lookup_table.{suffix}"
    text = json.dumps(rows)
    if suffix == "yaml":
        import yaml

        text = yaml.safe_dump(rows)
    path.write_text(text)
    return path


def _make_latency_csv(folder: Path) -> Path:
    table = LatencyTable.load(OLD_FILES / "table.json")
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["resolution", "layer", "latency_ms"])
    rows.writerows(["", key, f"{ms:.6f}"] for key, ms in table.costs_ms.items())
    (folder / "latency.csv").write_text(text.getvalue())
    return folder / "latency.csv"


def _make_subnet(folder: Path) -> Path:
    (folder / "subnet.json").write_text(json.dumps(Subnet.compound((2, 3, 3, 4, 4), 192).to_ofa()))
    return folder / "subnet.json"


def _make_image(folder: Path, suffix: str) -> Path:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / f"image.{suffix}")
    return folder / f"image.{suffix}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=1000, help="damaged files for each reader")
    parser.add_argument("--seed", type=int, default=0, help="seeds the damage")
    parser.add_argument("--only", nargs="*", default=[], help="the readers to try; all unless named")
    parser.add_argument("--keep", type=Path, help="a folder for the files that show a fault")
    given = parser.parse_args()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2 * LIMIT_BYTES, resource.RLIM_INFINITY))
    print(f"{'reader':16}" + "".join(f"{outcome:>10}" for outcome in OUTCOMES))
    total, told = Counter[str](), list[str]()
    with tempfile.TemporaryDirectory(prefix="compofa-fuzz-") as folder:
        samples = Path(folder) / "samples"
        samples.mkdir()
        for reader in list_readers(samples):
            if given.only and reader.name not in given.only:
                continue
            outcomes, faults = run_reader(
                reader, given.files, given.seed, Path(folder) / "damaged", given.keep
            )
            total += outcomes
            told += [f"{reader.name}: {fault}" for fault in faults]
            print(
                f"{reader.name:16}" + "".join(f"{outcomes[outcome]:>10}" for outcome in OUTCOMES), flush=True
            )
    print(f"{'all':16}" + "".join(f"{total[outcome]:>10}" for outcome in OUTCOMES))
    for fault in told:
        print(f"\n{fault}", file=sys.stderr)
    return int(any(total[fault] for fault in FAULTS))


if __name__ == "__main__":
    sys.exit(main())
