"""Versioned JSON: what is written is read back; what is not whole, not ours or not a number is refused."""

import json
import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.errors import FormatError, InputError
from latency_tables.files import read_bytes, read_json, replace_file, write_json
from latency_tables.json_text import LARGEST_WHOLE, parse_json

KIND = "compofa-test"

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-LARGEST_WHOLE, LARGEST_WHOLE)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(scalars, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=20)
contents = st.dictionaries(st.text().filter(lambda key: key not in ("format", "version")), values)


@given(content=contents)
def test_what_is_written_is_read_back(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("json") / "file.json"
    write_json(path, KIND, 1, content)
    assert read_json(path, KIND, 1) == {"format": KIND, "version": 1, **content}


def test_the_same_content_is_the_same_bytes(tmp_path):
    for name in ("a.json", "b.json"):
        write_json(tmp_path / name, KIND, 1, {"latency_ms": 0.1, "names": ["é"]})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@given(st.data())
def test_a_file_that_is_cut_off_is_refused_wherever_it_is_cut(data):
    text = json.dumps({"format": KIND, "version": 1, "latency_ms": [1.5, 2.5], "name": "x"})
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(FormatError):
        parse_json(text[:cut], "file", KIND, 1)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"format": "other", "version": 1}', "'other', not a compofa-test"),
        ("[1]", "list"),
        ('{"version": 1}', "None"),
        ('{"format": "compofa-test", "version": 2}', "version 2"),
        ('{"format": "compofa-test"}', "version None"),
        ('{"format": "compofa-test", "version": 1, "x": NaN}', "NaN"),
        ('{"format": "compofa-test", "version": 1, "x": -Infinity}', "-Infinity"),
        ("", "cut off"),
    ],
)
def test_what_is_not_ours_is_refused_and_named(text, complaint):
    with pytest.raises(FormatError, match=complaint) as caught:
        parse_json(text, "where.json", KIND, 1)
    assert str(caught.value).startswith("where.json")
    assert "\n" not in str(caught.value)


def test_a_number_too_large_is_named_with_its_place():
    text = '{"format": "compofa-test", "version": 1, "rows": [{"latency_ms": 1}, {"latency_ms": 1e999}]}'
    with pytest.raises(FormatError, match=r"rows\[1\], latency_ms: not a finite number"):
        parse_json(text, "t.json", KIND, 1)


def test_a_missing_file_and_one_that_is_no_text_are_one_line_each(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_json(tmp_path / "none.json", KIND, 1)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="cannot be read as text"):
        read_json(tmp_path / "binary.json", KIND, 1)
    with pytest.raises(FormatError, match="cannot be read as text"):
        read_json(tmp_path, KIND, 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_never_written(tmp_path, value):
    path = tmp_path / "file.json"
    write_json(path, KIND, 1, {"x": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, KIND, 1, {"x": value})
    assert read_json(path, KIND, 1)["x"] == 1


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_write_leaves_what_was_there_and_nothing_else(tmp_path, interruption):
    path = tmp_path / "file.bin"
    path.write_bytes(b"before")

    def write_half() -> None:
        with replace_file(path) as file:
            file.write(b"half")
            raise interruption

    with pytest.raises(interruption):
        write_half()
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_an_error_that_the_user_can_fix(tmp_path, monkeypatch):
    def no_space(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(InputError, match="No space left on device"):
        write_json(tmp_path / "file.json", KIND, 1, {})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_or_no_folder_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "none" / "x.json", tmp_path / "file" / "x.json"):
        with pytest.raises(InputError, match="cannot be written") as caught:
            write_json(path, KIND, 1, {})
        assert str(path) in str(caught.value)


def test_a_read_only_folder_is_named(tmp_path, monkeypatch):
    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    with pytest.raises(InputError, match=r"x\.json: cannot be written \(Permission denied\)"):
        write_json(tmp_path / "x.json", KIND, 1, {})


def test_nesting_without_end_is_refused():
    with pytest.raises(FormatError, match="not the JSON it should be"):
        parse_json('{"format": "compofa-test", "version": 1, "x": ' + "[" * 200_000, "deep.json", KIND, 1)


def test_a_file_gets_the_rights_that_any_new_file_gets(tmp_path):
    written, plain = tmp_path / "a.json", tmp_path / "b"
    write_json(written, KIND, 1, {})
    Path(plain).touch()
    assert stat.S_IMODE(written.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_link_is_written_through_and_stays(tmp_path):
    (tmp_path / "apart").mkdir()
    for name in ("there", "not_yet"):
        target, link = tmp_path / "apart" / name, tmp_path / name
        link.symlink_to(target)
        if name == "there":
            target.write_bytes(b"before")
        with replace_file(link) as file:
            file.write(b"after")
        assert link.is_symlink()
        assert target.read_bytes() == b"after"
    assert sorted(path.name for path in (tmp_path / "apart").iterdir()) == ["not_yet", "there"]


@pytest.mark.parametrize("kind", ["pipe", "socket", "link to a device", "link to a pipe"])
def test_what_is_no_regular_file_is_not_replaced(tmp_path, kind):
    path = tmp_path / "place"
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "link to a device":
        path.symlink_to(os.devnull)
    elif kind == "link to a pipe":
        os.mkfifo(tmp_path / "pipe")
        path.symlink_to(tmp_path / "pipe")
    else:
        os.mkfifo(path)
    before = path.lstat()
    with pytest.raises(InputError, match="place: is a device, a pipe or a socket"):
        write_json(path, KIND, 1, {})
    assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder; give the name of a file"):
        write_json(tmp_path, KIND, 1, {})


@pytest.mark.parametrize("kind", ["pipe", "socket", "link to an endless device"])
def test_what_is_no_regular_file_is_not_read(tmp_path, kind):
    path = tmp_path / "place"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(
        FormatError, match="place: is a device, a pipe or a socket; give the name of a regular file"
    ):
        read_json(path, KIND, 1)


def test_no_more_of_a_file_is_read_than_the_limit(tmp_path):
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(FormatError, match=r"large\.json: is larger than 64 MiB"):
        read_json(path, KIND, 1)


def test_a_file_of_the_limit_is_read(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert read_bytes(tmp_path / "file", 5) == b"12345"
    with pytest.raises(FormatError, match="is larger than"):
        read_bytes(tmp_path / "file", 4)


def test_links_that_lead_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(InputError, match="cannot be written"):
        write_json(tmp_path / "a", KIND, 1, {})
    assert (tmp_path / "a").is_symlink()
