"""Option types with units: times, sizes, counts and lists."""

from __future__ import annotations

import math
import re
from typing import Any

import click

TIME_UNITS = {"us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3}
SIZE_UNITS = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
COUNT_UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-zµ%]*)\s*")


class _WithUnit(click.ParamType[Any]):
    """A positive number with one of the units."""

    units: dict[str, float] | dict[str, int]
    example: str

    def parse(self, text: str) -> float:
        match = _NUMBER.fullmatch(text)
        if match is None or match[2] not in self.units:
            raise ValueError(f"{text!r} is not a {self.name}; write it as in {self.example}")
        value = float(match[1]) * self.units[match[2]]
        if not value > 0 or not math.isfinite(value):
            raise ValueError(f"{text!r}: a {self.name} must be above 0")
        return value

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self.parse(value)
        except ValueError as error:
            self.fail(str(error), parameter, context)


class Duration(_WithUnit):
    """A time in milliseconds, written as in ``20ms`` or ``850us``."""

    name, units, example = "time", TIME_UNITS, "20ms or 850us"


class Size(_WithUnit):
    """A size in bytes, written as in ``10MB``."""

    name, units, example = "size", SIZE_UNITS, "10MB"


class Count(_WithUnit):
    """A number, written as in ``30M``."""

    name, units, example = "count", COUNT_UNITS, "30M"


class Share(_WithUnit):
    """A share of 1, written in per cent as in ``3%``."""

    name, units, example = "share", {"%": 0.01}, "3%"


class Resolutions(click.ParamType[Any]):
    """Resolutions in pixels, separated by commas."""

    name = "resolutions"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            chosen = tuple(sorted({int(part) for part in value.split(",")}))
        except ValueError:
            self.fail(f"{value!r} is not a list of resolutions; write it as in 24,28,32", parameter, context)
        if chosen[0] < 1:
            self.fail("a resolution is a positive number of pixels", parameter, context)
        return chosen


class Threads(click.ParamType[Any]):
    """A number of threads; 0 stands for ``auto``."""

    name = "threads"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if value == "auto":
            return 0
        if not (str(value).isascii() and str(value).isdigit() and int(value)):
            self.fail(f"{value!r} is not a number of threads from 1 on, nor auto", parameter, context)
        return int(value)
