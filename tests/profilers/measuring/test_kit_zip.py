import zipfile
from pathlib import Path

import pytest

from latency_tables.errors import FormatError, InputError
from profilers.measuring.kit_zip import pack_kit, unpack_kit
from tests.profilers.measuring.test_kit import make_kit_of_two_parts
from tests.profilers.models import make_kit


def test_a_kit_comes_back_from_its_zip_which_is_the_same_each_time(tmp_path: Path) -> None:
    kit = make_kit(tmp_path / "kit")
    pack_kit(kit, tmp_path / "1.zip")
    pack_kit(kit, tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    there = unpack_kit(tmp_path / "1.zip", tmp_path / "there")
    assert (there.kit_id, there.items) == (kit.kit_id, kit.items)


@pytest.mark.parametrize("name", ["../outside.txt", "/tmp/outside.txt", "models/../../outside.txt"])
def test_a_zip_that_leads_out_of_its_folder_writes_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / "kit.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("models/fine.onnx", "x")
        archive.writestr(name, "x")
    with pytest.raises(FormatError, match="do not use this kit"):
        unpack_kit(path, tmp_path / "kit")
    assert [file.name for file in tmp_path.rglob("*")] == ["kit.zip"]


def test_a_zip_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    pack_kit(make_kit(tmp_path / "kit"), tmp_path / "kit.zip")
    (tmp_path / "short.zip").write_bytes((tmp_path / "kit.zip").read_bytes()[:-100])
    with pytest.raises(FormatError, match="not a zip that can be read"):
        unpack_kit(tmp_path / "short.zip", tmp_path / "there")


def test_a_kit_is_not_unpacked_over_other_files(tmp_path: Path) -> None:
    pack_kit(make_kit(tmp_path / "kit"), tmp_path / "kit.zip")
    with pytest.raises(InputError, match="not empty"):
        unpack_kit(tmp_path / "kit.zip", tmp_path / "kit")


def test_weights_that_are_apart_travel_with_their_model(tmp_path: Path) -> None:
    pack_kit(make_kit_of_two_parts(tmp_path / "kit"), tmp_path / "kit.zip")
    kit = unpack_kit(tmp_path / "kit.zip", tmp_path / "there")
    apart, reference = kit.items
    assert (kit.read(apart), kit.read_weights(apart), apart.size_bytes) == (b"graph", b"weights", 12)
    assert (kit.read_weights(reference), kit.weights_path(reference)) == (b"", None)


def test_a_model_that_was_changed_since_is_not_packed(tmp_path: Path) -> None:
    kit = make_kit(tmp_path / "kit")
    kit.path(kit.measured[0]).write_bytes(b"another")
    with pytest.raises(FormatError, match="is not the model that the kit was built with"):
        pack_kit(kit, tmp_path / "kit.zip")
    assert not (tmp_path / "kit.zip").exists()
