"""Once-For-All's two descriptions of a subnet: its config of choices, and the ``net.config`` of a cut network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compofa_deploy.space.elastic_choices import ElasticChoices
from latency_tables.errors import InputError

EXPAND_TOLERANCE = 1e-6
"""How far an expand ratio may be from a whole number of the family's unit."""

UNUSED = "wid"
"""A field that OFA writes as null for families without elastic widths."""

NET_CONFIGS = {"MobileNetV3": "mbv3", "ProxylessNASNets": "proxyless"}
"""For each network name of a ``net.config`` that can be read, its family here."""


@dataclass(frozen=True, slots=True)
class OfaConfig:
    """The choices of a subnet, with one value for each block whether it runs or not; ``resolution`` is in pixels."""

    depths: tuple[int, ...]
    expands: tuple[int, ...]
    kernels: tuple[int, ...]
    widths: tuple[int, ...]
    resolution: int


def parse_config(text: str) -> dict[str, Any]:
    """Parse the JSON object of a config.

    Raises:
        InputError: The text is no JSON object, or names a field twice.
    """

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a field is there twice")
        return found

    try:
        config = json.loads(text, object_pairs_hook=build)
    except (ValueError, RecursionError) as error:
        raise InputError(f"an OFA config must be JSON ({error})") from None
    if not isinstance(config, dict):
        raise InputError(f"an OFA config must be a JSON object, not a {type(config).__name__}")
    return config


def read_config(
    config: Mapping[str, Any], choices: ElasticChoices, resolution: int | None = None
) -> OfaConfig:
    """Read OFA's config of a subnet.

    Args:
        config: ``{"ks": [...20], "e": [...20], "d": [...5], "r": [192]}``. ``r`` may be a number; ResNets have ``w``
            instead of ``ks``; a null ``wid`` is ignored. A ``net.config`` is read as well.
        choices: The choices of the subnet's family.
        resolution: The resolution in pixels where the config has no ``r``.

    Returns:
        The config's choices, which are not yet checked against the allowed values.

    Raises:
        InputError: A field is unknown or missing, a value is not a whole number, or there are several resolutions.
    """
    if "blocks" in config:
        return _read_net_config(config, choices, resolution)
    known = {"e", "d", "r", *(["ks"] if choices.kernels else []), *(["w"] if choices.widths else [])}
    try:
        for word, value in config.items():
            if word not in known and not (word == UNUSED and value is None):
                raise ValueError(f"unknown field {word!r}")
        depths = _read_list(config["d"], "d")
        if choices.tail and len(depths) == len(choices.depths) + 1:
            # OFA draws a depth for the tail too, and then runs its one block.
            depths = depths[:-1]
        return OfaConfig(
            depths,
            _read_list(config["e"], "e", choices.expand_scale),
            _read_list(config["ks"], "ks") if choices.kernels else (),
            _read_list(config["w"], "w") if choices.widths else (),
            _read_resolution(config.get("r", resolution)),
        )
    except KeyError as error:
        raise InputError(f"not an OFA config (there is no {error}); write {_show_shape(choices)}") from None
    except ValueError as error:
        raise InputError(f"not an OFA config ({error}); write {_show_shape(choices)}") from None


def _show_shape(choices: ElasticChoices) -> str:
    lengths = [("ks", choices.block_count if choices.kernels else 0), ("e", choices.block_count)]
    lengths += [("d", len(choices.depths)), ("w", choices.widths), ("r", 1)]
    fields = ", ".join(f'"{word}": [{count}]' for word, count in lengths if count)
    return f"{{{fields}}}"


def _read_list(values: Any, word: str, scale: int = 1) -> tuple[int, ...]:
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise ValueError(f"{word} must be a list, not {values!r}")
    return tuple(_read_whole(value, word, scale) for value in values)


def _read_whole(value: Any, word: str, scale: int = 1) -> int:
    """Return ``value * scale`` as a whole number; :class:`ValueError` where it is none."""
    try:
        scaled = value * scale if not isinstance(value, bool | str) else None
        if scaled is not None and abs(round(scaled) - scaled) <= (EXPAND_TOLERANCE if scale > 1 else 0):
            whole: int = round(scaled)
            return whole
    except (TypeError, ValueError, OverflowError):
        pass
    kind = "expand ratio of two digits" if scale > 1 else "whole number"
    raise ValueError(f"{word} holds {value!r}, which is no {kind}")


def _read_resolution(value: Any) -> int:
    if value is None:
        raise ValueError("there is no resolution r")
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != 1:
            raise ValueError(f"r must be one resolution, not {list(value)!r}")
        value = value[0]
    return _read_whole(value, "r")


def _read_net_config(config: Mapping[str, Any], choices: ElasticChoices, resolution: int | None) -> OfaConfig:
    """Read the layers of a network that OFA has cut out, and derive the choices that gave them."""
    name = config.get("name")
    if NET_CONFIGS.get(name) != choices.family:  # type: ignore[arg-type]
        raise InputError(
            f"this is OFA's net.config of a network {name!r}; the subnet asked for is of {choices.family}: name it "
            f"as in {choices.example}, or choose the architecture that the network is of"
        )
    try:
        stages = _group_stages([_find_conv(block) for block in config["blocks"]][1:])
        tail = stages[len(choices.depths) :]
        counts = [len(stage) for stage in stages]
        if len(tail) != bool(choices.tail) or sum(map(len, tail)) != choices.tail:
            raise ValueError(f"it has stages of {counts} blocks")
        depths = tuple(counts[: len(choices.depths)])
        pairs = [pair for stage in stages for pair in stage]
        expands = choices.spread(depths, [expand for expand, _ in pairs])
        kernels = choices.spread(depths, [kernel for _, kernel in pairs])
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise InputError(
            f"this is OFA's net.config of a {name}, and its blocks are no subnet of {choices.family} ({error}); name "
            f"the subnet as in {choices.example}"
        ) from None
    given = config.get("r", resolution)
    if given is None:
        running = [("e", expands), ("k", kernels)]
        chosen = "".join(word + "".join(str(v) for v in values if v) for word, values in running)
        raise InputError(
            f"this is OFA's net.config of the subnet {''.join(map(str, depths))}{chosen}, and it states no resolution: "
            'add "r": [192] to it, or write @192 behind that name'
        )
    try:
        return OfaConfig(depths, expands, kernels, (), _read_resolution(given))
    except ValueError as error:
        raise InputError(f"this is OFA's net.config, and {error}") from None


def _find_conv(block: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the inverted residual of a block, which OFA's releases name differently."""
    conv: Mapping[str, Any] = (
        block["mobile_inverted_conv"] if "mobile_inverted_conv" in block else block["conv"]
    )
    return conv


def _group_stages(convs: Sequence[Mapping[str, Any]]) -> list[list[tuple[int, int]]]:
    """Return expand ratio and kernel size of each block by stage: a new shape of features begins a stage."""
    stages: list[list[tuple[int, int]]] = []
    for conv in convs:
        if not stages or conv["in_channels"] != conv["out_channels"] or conv["stride"] != 1:
            stages.append([])
        stages[-1].append(
            (_read_whole(conv["expand_ratio"], "expand_ratio"), _read_whole(conv["kernel_size"], "kernel"))
        )
    return stages
