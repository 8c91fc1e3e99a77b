"""A builder of TensorRT that is not installed: its engine is a description of how it was built.

It refuses what the real one refuses: a network that is not strongly typed, timings of another GPU.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from types import ModuleType
from typing import Any

from tests.support.cuda import FakeLogger

THIS_GPU = b"times on this GPU: "


class BuilderFlag(Enum):
    TF32 = 1
    VERSION_COMPATIBLE = 2


class Level(Enum):
    NONE = 0
    AMPERE_PLUS = 1
    SAME_COMPUTE_CAPABILITY = 2


class Verbosity(Enum):
    LAYER_NAMES_ONLY = 0
    DETAILED = 1


class DataType(Enum):
    FLOAT = 0
    HALF = 1
    BF16 = 2


class LayerType(Enum):
    CAST = 0
    CONVOLUTION = 1


class CreationFlag(int, Enum):
    STRONGLY_TYPED = 1


@dataclass
class TimingCache:
    content: bytes

    def serialize(self) -> bytes:
        return self.content


@dataclass
class Config:
    """What a build is asked for, with TensorRT's own defaults."""

    flags: set[BuilderFlag] = field(default_factory=lambda: {BuilderFlag.TF32})
    hardware_compatibility_level: Level = Level.NONE
    profiling_verbosity: Verbosity = Verbosity.LAYER_NAMES_ONLY
    cache: TimingCache | None = None

    def set_flag(self, flag: BuilderFlag) -> None:
        self.flags.add(flag)

    def clear_flag(self, flag: BuilderFlag) -> None:
        self.flags.discard(flag)

    def create_timing_cache(self, content: bytes) -> TimingCache:
        return TimingCache(content)

    def set_timing_cache(self, cache: TimingCache, ignore_mismatch: bool) -> bool:
        fits = ignore_mismatch or not cache.content or cache.content.startswith(THIS_GPU)
        self.cache = cache if fits else self.cache
        return fits

    def get_timing_cache(self) -> TimingCache:
        assert self.cache is not None
        return self.cache


@dataclass
class Tensor:
    dtype: DataType


@dataclass
class Layer:
    name: str
    dtype: DataType
    type: LayerType = LayerType.CONVOLUTION
    num_outputs: int = 1

    def get_output(self, index: int) -> Tensor:
        return Tensor(self.dtype)


@dataclass
class Network:
    """A network whose one layer is of the type that its graph names."""

    typed: bool
    layers: list[Layer] = field(default_factory=list)
    num_inputs: int = 0

    @property
    def num_layers(self) -> int:
        return len(self.layers)

    @property
    def num_outputs(self) -> int:
        return len(self.layers)

    def get_layer(self, index: int) -> Layer:
        return self.layers[index]

    def get_input(self, index: int) -> Tensor:
        raise IndexError(index)


class Parser:
    """It reads graphs such as ``b"half conv"``: the type of a layer, and its name."""

    num_errors = 0

    def __init__(self, network: Network, logger: Any) -> None:
        self.network = network

    def parse(self, graph: bytes) -> bool:
        kind, name = graph.decode().split()
        self.network.layers.append(Layer(name, DataType[kind.upper()]))
        return True


class Builder:
    def __init__(self, logger: Any) -> None:
        self.logger = logger

    def create_network(self, flags: int) -> Network:
        return Network(bool(flags & (1 << CreationFlag.STRONGLY_TYPED)))

    def create_builder_config(self) -> Config:
        return Config()

    def build_serialized_network(self, network: Network, config: Config) -> bytes | None:
        if not network.typed:
            self.logger.log(FakeLogger.Severity.ERROR, "the network is not\nstrongly typed")
            return None
        used = None if config.cache is None else config.cache.content
        if config.cache is not None:
            config.cache.content = THIS_GPU + b"".join(layer.name.encode() for layer in network.layers)
        return json.dumps(
            {
                "flags": sorted(flag.name for flag in config.flags),
                "hardware": config.hardware_compatibility_level.name,
                "verbosity": config.profiling_verbosity.name,
                "timings": None if used is None else used.decode(),
            }
        ).encode()


def make_module() -> Any:
    """A package of TensorRT, as far as building an engine needs it."""
    module: Any = ModuleType("tensorrt")
    module.Builder, module.OnnxParser, module.ILogger = Builder, Parser, FakeLogger
    module.BuilderFlag, module.DataType, module.LayerType = BuilderFlag, DataType, LayerType
    module.HardwareCompatibilityLevel, module.ProfilingVerbosity = Level, Verbosity
    module.NetworkDefinitionCreationFlag = CreationFlag
    return module
