"""Commands on another machine, by the user's own OpenSSH: its keys, its configuration and its host-key checking.

Everything goes through ``ssh``, files too: ``scp`` would need an SFTP server there, which small devices often lack.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from latency_tables.errors import CompofaError, InputError, MeasurementError
from profilers.targets.ssh_errors import explain_failure

OPTIONS = ("-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=10")
"""Nothing asks for a password, and a connection that is dead is noticed."""
SSH_PORT = 22

# A name that begins with a dash would be taken for an option.
_NAME = r"[A-Za-z0-9_.][A-Za-z0-9_.-]*"
_TARGET = re.compile(
    rf"ssh://(?:(?P<user>{_NAME})@)?(?P<host>{_NAME}|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{{1,5}}))?/?"
)


@dataclass(frozen=True)
class Target:
    """A machine as OpenSSH knows it: by name, by address, or by an alias of the user's configuration."""

    host: str
    user: str = ""
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read ``ssh://[user@]host[:port]``; :class:`InputError` where it is not that.

        >>> Target.parse("ssh://pi@10.0.0.7:2222")
        Target(host='10.0.0.7', user='pi', port=2222)
        """
        found = _TARGET.fullmatch(text)
        if found is None or not 0 < int(found["port"] or SSH_PORT) < 1 << 16:
            raise InputError(
                f"{text!r} is no target; write it as ssh://user@host or ssh://user@host:{SSH_PORT}"
            )
        return cls(
            found["host"].strip("[]"), found["user"] or "", int(found["port"]) if found["port"] else None
        )

    @property
    def name(self) -> str:
        """A short name that does in a file's name."""
        return self.host.replace(":", "_") + ("" if self.port is None else f"-{self.port}")

    @property
    def arguments(self) -> tuple[str, ...]:
        """What ssh is given to reach it."""
        port = () if self.port is None else ("-p", str(self.port))
        return (*port, f"{self.user}@{self.host}" if self.user else self.host)

    @property
    def known_as(self) -> str:
        """Its name in known_hosts."""
        return self.host if self.port in (None, SSH_PORT) else f"[{self.host}]:{self.port}"


class Ssh:
    """Runs POSIX shell scripts on a target, each over a connection of its own; errors name the target."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False
        self._lock = threading.Lock()

    def run(self, script: str, data: bytes = b"") -> bytes:
        """Run a script and return what it writes.

        Args:
            script: A POSIX shell script.
            data: The script's standard input.

        Raises:
            ConnectionLost: The target cannot be reached, or no longer.
            InputError: There is no ssh on this machine.
            MeasurementError: The target refuses the connection, or the script fails.
        """
        return self._run(script, lambda process: process.communicate(data)[0])

    def follow(self, script: str, on_line: Callable[[bytes], None]) -> None:
        """Run a script whose standard input stays open; the errors are those of :meth:`run`.

        Args:
            script: A POSIX shell script.
            on_line: Called with each line as the script writes it.
        """

        def read(process: subprocess.Popen[bytes]) -> bytes:
            assert process.stdout is not None
            for line in process.stdout:
                on_line(line)
            return b""

        self._run(script, read)

    @contextmanager
    def converse(self, script: str) -> Iterator[tuple[Callable[[bytes], None], Callable[[], bytes]]]:
        """Run a script that is talked to, and end it when the block ends.

        Yields:
            A function that sends bytes to the script, and one that waits for its next line, which is empty at the end.

        Raises:
            ConnectionLost: The target cannot be reached, or no longer.
            MeasurementError: The script failed.
        """
        with tempfile.TemporaryFile() as stderr, self._start(script, stderr) as process:
            stdin, stdout = process.stdin, process.stdout
            assert stdin is not None
            assert stdout is not None

            def send(data: bytes) -> None:
                with suppress(BrokenPipeError):
                    stdin.write(data)
                    stdin.flush()

            def receive() -> bytes:
                line = stdout.readline()
                if not line and process.wait():
                    stderr.seek(0)
                    raise self._explain(process.returncode, stderr.read().decode(errors="replace"))
                return line

            try:
                yield send, receive
            finally:
                process.kill()
                with self._lock:
                    self._running.discard(process)

    def close(self) -> None:
        """End every script that runs, from any thread. Nothing can be started afterwards."""
        with self._lock:
            self._closed = True
            for process in self._running:
                process.kill()

    def _run(self, script: str, talk: Callable[[subprocess.Popen[bytes]], bytes]) -> bytes:
        with tempfile.TemporaryFile() as stderr:
            with self._start(script, stderr) as process:
                try:
                    output = talk(process)
                except BaseException:
                    process.kill()
                    raise
                finally:
                    with self._lock:
                        self._running.discard(process)
            stderr.seek(0)
            said = stderr.read().decode(errors="replace")
        if process.returncode:
            raise self._explain(process.returncode, said)
        return output

    def _explain(self, code: int, said: str) -> CompofaError:
        by_hand = shlex.join(["ssh", *self.target.arguments])
        return explain_failure(self.target.name, by_hand, shlex.quote(self.target.known_as), code, said)

    def _start(self, script: str, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
        # sh, whatever the user's own shell there is.
        command = ["ssh", *OPTIONS, *self.target.arguments, f"sh -c {shlex.quote(script)}"]
        with self._lock:
            if self._closed:
                raise MeasurementError(
                    f"{self.target.name}: the run was ended; the same command goes on from it"
                )
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
                )
            except FileNotFoundError:
                raise InputError("there is no ssh on this machine; install OpenSSH's client") from None
            self._running.add(process)
        return process
