import json
from pathlib import Path

import pytest

from latency_tables.errors import FormatError, InputError
from profilers.measuring.kit import MANIFEST, Kit, make_item, write_kit
from profilers.measuring.kit_zip import pack_kit, unpack_kit
from tests.profilers.models import KEYS, make_external_onnx, make_kit

REFERENCE = (make_item("reference", "reference", b"r"), b"r")


def change_manifest(folder: Path, change: dict[str, object]) -> None:
    """Change fields of the first item."""
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["items"][0].update(change)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_a_kit_comes_back_from_its_folder(tmp_path: Path) -> None:
    kit = make_kit(tmp_path / "kit")
    assert Kit.load(tmp_path / "kit") == kit
    assert kit.reference.id == "reference"
    assert [item.id for item in kit.measured][:2] == list(KEYS[:2])


def test_the_id_depends_on_every_model_and_on_nothing_else(tmp_path: Path) -> None:
    first, second = make_kit(tmp_path / "1"), make_kit(tmp_path / "2")
    other = write_kit(tmp_path / "3", {"name": "fake"}, [REFERENCE])
    assert first.kit_id == second.kit_id != other.kit_id


def test_a_model_that_was_changed_is_refused(tmp_path: Path) -> None:
    kit = make_kit(tmp_path)
    model = kit.path(kit.measured[3])
    model.write_bytes(model.read_bytes()[:-1] + b"!")
    with pytest.raises(FormatError, match=r"layer3\.onnx: is not the model that the kit was built with"):
        Kit.load(tmp_path)


def test_a_model_that_is_missing_is_named(tmp_path: Path) -> None:
    kit = make_kit(tmp_path)
    kit.path(kit.measured[3]).unlink()
    with pytest.raises(InputError, match=r"layer3\.onnx: cannot be read"):
        Kit.load(tmp_path)


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "models/../../x", "C:\\x", "", "models/..", "a b"]
)
def test_a_file_outside_of_the_kit_is_refused(tmp_path: Path, name: str) -> None:
    make_kit(tmp_path)
    change_manifest(tmp_path, {"file": name})
    with pytest.raises(FormatError, match="is not the name of a file in a kit"):
        Kit.load(tmp_path)


def test_a_link_out_of_the_kit_is_refused(tmp_path: Path) -> None:
    kit = make_kit(tmp_path / "kit")
    model = kit.path(kit.measured[0])
    secret = tmp_path / "secret"
    secret.write_bytes(model.read_bytes())
    model.unlink()
    model.symlink_to(secret)
    with pytest.raises(FormatError, match="link out of the kit"):
        Kit.load(tmp_path / "kit")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "another"}, "does not fit the content"),
        ({"kind": "reference"}, "exactly one reference; it holds 2"),
        ({"id": "layer1"}, "two items have the same id"),
        ({"id": "../x"}, "cannot be an id"),
        ({"layers": []}, "must name the one layer"),
        ({"sha256": 5}, r"items\[0\], sha256: must be a text"),
    ],
)
def test_a_manifest_that_was_changed_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    make_kit(tmp_path)
    change_manifest(tmp_path, change)
    with pytest.raises(FormatError, match=message):
        Kit.load(tmp_path)


def test_a_kit_without_a_reference_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="exactly one reference; it holds 0"):
        write_kit(tmp_path, {}, [(make_item("a", "network", b"x"), b"x")])


def test_a_folder_that_is_no_kit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"manifest\.json: there is no such file"):
        Kit.load(tmp_path)


def make_kit_of_two_parts(folder: Path) -> Kit:
    """A kit with a model whose weights are in a file of their own."""
    item = make_item("apart", "network", b"graph", weights=b"weights")
    return write_kit(folder, {}, [(item, b"graph"), REFERENCE], {"apart": b"weights"})


def test_weights_that_were_changed_are_refused(tmp_path: Path) -> None:
    kit = make_kit_of_two_parts(tmp_path)
    path = kit.weights_path(kit.items[0])
    assert path is not None
    path.write_bytes(b"others")
    with pytest.raises(FormatError, match="is not the model that the kit was built with"):
        Kit.load(tmp_path)


def test_a_model_that_would_read_another_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = make_external_onnx(tmp_path)
    items = [REFERENCE, (make_item("network", "network", model), model)]
    pack_kit(write_kit(tmp_path / "kit", {}, items), tmp_path / "kit.zip")
    for read in (
        lambda: Kit.load(tmp_path / "kit"),
        lambda: unpack_kit(tmp_path / "kit.zip", tmp_path / "new"),
    ):
        with pytest.raises(FormatError, match=r"network\.onnx: the model keeps weights in a file"):
            read()
