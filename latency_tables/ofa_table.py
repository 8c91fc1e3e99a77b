"""OFA tables: the names and latencies of layers in the latency tables of Once-For-All.

A table holds one resolution. It maps a layer's name to ``{"mean": ms, "std": ms, "count": n}``. OFA predicts a network
as the plain sum of means: first convolution, first block, blocks, final expansion (``Conv_1``), pooling
(``AvgPool2D``), feature mix (``Conv_2``) and classifier (``Logits``). See ``ofa.tutorial.latency_table``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from latency_tables.errors import FormatError
from latency_tables.layer import Layer
from latency_tables.value_readers import check_number, check_object, show_value

_FIRST_CONV = re.compile(r"Conv-input:(?P<height>\d+)x(?P<width>\d+)x3-output:\S+")


def name_for_ofa(layer: Layer) -> str:
    """OFA's name of a layer of its MobileNetV3.

    >>> name_for_ofa(Layer("blocks.1", "mbconv", 16, 24, 56, 28, 64, 4, 3, 2, "relu"))
    'expanded_conv-input:56x56x16-output:28x28x24-expand:64-kernel:3-stride:2-idskip:0-se:0-hs:0'
    """
    before = f"{layer.in_size}x{layer.in_size}x{layer.in_channels}"
    behind = f"{layer.out_size}x{layer.out_size}x{layer.out_channels}"
    if layer.kind == "mbconv":
        return (
            f"expanded_conv-input:{before}-output:{behind}-expand:{layer.mid_channels}-kernel:{layer.kernel}"
            f"-stride:{layer.stride}-idskip:{layer.skip:d}-se:{layer.se:d}-hs:{layer.act == 'h_swish':d}"
        )
    if layer.kind == "pool":
        return f"AvgPool2D-input:{before}-output:{behind}"
    if layer.kind == "linear":
        return f"Logits-input:{before}-output:{layer.out_channels}"
    name = "Conv" if layer.kernel > 1 else "Conv_2" if layer.has_raw_output else "Conv_1"
    return f"{name}-input:{before}-output:{behind}"


def read_means(table: Any, where: str) -> dict[str, float]:
    """The mean latency in ms of every layer of one of OFA's tables, by OFA's names.

    Args:
        table: The table as JSON or YAML values.
        where: The table's name in errors.

    Raises:
        FormatError: A layer has no mean, a mean that is negative or no number, or no standard deviation where others
            have one. The message names the layer.
    """
    entries = check_object(table, where)
    if not entries:
        raise FormatError(f"{where}: holds no layers; the file may be cut off")
    means = {}
    stated = any(isinstance(entry, Mapping) and "std" in entry for entry in entries.values())
    for name, entry in entries.items():
        if not isinstance(name, str):
            raise FormatError(f"{where}: {show_value(name)} is no layer's name")
        place = f"{where}, {name}"
        if "mean" not in check_object(entry, place):
            raise FormatError(
                f"{place}, mean: is missing; the file may be of another release, or changed by hand"
            )
        means[name] = check_number(entry["mean"], f"{place}, mean")
        if stated and "std" not in entry:
            raise FormatError(f"{place}: has no std, as the others have; the file may be cut off")
    return means


def find_resolution(means: Mapping[str, float], where: str, named: int | None = None) -> int:
    """The resolution of one of OFA's tables in pixels, from the input of its first convolution.

    Args:
        means: The mean latencies by OFA's names.
        where: The table's name in errors.
        named: The resolution in the file's name, which is returned for a table without a first convolution.

    Raises:
        FormatError: The table states no resolution, several, or another one than its name.
    """
    found = {match["height"]: match["width"] for match in map(_FIRST_CONV.fullmatch, means) if match}
    if named and not found:
        return named
    if len(found) != 1 or list(found) != list(found.values()):
        raise FormatError(
            f"{where}: must have one layer Conv-input:RxRx3-output:..., which says its resolution R; has {len(found)}"
        )
    resolution = int(next(iter(found)))
    if named and named != resolution:
        raise FormatError(
            f"{where}: is named {named}, and its first convolution is of {resolution} px; rename what is right"
        )
    return resolution


def state_means(costs_ms: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """One of OFA's tables, with means alone, from latencies in ms by OFA's names."""
    return {name: {"mean": ms} for name, ms in sorted(costs_ms.items())}
