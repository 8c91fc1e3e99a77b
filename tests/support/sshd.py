"""A real sshd on loopback, run by the user of the tests, with keys made for it."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/local/sbin"])
PRIVILEGE_SEPARATION = Path("/run/sshd")


def find_sshd() -> str | None:
    """The path of sshd, if sshd and OpenSSH's client are installed."""
    return shutil.which("sshd", path=PATH) if shutil.which("ssh") and shutil.which("ssh-keygen") else None


@dataclass
class Sshd:
    """A server with its folder. ``client`` stands for ~/.ssh, and ``cache`` is COMPOFA_CACHE for its commands."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}"

    @property
    def name(self) -> str:
        return f"127.0.0.1-{self.port}"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def client(self) -> Path:
        return self.folder / "client"

    @property
    def bin(self) -> Path:
        """Return a folder with an ssh that reads ``client`` instead of the user's own ~/.ssh, which no test may
        touch."""
        return self.folder / "bin"

    def start(self) -> None:
        """Start the server, on the same port as before if it ran already."""
        if os.geteuid() == 0:
            PRIVILEGE_SEPARATION.mkdir(exist_ok=True)
        with (self.folder / "sshd.log").open("ab") as log:
            command = [
                str(find_sshd()),
                "-D",
                "-e",
                "-f",
                str(self.folder / "sshd_config"),
                "-p",
                str(self.port),
            ]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(3000):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=10):
                return
            assert self.process.poll() is None, (self.folder / "sshd.log").read_text()
            time.sleep(0.02)
        raise AssertionError("sshd does not listen")

    def welcome(self, other: Sshd) -> None:
        """Let the client of this server into another server too."""
        (other.folder / "authorized_keys").write_text((self.client / "id.pub").read_text())
        with (self.client / "known_hosts").open("a") as known:
            known.write((other.client / "known_hosts").read_text())

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def drop(self) -> int:
        """Cut every connection, as a failing network does, and return how many there were."""
        assert self.process is not None
        pid = self.process.pid
        sessions = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for session in sessions:
            # The process between them, where privileges are separated, goes first.
            for child in Path(f"/proc/{session}/task/{session}/children").read_text().split():
                if Path(f"/proc/{child}/comm").read_text().startswith("sshd"):
                    os.kill(int(child), signal.SIGKILL)
            os.kill(int(session), signal.SIGKILL)
        return len(sessions)

    def __enter__(self) -> Self:
        for part in (self.client, self.bin, self.cache):
            part.mkdir(parents=True)
        for key in (self.folder / "host_key", self.client / "id"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = taken.getsockname()[1]
        public = (self.client / "id.pub").read_text()
        (self.folder / "authorized_keys").write_text(public)
        (self.folder / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1\nHostKey {self.folder}/host_key\nPidFile none\nUsePAM no\nStrictModes no\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nPasswordAuthentication no\nPermitRootLogin yes\n"
            f"KbdInteractiveAuthentication no\nSetEnv COMPOFA_CACHE={self.cache}\nMaxStartups 100\n"
        )
        host_key = " ".join((self.folder / "host_key.pub").read_text().split()[:2])
        (self.client / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host_key}\n")
        (self.client / "config").write_text(
            f"Host *\n  IdentityFile {self.client}/id\n  IdentitiesOnly yes\n  IdentityAgent none\n"
            f"  UserKnownHostsFile {self.client}/known_hosts\n  GlobalKnownHostsFile /dev/null\n"
        )
        wrapper = self.bin / "ssh"
        wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {self.client}/config "$@"\n')
        wrapper.chmod(0o755)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """A running sshd, and in the search path an ssh that knows its host key and has a key to log in."""
    if find_sshd() is None:
        pytest.skip("sshd is not installed; on Debian: apt-get install openssh-server")
    with Sshd(tmp_path / "sshd") as running:
        monkeypatch.setenv("PATH", f"{running.bin}{os.pathsep}{os.environ['PATH']}")
        yield running
