"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from compofa_deploy.cli.output_file import OutputFile
from compofa_deploy.cli.units import Count, Percent, Resolutions, Size, Threads

F = TypeVar("F", bound=Callable[..., Any])

PRECISION_NAMES = {"fp32": "f32", "fp16": "f16"}
"""The names of precisions in other tools, and the names here."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")

supernet_option = click.option(
    "--supernet", default="mbv3-w0.75-cifar10", show_default=True, metavar="NAME|FILE",
    help="The supernet: one that ships, or a .safetensors file.",
)  # fmt: skip

architecture_option = click.option(
    "--arch", default="mbv3-w0.75-cifar10", show_default=True, metavar="NAME", help="The architecture."
)

accuracy_option = click.option(
    "--accuracy", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="The supernet's accuracy table  [default: the one beside the supernet].",
)  # fmt: skip

resolutions_option = click.option(
    "--resolutions", type=Resolutions(), metavar="R,R,...",
    help="Resolutions in pixels  [default: the architecture's].",
)  # fmt: skip

output_file_option = click.option(
    "-o", "--output", type=OutputFile(), required=True, metavar="FILE", help="The file to write."
)

output_folder_option = click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="The folder to write."
)  # fmt: skip

threads_of_torch_option = click.option(
    "--threads", type=click.IntRange(1), help="The threads of torch  [default: torch's own choice]."
)


def _read_number(context: click.Context, parameter: click.Parameter, value: str) -> int:
    return int(value)


percentile_option = click.option(
    "--percentile", type=click.Choice(["50", "90", "95", "99"]), default="50", show_default=True,
    callback=_read_number, help="The percentile of the latency; 50 is the median.",
)  # fmt: skip

confidence_option = click.option(
    "--confidence",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.9,
    show_default=True,
    help="The confidence of the predicted interval.",
)


def _read_precision(context: click.Context, parameter: click.Parameter, value: str) -> str:
    return PRECISION_NAMES.get(value, value)


precision_option = click.option(
    "--precision",
    default="",
    callback=_read_precision,
    help="The precision  [default: the runtime's first, f32].",
)


target_platform_option = click.option(
    "--target-platform", type=click.Choice(["arm", "amd64"]), default=None,
    help="onnxruntime_mobile: the instruction set to rewrite the graph for  [default: arm].",
)  # fmt: skip


def constraint_options(function: F) -> F:
    """Adds the limits on a candidate besides its latency: max_size, max_macs, max_params and min_accuracy."""
    for option in reversed((
        click.option("--max-size", type=Size(), help="The largest model file, as in 10MB."),
        click.option("--max-macs", type=Count(), help="The most multiply-accumulates, as in 30M."),
        click.option("--max-params", type=Count(), help="The most parameters, as in 3M."),
        click.option("--min-accuracy", type=Percent(),
                     help="The lowest validation top-1 accuracy in per cent, as in 80."),
    )):  # fmt: skip
        function = option(function)
    return function


def device_options(function: F) -> F:
    """Adds the settings of one device spec: runtime, device, precision, threads, batch and target_platform."""
    for option in reversed((
        click.option("--runtime", default="onnxruntime", show_default=True, help="What executes the graph."),
        click.option("--device", default="", help="The runtime's device  [default: its first, the CPU]."),
        precision_option,
        click.option("--threads", type=click.IntRange(1), default=1, show_default=True,
                     help="The threads that work on one operator."),
        click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="The images in one call."),
        target_platform_option,
    )):  # fmt: skip
        function = option(function)
    return function


def searched_device_options(function: F) -> F:
    """Adds the same parameters as :func:`device_options` for a command that may choose among device specs."""
    for option in reversed((
        click.option("--runtime", default="onnxruntime", show_default=True,
                     help="What executes the graph; auto compares all runtimes that work here."),
        click.option("--device", default="",
                     help="The runtime's device  [default: its first, the CPU; with --runtime auto all]."),
        click.option("--precision", default="", callback=_read_precision,
                     help="The precision, or auto  [default: the runtime's first, f32; with --runtime auto all]."),
        click.option("--threads", type=Threads(), metavar="N|auto",
                     help="The threads that work on one operator  [default: 1; with --runtime auto one, all cores, and "
                     "4 where there are more]."),
        click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="The images in one call."),
        target_platform_option,
    )):  # fmt: skip
        function = option(function)
    return function


def engine_options(function: F) -> F:
    """Adds the GPUs that an engine runs on: compute_capability, hardware and version_compatible."""
    for option in reversed((
        click.option("--compute-capability", default="", metavar="X.Y",
                     help="TensorRT: build for GPUs of this compute capability, which need not be here."),
        click.option("--hardware", type=click.Choice(["exact", "same", "ampere+"]), default="exact", show_default=True,
                     help="TensorRT: run on this model of GPU, on all of its compute capability, or on all from "
                     "Ampere on."),
        click.option("--version-compatible", is_flag=True,
                     help="TensorRT: later minor versions run the engine as well."),
    )):  # fmt: skip
        function = option(function)
    return function
