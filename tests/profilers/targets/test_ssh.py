import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.errors import ConnectionLost, InputError, MeasurementError
from profilers.targets.ssh import Ssh, Target
from profilers.targets.ssh_errors import explain_failure
from tests.support.sshd import Sshd


@pytest.mark.parametrize(
    ("text", "target", "arguments", "name"),
    [
        ("ssh://pi", Target("pi"), ("pi",), "pi"),
        ("ssh://Pi@Lab_4.local/", Target("Lab_4.local", "Pi"), ("Pi@Lab_4.local",), "Lab_4.local"),
        ("ssh://u@10.0.0.7:8022", Target("10.0.0.7", "u", 8022), ("-p", "8022", "u@10.0.0.7"), "10.0.0.7-8022"),
        ("ssh://[fe80::1]:22", Target("fe80::1", "", 22), ("-p", "22", "fe80::1"), "fe80__1-22"),
    ],
)  # fmt: skip
def test_a_target_is_read(text: str, target: Target, arguments: tuple[str, ...], name: str) -> None:
    assert Target.parse(text) == target
    assert (target.arguments, target.name) == (arguments, name)


@pytest.mark.parametrize(
    "text",
    ["", "pi", "http://pi", "ssh://", "ssh://pi:0", "ssh://pi:65536", "ssh://pi:x", "ssh://u:secret@pi", "ssh://pi/path",
     "ssh://-oProxyCommand=reboot", "ssh://-l@pi", "ssh://pi;reboot", "ssh://a b", "ssh://pi\n"],
)  # fmt: skip
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no target; write it as ssh://user@host"):
        Target.parse(text)


@given(st.text(max_size=30))
def test_no_target_can_be_taken_for_an_option_or_for_more_than_one_word(text: str) -> None:
    try:
        target = Target.parse(f"ssh://{text}")
    except InputError:
        return
    destination = target.arguments[-1]
    assert not destination.startswith("-")
    assert re.fullmatch(r"[A-Za-z0-9_.:@-]+", destination)


@pytest.mark.parametrize(
    ("code", "said", "kind", "what", "fix"),
    [
        (255, "ssh: connect to host pi port 22: Connection refused", ConnectionLost, "cannot be reached", "ssh pi"),
        (255, "ssh: Could not resolve hostname pi: Name or service not known", ConnectionLost, "not resolve", "ssh pi"),
        (255, "Timeout, server pi not responding.", ConnectionLost, "cannot be reached", "ssh pi"),
        (255, "", ConnectionLost, "cannot be reached", "ssh pi"),
        (255, "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.", MeasurementError,
         "not the one that is known", "ssh-keygen -R pi"),
        (255, "Host key verification failed.", MeasurementError, "host key is not known", "fingerprint"),
        (255, "u@pi: Permission denied (publickey).", MeasurementError, "refuses", "ssh-copy-id"),
        (255, "Bad owner or permissions on /u/.ssh/config", MeasurementError, "ssh failed (Bad owner", "ssh pi"),
        (1, "cat: write error: No space left on device", MeasurementError, "disk is full", "make room"),
        (1, "mkdir: cannot create directory '/x': Permission denied", MeasurementError, "nothing can be written",
         "COMPOFA_CACHE"),
        (1, "mkdir: /x: Read-only file system", MeasurementError, "nothing can be written", "COMPOFA_CACHE"),
        (127, "sh: 1: exec: python3: not found", MeasurementError, "python3: not found", "--python"),
        (137, "", MeasurementError, "ended by signal 9", "memory"),
        (3, "Error: numpy is missing; install it there", MeasurementError, "numpy is missing", "install it"),
        (4, "what?\n", MeasurementError, "it failed there (what?)", "ssh pi"),
    ],
)  # fmt: skip
def test_a_failure_is_one_line_with_its_mend(
    code: int, said: str, kind: type[Exception], what: str, fix: str
) -> None:
    error = explain_failure("pi", "ssh pi", "pi", code, said)
    assert type(error) is kind
    assert str(error).startswith("pi: ")
    assert what in str(error)
    assert fix in str(error)
    assert len(str(error).splitlines()) == 1


def test_scripts_run_there_with_what_they_are_given(sshd: Sshd) -> None:
    ssh = Ssh(Target.parse(sshd.url))
    data = bytes(range(256)) * 1000
    assert ssh.run("cat; printf '%s' \"$COMPOFA_CACHE\"", data) == data + str(sshd.cache).encode()
    lines: list[bytes] = []
    ssh.follow("printf 'a\\nb\\n'", lines.append)
    assert lines == [b"a\n", b"b\n"]


def test_one_that_was_closed_starts_nothing_more(sshd: Sshd) -> None:
    ssh = Ssh(Target.parse(sshd.url))
    ssh.close()
    with pytest.raises(MeasurementError, match="the run was ended"):
        ssh.run("true")


def test_without_ssh_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InputError, match="there is no ssh on this machine; install OpenSSH"):
        Ssh(Target("pi")).run("true")
