"""Names are read as people write them, and what would end up in a label is refused."""

import pytest

from compofa_deploy.files.names import read_names
from latency_tables.errors import FormatError, InputError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "names.txt"


@pytest.mark.parametrize("content", [b"cat\ndog\n", b"\xef\xbb\xbfcat\ndog", b"  cat \r\n\r\n\tdog\r\n"])
def test_names_come_one_a_line_without_marks_and_blanks(path, content):
    path.write_bytes(content)
    assert read_names(path) == ["cat", "dog"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"cat\n\ncat\n", r"names\.txt, line 3: cat is there twice, in line 1 too"),
        (b"cat\nd\x1b[31mog\n", r"names\.txt, line 2: the name 'd\\x1b\[31mog' has characters that cannot"),
        (b"cat\n\xe2\x80\x8bdog\n", "line 2: the name .* has characters that cannot be printed"),
        (b"\n \n", "has no names; write one a line"),
        (b"\xff\xfec\0a\0t\0", "cannot be read as text"),
    ],
)
def test_a_file_that_is_not_a_list_of_names_is_refused(path, content, message):
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_names(path)


def test_a_file_that_is_missing_is_named(path):
    with pytest.raises(InputError, match=r"names\.txt: there is no such file"):
        read_names(path)
