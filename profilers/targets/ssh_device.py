"""Measuring on another machine: the agent and the kit are carried there, and what was measured comes back."""

from __future__ import annotations

import hashlib
import json
import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import ConnectionLost, FormatError, MeasurementError, MismatchError
from latency_tables.machine import hash_json
from latency_tables.measured_kit import MeasuredKit
from latency_tables.value_readers import check_object
from profilers.measuring.answers import decode_error
from profilers.measuring.plan import Plan
from profilers.measuring.runner import OnProgress, Progress
from profilers.targets.agent_archive import pack_agent
from profilers.targets.ssh import Ssh, Target

AGENT = "compofa-agent.pyz"
KIT_SCRATCH = "compofa-kit-"
"""How the folders begin into which the agent unpacks kits; a run that was killed leaves one behind."""
RECONNECT_AFTER_S = (1.0, 2.0, 5.0, 15.0, 30.0)
"""How long to wait before each attempt to go on after a connection was lost; any progress starts them anew."""


class RemoteDevice:
    """A target with the agent on it, to be measured for a request.

    Everything is kept there in a folder of its own, in the user's cache (``COMPOFA_CACHE`` there), under a name that
    the same request finds again; :meth:`clean` removes it. ``python`` is the interpreter there.
    """

    def __init__(self, target: Target, request: DeviceRequest, python: str = "python3") -> None:
        self.ssh, self.request = Ssh(target), request
        self._agent = pack_agent()
        # A leading ~ is the shell's to expand.
        home = python.startswith("~/")
        self._python = f'"$HOME"/{shlex.quote(python[2:])}' if home else shlex.quote(python)
        self._key = hash_json([hashlib.sha256(self._agent).hexdigest(), _list_options(request), python])

    @property
    def name(self) -> str:
        """The target's name."""
        return self.ssh.target.name

    def find_spec(self) -> DeviceSpec:
        """The device spec that would be measured: its machine and its runtime's version are the device's own.

        Errors as of :meth:`profilers.targets.ssh.Ssh.run` and of :meth:`profilers.runtimes.base.Runtime.spec`, there;
        :class:`MismatchError` where the device is only emulated.
        """
        self._carry({})
        answer = check_object(self._ask(["check"], None), f"{self.name}, its answer")
        spec = DeviceSpec.from_dict(answer.get("device_spec"), f"{self.name}, its device spec")
        if spec.machine.emulated:
            raise MismatchError(
                f"{self.name}: it is an emulated {spec.machine.architecture}, whose latency is no device's; name one "
                "that is real"
            )
        return spec

    def measure(
        self, kit_id: str, kit: bytes, plan: Plan, on_progress: OnProgress | None = None
    ) -> MeasuredKit:
        """Measure a zipped kit there. A lost connection is taken up again, and the run goes on from its journal;
        that stays there where nothing helps.

        :class:`ConnectionLost` where the connection stays away, :class:`MismatchError` where what comes back is not
        what was asked for; else as of :func:`profilers.measuring.runner.run_kit` and :meth:`find_spec`.
        """
        name = f"kit-{kit_id}.zip"
        arguments = ["run", name, f"--plan={json.dumps(plan.to_dict())}", f"--journal={name}.journal"]
        attempt = 0

        def show(progress: Progress) -> None:
            nonlocal attempt
            attempt = 0
            if on_progress is not None:
                on_progress(progress)

        while True:
            try:
                self._carry({name: kit})
                measured = MeasuredKit.from_dict(self._ask(arguments, show), f"{self.name}, what it measured")
                break
            except ConnectionLost as error:
                if attempt == len(RECONNECT_AFTER_S):
                    raise ConnectionLost(
                        f"{error}; the same command goes on from what is measured there"
                    ) from None
            time.sleep(RECONNECT_AFTER_S[attempt])
            attempt += 1
        if measured.kit_id != kit_id or measured.plan != plan.to_dict():
            raise MismatchError(
                f"{self.name}: it measured another kit, or otherwise than asked; measure again"
            )
        return measured

    def clean(self) -> None:
        """Remove what was carried there, and the journal. Anything else in the folder stays, and so does the folder."""
        self._run(
            f'rm -f -- "$d"/{AGENT} "$d"/{AGENT}.part "$d"/kit-*.zip "$d"/kit-*.zip.*; '
            f'rm -rf -- "$d"/{KIT_SCRATCH}*; rmdir -- "$d" 2> /dev/null || :'
        )

    def close(self) -> None:
        """End what runs, from whatever thread."""
        self.ssh.close()

    def _carry(self, files: Mapping[str, bytes]) -> None:
        """Write files that are not there yet, and the agent; a file that is cut off does not count as there."""
        there = self._run('mkdir -p "$d" && ls "$d"').decode(errors="replace").split("\n")
        for name, data in {AGENT: self._agent, **files}.items():
            if name not in there:
                part = f'"$d"/{name}.part'
                self._run(
                    f'cat > {part} && test "$(wc -c < {part})" -eq {len(data)} && mv {part} "$d"/{name} '
                    f"|| {{ rm -f {part}; exit 1; }}",
                    data,
                )

    def _ask(self, arguments: Sequence[str], on_progress: OnProgress | None) -> Any:
        """The agent's answer; the error that it names where it answers with one."""
        answers: list[dict[str, Any]] = []

        def read(line: bytes) -> None:
            # A login shell may write lines of its own.
            try:
                content = json.loads(line)
            except (ValueError, RecursionError):
                return
            if not isinstance(content, dict):
                return
            if "progress" in content and on_progress is not None:
                with suppress(FormatError):
                    on_progress(Progress.from_dict(content["progress"]))
            elif "answer" in content or "error" in content:
                answers.append(content)

        words = [AGENT, *arguments, *_list_options(self.request), "--lines"]
        script = f'cd "$d" && exec {self._python} {shlex.join(words)}'
        try:
            self.ssh.follow(self._locate(script), read)
        except MeasurementError:
            # What the agent itself names says more than how it ended.
            if not answers:
                raise
        if not answers:
            raise ConnectionLost(f"{self.name}: the connection ended before the answer came; start again")
        if "answer" in answers[-1]:
            return answers[-1]["answer"]
        error = decode_error(answers[-1])
        raise type(error)(f"{self.name}: {error}")

    def _run(self, script: str, data: bytes = b"") -> bytes:
        return self.ssh.run(self._locate(script), data)

    def _locate(self, script: str) -> str:
        """A script that has its folder there in ``$d``."""
        cache = "${COMPOFA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/compofa-deploy}"
        # Machines that share a home must not share this: journals are of one machine, and so are process numbers.
        return f'd="{cache}/remote/$(uname -n)-{self._key}"; {script}'


def _list_options(request: DeviceRequest) -> tuple[str, ...]:
    """The agent's options that ask for the same."""
    given = {
        "runtime": request.runtime, "device": request.device, "precision": request.precision,
        "graph-level": request.graph_level,
    }  # fmt: skip
    named = [f"--{name}={value}" for name, value in given.items() if value]
    return (*named, f"--threads={request.threads}", f"--batch={request.batch}")
