"""Checkpoints as OFA and CompOFA save them, made from our architectures without their package."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.supernet.cut import Array
from compofa_deploy.supernet.shapes import list_supernet_shapes

AS_PUBLISHED, AS_PACKAGED = "mobile_inverted_conv", "conv"
"""The two spellings: of the published checkpoints, and of the package."""

_STEPS = {"expand": "inverted_bottleneck", "depthwise": "depth_conv", "project": "point_linear"}
_PLAIN = {"final_expand": "final_expand_layer", "feature_mix": "feature_mix_layer"}


def draw_arrays(architecture: Architecture, seed: int = 0) -> dict[str, Array]:
    """Arrays of an architecture under our names, of a scale at which activations neither die out nor explode."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in list_supernet_shapes(architecture).items():
        if len(shape) == 1:
            centre = np.float32(name.endswith(("running_var", "bn.weight")))
            arrays[name] = centre + np.float32(0.1) * rng.standard_normal(shape, np.float32)
        else:
            gain = np.float32((2 / np.prod(shape[1:])) ** 0.5)
            arrays[name] = gain * rng.standard_normal(shape, np.float32)
    return arrays


def spell(name: str, spelling: str = AS_PUBLISHED) -> str:
    """OFA's name of an array of ours."""
    dynamic = spelling == AS_PACKAGED
    if match := re.fullmatch(
        r"(stem_\w+|blocks\.\d+\.(?:reduce|spatial|restore|shortcut)(?:_bn)?)\.(.*)", name
    ):
        return _spell_resnet(match[1], match[2], dynamic)
    if match := re.fullmatch(r"blocks\.(\d+)\.(.*)", name):
        return f"blocks.{match[1]}.{spelling}.{_spell_part(match[2], int(match[1]) > 0 and dynamic)}"
    layer, _, part = name.partition(".")
    if layer == "classifier":
        return f"classifier.linear.{'linear.' if dynamic else ''}{part}"
    return f"{_PLAIN.get(layer, layer)}.{part}"


def _spell_resnet(place: str, part: str, dynamic: bool) -> str:
    """All of its layers are elastic: in the package, each repeats the name of what it wraps."""
    stem = {"stem_first": "0", "stem_middle": "1.conv", "stem_last": "2"}
    steps = {"reduce": "conv1", "spatial": "conv2", "restore": "conv3", "shortcut": "downsample"}
    if place in stem:
        owner, norm = f"input_stem.{stem[place]}", part.startswith("bn.")
    else:
        _, index, step = place.split(".")
        owner, norm = f"blocks.{index}.{steps[step.removesuffix('_bn')]}", step.endswith("_bn")
    kind, last = ("bn" if norm else "conv"), part.rpartition(".")[2]
    return f"{owner}.{f'{kind}.{kind}' if dynamic else kind}.{last}"


def _spell_part(part: str, dynamic: bool) -> str:
    if part.startswith("se."):
        return f"depth_conv.se.fc.{part.removeprefix('se.')}"
    step, _, rest = part.partition(".")
    if rest.startswith("matrix_"):
        return f"depth_conv.conv.{rest.removeprefix('matrix_')}_matrix"
    if step.endswith("_bn"):
        return f"{_STEPS[step.removesuffix('_bn')]}.{'bn.bn' if dynamic else 'bn'}.{rest}"
    return f"{_STEPS[step]}.{'conv.conv' if dynamic else 'conv'}.{rest}"


def make_state(arrays: dict[str, Array], spelling: str = AS_PUBLISHED) -> dict[str, torch.Tensor]:
    """A state dict of arrays of ours, with batch norm's counters."""
    state = {}
    for name, array in arrays.items():
        theirs = spell(name, spelling)
        state[theirs] = torch.from_numpy(np.ascontiguousarray(array))
        if name.endswith("running_var"):
            state[theirs.replace("running_var", "num_batches_tracked")] = torch.tensor(3)
    return state


def save_checkpoint(path: Path, content: object, *, legacy: bool = False) -> Path:
    """Write a checkpoint; ``legacy`` is the form of the torch that the published ones were saved by."""
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path
