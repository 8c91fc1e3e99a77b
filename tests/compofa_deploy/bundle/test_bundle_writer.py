"""A bundle is written whole or not at all, and removes nothing but an unchanged bundle that was in its place."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from compofa_deploy.bundle import bundle_writer, folder_exchange
from compofa_deploy.bundle.bundle import MANIFEST, REFERENCE, load_bundle
from compofa_deploy.bundle.bundle_writer import check_replaceable, write_bundle
from latency_tables.errors import InputError
from tests.compofa_deploy.export.builders import change_manifest, flip_byte

FILES = ("model.onnx", REFERENCE, MANIFEST)


def list_files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def read_all(folder):
    """The content of each file below a folder; what is no file counts as its kind."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else path.lstat().st_mode
        for path in folder.rglob("*")
        if not path.is_dir()
    }


def test_the_same_bundle_is_the_same_bytes(exported, tmp_path):
    for name in ("a", "b"):
        write_bundle(tmp_path / name, exported.deployment, exported.files)
    for file in FILES:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_writing_leaves_nothing_beside_the_bundle(exported, tmp_path):
    write_bundle(tmp_path / "out" / "deep" / "bundle", exported.deployment, exported.files)
    assert os.listdir(tmp_path / "out" / "deep") == ["bundle"]


def test_an_older_bundle_is_replaced(exported, bundle, tmp_path):
    change_manifest(bundle, lambda content: content.update(command="an older command"))
    write_bundle(bundle, exported.deployment, exported.files)
    assert load_bundle(bundle).deployment == exported.deployment
    assert list_files(bundle) == sorted(FILES)
    assert os.listdir(tmp_path) == ["bundle"]


def test_an_older_bundle_that_lost_a_file_is_replaced(exported, bundle):
    (bundle / "model.onnx").unlink()
    write_bundle(bundle, exported.deployment, exported.files)
    assert list_files(bundle) == sorted(FILES)


def spoil_with_notes(folder):
    (folder / "notes.txt").write_text("mine")


def spoil_with_a_folder(folder):
    (folder / "src").mkdir()
    (folder / "src" / "main.py").write_text("mine")


def spoil_with_a_hidden_file(folder):
    (folder / ".env").write_text("mine")


def spoil_the_model(folder):
    flip_byte(folder / "model.onnx", 500)


def spoil_the_model_s_size(folder):
    (folder / "model.onnx").write_bytes(b"mine")


def spoil_with_a_link(folder):
    (folder / REFERENCE).rename(folder.parent / "apart")
    (folder / REFERENCE).symlink_to(folder.parent / "apart")


def spoil_with_a_pipe(folder):
    (folder / REFERENCE).unlink()
    os.mkfifo(folder / REFERENCE)


def spoil_the_manifest(folder):
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text.replace('"command": "', '"command": "mine: '))


def spoil_the_manifest_with_another(folder):
    (folder / MANIFEST).write_text('{"kind":"Deployment"}')


def spoil_the_manifest_with_a_pipe(folder):
    (folder / MANIFEST).unlink()
    os.mkfifo(folder / MANIFEST)


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (spoil_with_notes, "holds 'notes.txt', which its manifest does not list"),
        (spoil_with_a_folder, "holds 'src', which its manifest does not list"),
        (spoil_with_a_hidden_file, "holds '.env', which its manifest does not list"),
        (spoil_the_model, "'model.onnx' was changed since the bundle was made"),
        (spoil_the_model_s_size, "'model.onnx' was changed since the bundle was made"),
        (spoil_with_a_link, "'reference.safetensors' was changed since the bundle was made"),
        (spoil_with_a_pipe, "'reference.safetensors' was changed since the bundle was made"),
        (spoil_the_manifest, "deployment.json: its content_id does not fit its content"),
        (spoil_the_manifest_with_another, "deployment.json: is None, not a compofa-bundle"),
        (spoil_the_manifest_with_a_pipe, "exists and is not a bundle: it holds 'deployment.json'"),
    ],
)
def test_what_a_user_put_into_a_bundle_is_not_removed_but_named(exported, bundle, tmp_path, spoil, named):
    spoil(bundle)
    before = read_all(tmp_path)
    for refuse in (check_replaceable, lambda p: write_bundle(p, exported.deployment, exported.files)):
        with pytest.raises(InputError) as raised:
            refuse(bundle)
        assert named in str(raised.value)
        assert "-o" in str(raised.value)
        assert "\n" not in str(raised.value)
    assert read_all(tmp_path) == before


def test_a_refusal_names_a_few_files_and_counts_the_others(tmp_path):
    for number in range(5):
        (tmp_path / f"photo{number}").touch()
    with pytest.raises(InputError, match="it holds 'photo0', 'photo1', 'photo2' and 2 more;"):
        check_replaceable(tmp_path)


@pytest.mark.parametrize("exchanges", [True, False])
def test_what_came_into_an_older_bundle_at_the_last_moment_stays(
    exported, bundle, tmp_path, monkeypatch, exchanges
):
    original = bundle_writer.move_into_place  # type: ignore[attr-defined]

    def move(new, place):
        (place / "notes.txt").write_text("mine")
        return original(new, place)

    monkeypatch.setattr(bundle_writer, "move_into_place", move)
    if not exchanges:
        monkeypatch.setattr(folder_exchange, "_find_renameat2", lambda: None)
    with pytest.raises(
        InputError, match="the new bundle is written, but the older one cannot be removed whole"
    ):
        write_bundle(bundle, exported.deployment, exported.files)
    assert load_bundle(bundle).deployment == exported.deployment
    (left,) = (path for path in tmp_path.rglob("*") if path.is_file() and path.parent != bundle)
    assert (left.name, left.read_text()) == ("notes.txt", "mine")


