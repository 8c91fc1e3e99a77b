"""The names in state dicts of OFA and CompOFA, translated one to one into this project's names.

OFA has two spellings. A block's convolution is ``mobile_inverted_conv`` in the published checkpoints and ``conv`` in
the package. An elastic layer repeats the name of the layer that it wraps (``bn.bn``, ``conv.conv``, ``linear.linear``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from latency_tables.errors import FormatError

Value = TypeVar("Value")

COUNTER = "num_batches_tracked"
"""The last part of the name of batch norm's count of training steps, which nothing reads."""

_PLAIN = {
    "first_conv": "first_conv",
    "final_expand_layer": "final_expand",
    "feature_mix_layer": "feature_mix",
}
_STEPS = {"inverted_bottleneck": "expand", "depth_conv": "depthwise", "point_linear": "project"}
_BOTTLENECK_STEPS = {"conv1": "reduce", "conv2": "spatial", "conv3": "restore", "downsample": "shortcut"}
_STEM = {"0": "stem_first", "1.conv": "stem_middle", "2": "stem_last"}

_NORM = r"bn(?:\.bn)?\.(?P<norm>weight|bias|running_mean|running_var)"
_CONV_OR_NORM = rf"(?:(?P<conv>conv(?:\.conv)?\.weight)|{_NORM})"
_PLAIN_NAME = re.compile(rf"(?P<layer>{'|'.join(_PLAIN)})\.{_CONV_OR_NORM}")
_CLASSIFIER_NAME = re.compile(r"classifier\.linear(?:\.linear)?\.(?P<part>weight|bias)")
_BLOCK_NAME = re.compile(
    r"blocks\.(?P<index>\d+)\.(?:mobile_inverted_conv|conv)\."
    rf"(?:(?P<step>{'|'.join(_STEPS)})\.(?:(?P<conv>conv(?:\.conv)?\.weight)|{_NORM})"
    r"|depth_conv\.conv\.(?P<matrix>7to5|5to3)_matrix"
    r"|depth_conv\.se\.fc\.(?P<se>(?:reduce|expand)\.(?:weight|bias)))"
)
_STEM_NAME = re.compile(rf"input_stem\.(?P<layer>0|1\.conv|2)\.{_CONV_OR_NORM}")
_BOTTLENECK_NAME = re.compile(
    rf"blocks\.(?P<index>\d+)\.(?P<step>{'|'.join(_BOTTLENECK_STEPS)})\.{_CONV_OR_NORM}"
)


def from_ofa_name(name: str) -> str:
    """Return this project's name of an array of OFA's MobileNetV3, ProxylessNAS or ResNet50-D.

    Raises:
        FormatError: The name is none of OFA's.

    >>> from_ofa_name("blocks.7.mobile_inverted_conv.point_linear.bn.bn.running_mean")
    'blocks.7.project_bn.running_mean'
    >>> from_ofa_name("blocks.7.conv.depth_conv.conv.7to5_matrix")
    'blocks.7.depthwise.matrix_7to5'
    """
    if match := _PLAIN_NAME.fullmatch(name):
        part = "conv.weight" if match["conv"] else f"bn.{match['norm']}"
        return f"{_PLAIN[match['layer']]}.{part}"
    if match := _CLASSIFIER_NAME.fullmatch(name):
        return f"classifier.{match['part']}"
    if match := _BLOCK_NAME.fullmatch(name):
        return f"blocks.{match['index']}.{_block_part(match)}"
    if match := _BOTTLENECK_NAME.fullmatch(name):
        step = _BOTTLENECK_STEPS[match["step"]]
        return f"blocks.{match['index']}.{step}" + (".weight" if match["conv"] else f"_bn.{match['norm']}")
    if match := _STEM_NAME.fullmatch(name):
        part = "conv.weight" if match["conv"] else f"bn.{match['norm']}"
        return f"{_STEM[match['layer']]}.{part}"
    raise FormatError(f"{name!r} is no array of OFA's networks; give a checkpoint of one of its supernets")


def from_ofa_state(state: Mapping[str, Value]) -> dict[str, Value]:
    """Return a state dict under this project's names, without batch norm's counters.

    Raises:
        FormatError: A name is unknown, or two names are spellings of one.
    """
    renamed: dict[str, Value] = {}
    for name, value in state.items():
        if name.rpartition(".")[2] == COUNTER:
            continue
        ours = from_ofa_name(name)
        if ours in renamed:
            raise FormatError(
                f"the checkpoint holds {ours} twice, the second time as {name!r}; it was merged wrongly"
            )
        renamed[ours] = value
    return renamed


def _block_part(match: re.Match[str]) -> str:
    if match["matrix"]:
        return f"depthwise.matrix_{match['matrix']}"
    if match["se"]:
        return f"se.{match['se']}"
    step = _STEPS[match["step"]]
    return f"{step}.weight" if match["conv"] else f"{step}_bn.{match['norm']}"
