"""A thousand damaged files for every reader: none is uncaught, slow, large or taken in silence."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.fuzz_readers import FAULTS, Reader, damage, list_readers, run_reader, try_reader
from compofa_deploy.tables.foreign_files import read_tables
from latency_tables.errors import FormatError

FILES = 1000
NAMES = (
    "table", "measured kit", "kit", "journal", "bundle", "bench result", "bench history", "accuracy table",
    "accuracy csv", "predictor", "supernet", "ofa yaml", "ofa json", "latency csv", "subnet", "recipe", "png", "jpeg",
    "tiff",
)  # fmt: skip


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
    return {reader.name: reader for reader in list_readers(tmp_path_factory.mktemp("samples"))}


def test_every_reader_is_tried(readers: dict[str, Reader]) -> None:
    assert set(readers) == set(NAMES)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_read_or_refused_in_one_line(
    readers: dict[str, Reader], tmp_path: Path, name: str
) -> None:
    outcomes, faults = run_reader(readers[name], FILES, 0, tmp_path / "damaged", None)
    assert faults == []
    assert sum(outcomes[fault] for fault in FAULTS) == 0
    assert outcomes.total() > 0.9 * FILES


def test_the_check_finds_an_error_that_nobody_catches(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        raise KeyError("x")

    outcome, fault = try_reader(Reader("bad", tmp_path, fail), tmp_path, None)
    assert outcome == "uncaught"
    assert "KeyError" in fault


def test_the_check_finds_a_change_that_is_taken_in_silence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"after")
    reader = Reader("bad", tmp_path / "file", Path.read_bytes)
    assert try_reader(reader, tmp_path / "file", b"before")[0] == "silent"


def test_damage_is_the_same_for_one_seed() -> None:
    data = bytes(range(256))
    assert damage(data, random.Random(3)) == damage(data, random.Random(3)) != data


@pytest.mark.parametrize("text", ["1" * 100_000, "a: 1\n" * 200_000, "a: !!bool x\n"])
def test_a_small_yaml_file_costs_little(tmp_path: Path, text: str) -> None:
    (tmp_path / "160.yaml").write_text(text)
    outcome, _ = try_reader(Reader("yaml", tmp_path, read_tables), tmp_path / "160.yaml", None)
    assert outcome == "refused"
    with pytest.raises(FormatError):
        read_tables(tmp_path / "160.yaml")
