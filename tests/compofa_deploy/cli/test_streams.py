"""What happens where the output cannot be written, or the process is asked to end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMPOFA = [sys.executable, "-m", "compofa_deploy"]
FULL = Path("/dev/full")


def start(*arguments, **streams):
    return subprocess.Popen([*COMPOFA, *arguments], text=True, **streams)


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["models", "list"], ["models", "list", "--json"], ["--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_stdout_is_one_line(arguments, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with FULL.open("w") as full:
        ran = start(*arguments, stdout=full, stderr=subprocess.PIPE)
        _, err = ran.communicate()
    assert err == "Error: the output cannot be written (No space left on device); make room for it\n"
    assert ran.returncode == 2


def test_a_reader_that_has_gone_ends_the_command_as_sigpipe_does():
    read, write = os.pipe()
    os.close(read)
    ran = start("models", "list", stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert ran.communicate()[1] == ""
    assert ran.returncode == 141


@pytest.mark.parametrize(("name", "code"), [("none.json", 2), ("mbv3-w0.75-cifar10-onnxruntime-f32-1", 0)])
def test_a_stderr_whose_reader_has_gone_changes_no_exit_code(name, code):
    read, write = os.pipe()
    os.close(read)
    ran = start("tables", "show", name, stdout=subprocess.DEVNULL, stderr=write)
    os.close(write)
    assert ran.wait() == code


def test_a_stdout_of_a_narrow_encoding_shows_what_it_lacks_as_escapes(tmp_path):
    place = tmp_path / "\N{GREEK SMALL LETTER OMEGA}.csv"
    place.write_text(
        "subnet,top1\n" + "".join(f"{d}{e}{f}44@128,7{d}.{e}\n" for d in "234" for e in "234" for f in "234")
    )
    ran = start(
        "accuracy", "fit", str(place), "-o", str(tmp_path / "p.safetensors"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )  # fmt: skip
    out, err = ran.communicate()
    assert ran.returncode == 0, err
    assert "fitted to \\u03c9.csv" in out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_process_that_is_asked_to_end_says_so_and_leaves_nothing(number, tmp_path):
    waits = (
        "import sys, time, click\n"
        "from compofa_deploy.cli import main as module\n"
        "from compofa_deploy.cli.main import compofa, main\n"
        "from latency_tables.files import replace_file\n"
        "@click.command('wait')\n"
        "def wait():\n"
        f"    with replace_file({str(tmp_path / 'file')!r}) as file:\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(60)\n"
        "type(compofa).get_command = lambda self, context, name: wait\n"
        "sys.argv = ['compofa', 'wait']\n"
        "main()\n"
    )
    ran = subprocess.Popen(
        [sys.executable, "-c", waits], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert ran.stdout.readline() == "ready\n"
    ran.send_signal(number)
    began = time.monotonic()
    _, err = ran.communicate(timeout=30)
    assert time.monotonic() - began < 30
    assert (
        err.splitlines()[-1]
        == "Error: interrupted; what was done is kept, and the same command goes on from it"
    )
    assert ran.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []
