"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from compofa_deploy.cli.units import Count, Resolutions, Size, Threads

F = TypeVar("F", bound=Callable[..., Any])

PRECISION_NAMES = {"fp32": "f32", "fp16": "f16"}
"""How others write precisions, and how we do."""

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

output_option = click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="PATH", help="Where to write."
)


percentile_option = click.option(
    "--percentile", type=click.Choice(["50", "90", "95", "99"]), default="50", show_default=True,
    help="The percentile that a latency is of.",
)  # fmt: skip


def _read_precision(context: click.Context, parameter: click.Parameter, value: str) -> str:
    return PRECISION_NAMES.get(value, value)


precision_option = click.option(
    "--precision",
    default="",
    callback=_read_precision,
    help="Precision  [default: the runtime's first, f32].",
)


target_platform_option = click.option(
    "--target-platform", type=click.Choice(["arm", "amd64"]), default=None,
    help="onnxruntime_mobile: the instruction set to rewrite the graph for  [default: arm].",
)  # fmt: skip


def constraint_options(function: F) -> F:
    """What a candidate must keep, besides a latency; read by :func:`compofa_deploy.cli.inputs.list_constraints`."""
    for option in reversed((
        click.option("--max-size", type=Size(), help="Largest model file, as in 10MB."),
        click.option("--max-macs", type=Count(), help="Most multiply-accumulates, as in 30M."),
        click.option("--max-params", type=Count(), help="Most parameters, as in 3M."),
        click.option("--min-accuracy", type=float, help="Least validation top-1 in per cent."),
    )):  # fmt: skip
        function = option(function)
    return function


def device_options(function: F) -> F:
    """What a latency depends on, besides the machine."""
    for option in reversed((
        click.option("--runtime", default="onnxruntime", show_default=True, help="What executes the graph."),
        click.option("--device", default="", help="The runtime's device  [default: its first, the CPU]."),
        precision_option,
        click.option("--threads", type=click.IntRange(1), default=1, show_default=True,
                     help="Threads that work on one operator."),
        click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Images at once."),
        target_platform_option,
    )):  # fmt: skip
        function = option(function)
    return function


def searched_device_options(function: F) -> F:
    """The device options of what chooses among device specs; read by :func:`compofa_deploy.cli.inputs.find_specs`."""
    for option in reversed((
        click.option("--runtime", default="onnxruntime", show_default=True,
                     help="What executes the graph; auto compares all that work here."),
        click.option("--device", default="",
                     help="The runtime's device  [default: its first, the CPU; with --runtime auto all]."),
        click.option("--precision", default="", callback=_read_precision,
                     help="Precision, or auto  [default: the runtime's first, f32; with --runtime auto all]."),
        click.option("--threads", type=Threads(), metavar="N|auto",
                     help="Threads that work on one operator  [default: 1; with --runtime auto one, all cores, and 4 "
                     "where there are more]."),
        click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="Images at once."),
        target_platform_option,
    )):  # fmt: skip
        function = option(function)
    return function


def engine_options(function: F) -> F:
    """What an engine fits, besides the device options; read by :func:`compofa_deploy.cli.inputs.find_target`."""
    for option in reversed((
        click.option("--compute-capability", default="", metavar="X.Y",
                     help="TensorRT: build for GPUs of this compute capability, which need not be here."),
        click.option("--hardware", type=click.Choice(["exact", "same", "ampere+"]), default="exact", show_default=True,
                     help="TensorRT: fit this model of GPU, all of its compute capability, or all from Ampere on."),
        click.option("--version-compatible", is_flag=True, help="TensorRT: fit later minor versions as well."),
    )):  # fmt: skip
        function = option(function)
    return function
