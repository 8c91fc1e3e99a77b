"""The agent's command line: what ``compofa-agent.pyz`` does on a device, where there is python3, numpy and a runtime.

By hand it measures a kit and writes a file. Asked over a connection (``--lines``) it answers on standard output in
JSON, one object a line: ``{"progress": ...}`` as it goes on, and at last ``{"answer": ...}`` or
``{"error": ..., "message": ...}``; it ends when standard input does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from latency_tables.device import DeviceRequest, DeviceSpec
from latency_tables.errors import CompofaError, FormatError, InputError
from latency_tables.files import replace_file
from latency_tables.scratch import scratch_folder
from profilers.measuring.answers import encode_error
from profilers.measuring.kit import Kit
from profilers.measuring.kit_zip import unpack_kit
from profilers.measuring.paired_process import start_pair
from profilers.measuring.plan import Plan
from profilers.measuring.runner import OnProgress, Progress, measure_kit
from profilers.runtimes.registry import find_runtime, find_spec
from profilers.targets.agent_requests import answer, locate_pair
from profilers.targets.run_lock import hold_alone

INTERRUPTED = 130
BUG = 70
JOURNAL_SUFFIX = ".journal"
NOTES = 20
"""How often progress is noted where standard error is no terminal."""


def main(arguments: Sequence[str]) -> int:
    """Do what is asked; the exit code, as of the command line ``compofa``."""
    given = _make_parser().parse_args(arguments)
    try:
        result = given.do(given)
    except CompofaError as error:
        _fail(given.lines, type(error).__name__, str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _fail(given.lines, "", "interrupted; the same command goes on from the journal")
        return INTERRUPTED
    except Exception as error:
        _fail(given.lines, "", f"a bug in the agent: {type(error).__name__}: {error}; report it")
        return BUG
    if given.lines:
        _write_line({"answer": result})
    elif result:
        print(json.dumps(result, indent=2))
    return 0


def _check(given: argparse.Namespace) -> dict[str, Any]:
    """What would be measured under these settings on this device."""
    return {"device_spec": _find_spec(given).to_dict(), "python": platform.python_version()}


def _run(given: argparse.Namespace) -> dict[str, Any]:
    """Measure a kit; the measured kit itself where it is asked for over a connection."""
    plan = Plan.quick() if given.quick else Plan.full()
    if given.plan:
        plan = Plan.from_dict(_parse_json("--plan", given.plan))
    if not given.output and not (given.lines and given.journal):
        raise InputError("say where to write: -o MEASURED.json")
    journal = Path(given.journal or f"{given.output}{JOURNAL_SUFFIX}")
    with ExitStack() as stack:
        if given.lines:
            stack.enter_context(hold_alone(journal.with_name(f"{journal.name}.lock")))
        spec = _find_spec(given)
        kit = _open_kit(given.kit, journal.parent, stack)
        measured = measure_kit(kit, spec, journal, plan, _show_progress(given.lines), given.in_process)
    if not given.output:
        return measured.to_dict()
    measured.save(given.output)
    journal.unlink(missing_ok=True)
    return {"measured": str(given.output), "kit_id": kit.kit_id, "device_spec": spec.describe()}


def _outputs(given: argparse.Namespace) -> dict[str, Any]:
    """Run a model once and write down its outputs."""
    feeds = _load_arrays(given.inputs)
    spec = _find_spec(given)
    parts = [_read(path) if path else b"" for path in (given.model, given.weights)]
    with find_runtime(given.runtime).open(parts[0], spec, parts[1]) as session:
        outputs: dict[str, Any] = dict(session.run(feeds))
    with replace_file(given.output) as file:
        np.savez(file, **outputs)
    return {"outputs": str(given.output), "device_spec": spec.describe()}


def _ask(given: argparse.Namespace) -> dict[str, Any]:
    """Answer one request of a host."""
    return answer(given.operation, _parse_json("the arguments", given.arguments))


def _compare(given: argparse.Namespace) -> dict[str, Any]:
    """Time two models side by side, a block for each line of standard input, until it ends."""
    with start_pair(locate_pair(_parse_json("the arguments", given.arguments))) as measure_block:
        _write_line({"answer": {}})
        for line in sys.stdin:
            request = _parse_json("the request", line)
            try:
                block = measure_block(bool(request["new_first"]), int(request["calls"]))
            except CompofaError as error:
                _write_line(encode_error(error))
            else:
                _write_line({"answer": block.to_dict()})
    return {}


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="compofa-agent.pyz", description="Measure on this device what compofa asks for."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, do: Callable[[argparse.Namespace], dict[str, Any]], text: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(do=do)
        command.add_argument("--runtime", default="onnxruntime", help="what executes the graph")
        command.add_argument("--device", default="", help="the runtime's device; its first unless named")
        command.add_argument(
            "--precision", default="", help="the precision; the runtime's first unless named"
        )
        command.add_argument("--threads", type=int, default=1, help="threads that work on one operator")
        command.add_argument("--batch", type=int, default=1, help="images at once")
        command.add_argument(
            "--graph-level", default="", help="how far the graph may be rewritten; all the way unless named"
        )
        command.add_argument(
            "--lines", action="store_true", help="answer in JSON lines; end with standard input"
        )
        return command

    add("check", _check, "Print the device spec that would be measured here.")
    run = add("run", _run, "Measure a kit and write what was measured, for `compofa kit table`.")
    run.add_argument("kit", type=Path, help="a kit's zip or folder")
    run.add_argument("-o", "--output", type=Path, help="the file to write")
    run.add_argument("--journal", type=Path, help="where a run goes on from; beside the output unless named")
    run.add_argument("--quick", action="store_true", help="fewer samples, for a first estimate")
    run.add_argument("--request", default="", help="the settings of the device spec, as JSON")
    run.add_argument("--plan", default="", help="how to measure, as JSON")
    run.add_argument(
        "--in-process", action="store_true", help="start no process: a crash of the runtime ends the run"
    )
    outputs = add("outputs", _outputs, "Run a model once on inputs from a .npz and write its outputs as one.")
    outputs.add_argument("model", type=Path, help="the model file")
    outputs.add_argument("--weights", type=Path, help="its weights, where they have a file of their own")
    outputs.add_argument(
        "--inputs", type=Path, required=True, help="arrays by the names of the model's inputs"
    )
    outputs.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    ask = add("ask", _ask, "Answer one request of a host, over a connection.")
    ask.add_argument("operation", help="what is asked")
    ask.add_argument("arguments", help="what the operation takes, as JSON")
    compare = add("compare", _compare, "Time two models side by side, as a host asks, over a connection.")
    compare.add_argument("arguments", help="the two models, as JSON")
    return parser


def _find_spec(given: argparse.Namespace) -> DeviceSpec:
    if getattr(given, "request", ""):
        return find_spec(DeviceRequest.from_dict(_parse_json("--request", given.request)))
    names = (field.name for field in fields(DeviceRequest))
    return find_spec(DeviceRequest(**{name: getattr(given, name) for name in names if hasattr(given, name)}))


def _open_kit(path: Path, scratch: Path, stack: ExitStack) -> Kit:
    """A kit's folder, or its zip, unpacked into a folder that goes with ``stack``."""
    if path.is_dir():
        return Kit.load(path)
    try:
        folder = stack.enter_context(scratch_folder("kit", scratch))
    except OSError as error:
        raise InputError(f"{scratch}: cannot be written ({error.strerror}); choose another folder") from None
    return unpack_kit(path, folder / "kit")


