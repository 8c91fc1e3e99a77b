"""The agent on another machine: it is carried there over ssh, and asked in JSON lines."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Callable, Mapping

from latency_tables.errors import ConnectionLost, FormatError, MeasurementError
from latency_tables.machine import hash_json
from profilers.measuring.answers import decode_error
from profilers.measuring.runner import OnProgress, Progress
from profilers.targets.agent_archive import pack_agent
from profilers.targets.ssh import Ssh, Target

AGENT = "compofa-agent.pyz"
KIT_SCRATCH = "compofa-kit-"
"""How the names of the folders begin into which the agent unpacks kits; a killed run leaves one behind."""
JOURNAL_SUFFIX = ".journal"

Ask = Callable[[Mapping[str, Any]], Any]
"""Sends a request to an agent that waits for more, and returns its answer."""


class AgentConnection:
    """A target with the agent on it.

    Everything is kept there in a folder of its own, in the user's cache (``COMPOFA_CACHE`` there). The same agent and
    interpreter find it again.

    Args:
        target: The machine.
        python: The interpreter there.
    """

    def __init__(self, target: Target, python: str = "python3") -> None:
        self.ssh = Ssh(target)
        self._agent = pack_agent()
        # A leading ~ is the shell's to expand.
        home = python.startswith("~/")
        self._python = f'"$HOME"/{shlex.quote(python[2:])}' if home else shlex.quote(python)
        self.key = hash_json([hashlib.sha256(self._agent).hexdigest(), python])

    @property
    def name(self) -> str:
        """The target's name."""
        return self.ssh.target.name

    def carry(self, files: Mapping[str, bytes]) -> None:
        """Write files that are not there yet, and the agent; a file that is cut off does not count as there."""
        there = self.run('mkdir -p "$d" && ls "$d"').decode(errors="replace").split("\n")
        for name, data in {AGENT: self._agent, **files}.items():
            if name not in there:
                part = f'"$d"/{name}.part'
                self.run(
                    f'cat > {part} && test "$(wc -c < {part})" -eq {len(data)} && mv {part} "$d"/{name} '
                    f"|| {{ rm -f {part}; exit 1; }}",
                    data,
                )

    def ask(self, arguments: Sequence[str], on_progress: OnProgress | None = None) -> Any:
        """Run the agent and return its answer.

        Args:
            arguments: The agent's command and its options.
            on_progress: Called with the progress that the agent tells of.

        Raises:
            CompofaError: The error that the agent answers with.
            ConnectionLost: The connection ended before the answer came.
        """
        answers: list[dict[str, Any]] = []

        def read(line: bytes) -> None:
            content = _parse(line)
            if "progress" in content and on_progress is not None:
                with suppress(FormatError):
                    on_progress(Progress.from_dict(content["progress"]))
            elif "answer" in content or "error" in content:
                answers.append(content)

        try:
            self.ssh.follow(self._command(arguments), read)
        except MeasurementError:
            # The agent's own error says more than its exit code.
            if not answers:
                raise
        if not answers:
            raise self._lost()
        return self._unwrap(answers[-1])

    @contextmanager
    def converse(self, arguments: Sequence[str]) -> Iterator[Ask]:
        """Run the agent with a command that answers one request after the other, until the block ends.

        The agent's first answer, which says that it is ready, is awaited here.

        Args:
            arguments: The agent's command and its options.

        Yields:
            A function that sends a request and returns its answer; its errors are those of :meth:`ask`.
        """
        with self.ssh.converse(self._command(arguments)) as (send, receive):

            def next_answer() -> Any:
                while True:
                    line = receive()
                    if not line:
                        raise self._lost()
                    content = _parse(line)
                    if "answer" in content or "error" in content:
                        return self._unwrap(content)

            def ask(request: Mapping[str, Any]) -> Any:
                send(json.dumps(request).encode() + b"\n")
                return next_answer()

            next_answer()
            yield ask

    def run(self, script: str, data: bytes = b"") -> bytes:
        """Run a shell script that finds the agent's folder in ``$d``; return what it writes."""
        return self.ssh.run(self._locate(script), data)

    def forget(self, run_key: str) -> None:
        """Remove the journal of a run, and everything that was carried there once no journal is left.

        A user's own files stay.
        """
        journal = f'"$d"/{shlex.quote(run_key + JOURNAL_SUFFIX)}'
        self.run(f"rm -f -- {journal} {journal}.lock {journal}.other; {self._clean_up()}")

    def clean(self) -> None:
        """Remove everything that was carried there, unless a journal is left that a run may go on from."""
        self.run(self._clean_up())

    def close(self) -> None:
        """End everything that runs, from any thread."""
        self.ssh.close()

    def _clean_up(self) -> str:
        return (
            f'ls "$d"/*{JOURNAL_SUFFIX} > /dev/null 2>&1 || {{ '
            f'rm -f -- "$d"/{AGENT} "$d"/{AGENT}.part "$d"/kit-*.zip "$d"/kit-*.zip.part "$d"/file-*; '
            f'rm -rf -- "$d"/{KIT_SCRATCH}*; rmdir -- "$d" 2> /dev/null || :; }}'
        )

    def _command(self, arguments: Sequence[str]) -> str:
        words = shlex.join([AGENT, *arguments, "--lines"])
        return self._locate(f'cd "$d" && exec {self._python} {words}')

    def _locate(self, script: str) -> str:
        cache = "${COMPOFA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/compofa-deploy}"
        # Machines that share a home must not share this: journals are of one machine, and so are process numbers.
        return f'd="{cache}/remote/$(uname -n)-{self.key}"; {script}'

    def _unwrap(self, content: Mapping[str, Any]) -> Any:
        if "answer" in content:
            return content["answer"]
        error = decode_error(content)
        raise type(error)(f"{self.name}: {error}")

    def _lost(self) -> ConnectionLost:
        return ConnectionLost(f"{self.name}: the connection ended before the answer came; start again")


def _parse(line: bytes) -> dict[str, Any]:
    """The object of a JSON line; empty for any other line, since a login shell may write lines of its own."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
