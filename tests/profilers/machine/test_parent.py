import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import is_running, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")


def test_a_process_whose_native_code_holds_the_interpreter_ends_with_its_parent(tmp_path: Path) -> None:
    # sleep(3) through PyDLL keeps the global interpreter lock, as a hung runtime may.
    child_code = (
        "import ctypes, sys; from profilers.machine.parent import end_with_parent; "
        "end_with_parent(int(sys.argv[1])); ctypes.PyDLL(None).sleep(60)"
    )
    code = (
        "import os, subprocess, sys, time\n"
        f"command = [sys.executable, '-c', {child_code!r}, str(os.getpid())]\n"
        "process = subprocess.Popen(command, stdin=subprocess.PIPE)\n"
        "print(process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_for(lambda: "_ctypes" in Path(f"/proc/{child}/maps").read_text())
        parent.kill()
    wait_for(lambda: not is_running(child))


def test_a_process_whose_parent_is_already_gone_ends_at_once() -> None:
    code = "from profilers.machine.parent import end_with_parent; end_with_parent(1 << 22); print('went on')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == ""