def _load_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, ValueError, EOFError) as error:
        raise FormatError(f"{path}: cannot be read as a .npz ({error}); write it with numpy.savez") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name another file") from None


def _parse_json(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise FormatError(f"{where}: not the JSON it should be ({error})") from None


def _show_progress(lines: bool) -> OnProgress:
    if lines:
        _end_with_input()
        return lambda progress: _write_line({"progress": asdict(progress)})

    def show(progress: Progress) -> None:
        begin, end = ("\r", "") if sys.stderr.isatty() else ("", "\n")
        if progress.note:
            print(f"{begin}note: {progress.note}", file=sys.stderr, flush=True)
        if begin or progress.done * NOTES // progress.total > (progress.done - 1) * NOTES // progress.total:
            end = "\n" if progress.done == progress.total else end
            print(
                f"{begin}{progress.done} of {progress.total} sessions", end=end, file=sys.stderr, flush=True
            )

    return show


def _end_with_input() -> None:
    """Interrupt this process when standard input ends, or when it is asked to end: nobody waits for it any more."""

    def watch() -> None:
        # Not by sys.stdin: a thread that waits in it keeps the interpreter from ending.
        while os.read(0, 1 << 16):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=watch, daemon=True).start()


def _write_line(content: Mapping[str, Any]) -> None:
    print(json.dumps(content, allow_nan=False), flush=True)


def _fail(lines: bool, kind: str, message: str) -> None:
    if lines:
        _write_line({"error": kind, "message": message})
    else:
        print(f"Error: {message}", file=sys.stderr)