def test_a_link_to_a_bundle_is_followed_and_stays(exported, bundle, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(bundle)
    written = write_bundle(link, exported.deployment, exported.files)
    assert link.is_symlink()
    assert written.folder == bundle
    assert sorted(os.listdir(tmp_path)) == ["bundle", "link"]


def test_a_place_may_be_named_by_its_parent(exported, tmp_path):
    (tmp_path / "bundle" / "inner").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    write_bundle(tmp_path / "bundle" / "inner" / ".." / "inner", exported.deployment, exported.files)
    assert list_files(tmp_path / "bundle" / "inner") == sorted(FILES)


def test_an_empty_folder_is_replaced(exported, tmp_path):
    (tmp_path / "bundle").mkdir()
    write_bundle(tmp_path / "bundle", exported.deployment, exported.files)
    assert list_files(tmp_path / "bundle") == sorted(FILES)


@pytest.mark.parametrize("there", ["folder", "file", "link"])
def test_what_is_no_bundle_is_not_replaced(exported, tmp_path, there):
    place = tmp_path / "bundle"
    if there == "folder":
        place.mkdir()
        (place / "photo.jpg").write_bytes(b"precious")
    elif there == "file":
        place.write_bytes(b"precious")
    else:
        place.symlink_to(tmp_path / "nowhere")
    for refuse in (check_replaceable, lambda p: write_bundle(p, exported.deployment, exported.files)):
        with pytest.raises(
            InputError, match=r"exists and is not a bundle|is a symbolic link to nothing"
        ) as raised:
            refuse(place)
        assert "choose another place with -o" in str(raised.value)
    assert os.listdir(tmp_path) == ["bundle"]


def test_a_file_where_a_folder_is_needed_is_refused_before_anything_is_made(exported, tmp_path):
    (tmp_path / "file").write_text("x")
    for refuse in (check_replaceable, lambda p: write_bundle(p, exported.deployment, exported.files)):
        with pytest.raises(InputError, match=r"cannot be made \(Not a directory\); choose another folder"):
            refuse(tmp_path / "file" / "bundle")
    assert (tmp_path / "file").read_text() == "x"


def test_checking_a_place_leaves_nothing_there(tmp_path):
    check_replaceable(tmp_path / "a" / "b" / "bundle")
    assert os.listdir(tmp_path) == []


def fail_with(error):
    def fail(*arguments, **named):
        raise error

    return fail


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (OSError(28, "No space left on device"), InputError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_a_write_that_stops_leaves_what_was_there(
    exported, bundle, tmp_path, monkeypatch, older, error, shown
):
    place = bundle if older else tmp_path / "new"
    before = {file: (bundle / file).read_bytes() for file in FILES}
    monkeypatch.setattr(bundle_writer, "write_json", fail_with(error))
    with pytest.raises(shown) as raised:
        write_bundle(place, exported.deployment, exported.files)
    if shown is InputError:
        assert "cannot be written (No space left on device); make room" in str(raised.value)
    assert os.listdir(tmp_path) == ["bundle"]
    assert {file: (bundle / file).read_bytes() for file in FILES} == before


@pytest.mark.parametrize("failing", [1, 2])
def test_a_move_that_fails_puts_the_older_bundle_back(exported, bundle, tmp_path, monkeypatch, failing):
    monkeypatch.setattr(folder_exchange, "_find_renameat2", lambda: None)
    original, moves = Path.rename, []

    def rename(self, target):
        moves.append(target)
        if len(moves) == failing:
            raise OSError(5, "Input/output error")
        return original(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(InputError, match="Input/output error"):
        write_bundle(bundle, exported.deployment, exported.files)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["bundle"]
    assert load_bundle(bundle).deployment == exported.deployment


KILLED = """
import os, signal, sys
from pathlib import Path
from compofa_deploy.bundle import bundle_writer
from compofa_deploy.bundle import folder_exchange
from compofa_deploy.bundle.bundle import load_bundle

source, place, count, exchanges = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "True"
new = load_bundle(source)
files = {entry.file: (source / entry.file).read_bytes() for entry in new.deployment.files}
if not exchanges:
    folder_exchange._find_renameat2 = lambda: None
moves = []

def kill(event, arguments):
    if event == "os.rename":
        moves.append(arguments)
        if len(moves) == count:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
bundle_writer.write_bundle(place, new.deployment, files)
"""


@pytest.mark.parametrize("exchanges", [True, False])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_kill_before_any_move_leaves_a_bundle_at_its_place(exported, bundle, tmp_path, count, exchanges):
    write_bundle(tmp_path / "source", exported.deployment, exported.files)
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "source", bundle, str(count), str(exchanges)], check=False
    )
    # An exchange is no rename, so that only the manifest's own is left to be killed at.
    can_exchange = exchanges and folder_exchange._find_renameat2() is not None
    assert ran.returncode == (0 if can_exchange and count > 1 else -signal.SIGKILL)
    assert load_bundle(bundle).deployment == exported.deployment
    write_bundle(bundle, exported.deployment, exported.files)
    assert list_files(bundle) == sorted(FILES)
    assert sorted(os.listdir(tmp_path)) == ["bundle", "source"]


def test_a_hidden_folder_that_is_no_bundle_of_a_killed_run_stays(tmp_path):
    other = tmp_path / ".bundle.mybackup" / "old"
    other.mkdir(parents=True)
    (other / "photo.jpg").write_bytes(b"precious")
    check_replaceable(tmp_path / "bundle")
    assert read_all(tmp_path) == {".bundle.mybackup/old/photo.jpg": b"precious"}
