"""Option types with units: times, rates, sizes, counts, shares and lists."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import click

MICRO = ("u", "\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}")
"""How people write the prefix of a millionth: the two letters look alike, and keyboards have one or the other."""

TIME_UNITS = {**{f"{letter}s": 1e-3 for letter in MICRO}, "ms": 1.0, "s": 1e3}
RATE_UNITS = ("fps", "FPS")
SIZE_UNITS = {
    "B": 1.0,
    "kB": 1e3,
    "KB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "KiB": 2.0**10,
    "MiB": 2.0**20,
    "GiB": 2.0**30,
}
COUNT_UNITS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9}
PERCENT_UNITS = {"": 1.0, "%": 1.0}

_NUMBER = re.compile(
    rf"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z{''.join(MICRO)}%]*)\s*"
)


class _WithUnit(click.ParamType[Any]):
    """A positive number with one of the units."""

    units: Mapping[str, float]
    example: str

    def split(self, text: str) -> tuple[float, str]:
        """Returns the number and its unit.

        Raises:
            ValueError: The text is not a number with one of the units.
        """
        match = _NUMBER.fullmatch(text)
        if match is None or match[2] not in self.units:
            raise ValueError(f"{text!r} is not a {self.name}; write it as in {self.example}")
        return float(match[1]), match[2]

    def parse(self, text: str) -> float:
        """Returns the number in the base unit.

        Raises:
            ValueError: The text is not a number with one of the units, or the number is not above 0.
        """
        number, unit = self.split(text)
        value = number * self.units[unit]
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

    name, example = "time", "20ms or 850us"
    units: Mapping[str, float] = TIME_UNITS


class Latency(Duration):
    """A latency in milliseconds. A rate of images, as in ``30fps``, is one over the latency."""

    units: Mapping[str, float] = {**TIME_UNITS, **dict.fromkeys(RATE_UNITS, math.nan)}

    def parse(self, text: str) -> float:
        """Returns the latency in ms, and says what a rate is taken for.

        Raises:
            ValueError: The text is neither a time nor a rate, or the number is not above 0.
        """
        number, unit = self.split(text)
        if unit not in RATE_UNITS:
            return super().parse(text)
        if not number > 0 or not math.isfinite(number):
            raise ValueError(f"{text!r}: a rate must be above 0")
        latency_ms = 1000 / number
        click.echo(f"{text.strip()} is taken as a latency of {latency_ms:.4g} ms for one image", err=True)
        return latency_ms


class Size(_WithUnit):
    """A size in whole bytes, written as in ``10MB``."""

    name, units, example = "size", SIZE_UNITS, "10MB"

    def parse(self, text: str) -> int:
        """Returns the size in bytes; errors as of :meth:`_WithUnit.parse`."""
        return int(super().parse(text))


class Count(_WithUnit):
    """A whole number, written as in ``30M``."""

    name, units, example = "count", COUNT_UNITS, "30M"

    def parse(self, text: str) -> int:
        """Returns the number; errors as of :meth:`_WithUnit.parse`."""
        return int(super().parse(text))


class Share(_WithUnit):
    """A share of 1, written in per cent as in ``3%``."""

    name, units, example = "share", {"%": 0.01}, "3%"


class Percent(_WithUnit):
    """An accuracy in per cent, written as in ``80`` or ``80%``. A fraction of 1 is refused."""

    name, units, example = "percentage", PERCENT_UNITS, "80"

    def parse(self, text: str) -> float:
        """Returns the number of per cents.

        Raises:
            ValueError: The number is not between 0 and 100, or is a fraction of 1 without ``%``.
        """
        number, unit = self.split(text)
        if not 0 <= number <= 100:
            raise ValueError(f"{text!r}: an accuracy is between 0 and 100 per cent")
        if 0 < number < 1 and not unit:
            raise ValueError(
                f"{text!r}: an accuracy is in per cent; write {100 * number:g}, or {number:g}% if that is meant"
            )
        return number


class Resolutions(click.ParamType[Any]):
    """Resolutions in pixels, separated by commas."""

    name = "resolutions"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(",")]
        if not all(part.isascii() and part.lstrip("+-").isdigit() for part in parts):
            self.fail(f"{value!r} is not a list of resolutions; write it as in 24,28,32", parameter, context)
        chosen = tuple(sorted({int(part) for part in parts}))
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
