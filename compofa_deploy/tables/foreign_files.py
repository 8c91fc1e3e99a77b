"""Reading tables of latencies that others wrote: YAML, JSON, CSV. Aliases, tags and repeated names are refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compofa_deploy.files.csv import check_whole, parse_csv, read_text
from compofa_deploy.files.numbers import read_number, read_whole
from latency_tables.errors import FormatError, InputError
from latency_tables.json_text import parse_values, refuse_malformed
from latency_tables.layer_row import COLUMNS, REQUIRED, read_row
from latency_tables.ofa_table import find_resolution, read_means
from latency_tables.value_readers import check_number

LATENCY, LAYER, RESOLUTION = "latency_ms", "layer", "resolution"

LARGEST_YAML = 400_000
"""In characters. The YAML reader takes some 5 s for as many; published tables have 15,000."""
_NAMED = re.compile(r"([1-9]\d{0,3})(?:_lookup_table)?")
"""The name of a file of OFA's, which holds its resolution."""


@dataclass(frozen=True, slots=True)
class ForeignTable:
    """The latencies that a file states.

    Attributes:
        where: The file, for messages.
        resolution: The resolution in pixels, or None where the file states none.
        ms: The latency of each layer by this project's key or OFA's name, in ms where the file is.
    """

    where: str
    resolution: int | None
    ms: dict[str, float]


def read_tables(source: Path) -> list[ForeignTable]:
    """Read a file, or every ``.yaml``, ``.yml``, ``.json`` and ``.csv`` file of a folder.

    Raises:
        FormatError: A file is wrong; the message names the place and the fault.
        InputError: There is no file to read.
    """
    if not source.is_dir():
        return _read_file(source)
    files = sorted(path for path in source.iterdir() if path.suffix.lower() in READERS)
    if not files:
        raise InputError(f"{source}: holds no {', '.join(READERS)} file; name a file, or a folder of them")
    return [stated for path in files for stated in _read_file(path)]


def _read_file(path: Path) -> list[ForeignTable]:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path}: is none of {', '.join(READERS)}; a table is one of these, or a folder of them"
        )
    return reader(path)


def _read_ofa(parse: Callable[[str, str], Any]) -> Callable[[Path], list[ForeignTable]]:
    def read(path: Path) -> list[ForeignTable]:
        where = str(path)
        means = read_means(parse(read_text(path), where), where)
        named = _NAMED.fullmatch(path.stem)
        return [ForeignTable(where, find_resolution(means, where, int(named[1]) if named else None), means)]

    return read


def _parse_yaml(text: str, where: str) -> Any:
    """Plain values alone: no tags, no aliases, no key twice."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise FormatError(
                    f"{where}: has an alias, which no latency table needs; write its values out"
                )
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
            seen: set[str] = set()
            for key_node, _ in node.value:
                if not isinstance(key_node, yaml.ScalarNode):
                    raise FormatError(
                        f"{where}: a layer's name is a text, not {key_node.tag.rpartition(':')[2]}"
                    )
                if key_node.value in seen:
                    line = key_node.start_mark.line + 1
                    raise FormatError(
                        f"{where}: {key_node.value} is there twice, the second time in line {line}"
                    )
                seen.add(key_node.value)
            mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
            return mapping

    # YAML 1.2 and JSON have numbers such as 1e-05; YAML 1.1, which the library reads, takes them for text.
    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+"), list("-+.0123456789")
    )
    check_whole(text, where)
    if len(text) > LARGEST_YAML:
        raise FormatError(
            f"{where}: has {len(text)} characters, and a YAML table at most {LARGEST_YAML}; write it as JSON"
        )
    with refuse_malformed(where, "YAML"):
        try:
            return yaml.load(text, Loader)
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from None


def _parse_json(text: str, where: str) -> Any:
    return parse_values(text, where, strict=False)


def _read_csv(path: Path) -> list[ForeignTable]:
    where = str(path)
    known = (LAYER, RESOLUTION, LATENCY, *COLUMNS)
    by_resolution: dict[int | None, dict[str, float]] = {}
    for row in parse_csv(read_text(path), where, known):
        at = f"{where}, line {row.line}"
        if LATENCY not in row or (LAYER not in row and any(column not in row for column in REQUIRED)):
            raise FormatError(
                f"{where}: needs the column {LATENCY}, and either {LAYER} or {', '.join(REQUIRED)} (compofa tables "
                "export --format csv writes an example)"
            )
        name = row.get(LAYER) or read_row(row, at).key
        costs = by_resolution.setdefault(_read_resolution(row.get(RESOLUTION, ""), at), {})
        if name in costs:
            raise FormatError(f"{at}: layer {name} is there twice")
        at = f"{at}, {LATENCY}"
        costs[name] = check_number(read_number(row[LATENCY], at, "of milliseconds"), at)
    return [ForeignTable(where, resolution, costs) for resolution, costs in by_resolution.items()]


def _read_resolution(text: str, where: str) -> int | None:
    return read_whole(text, f"{where}, {RESOLUTION}", "a resolution in pixels") if text else None


READERS: dict[str, Callable[[Path], list[ForeignTable]]] = {
    ".yaml": _read_ofa(_parse_yaml),
    ".yml": _read_ofa(_parse_yaml),
    ".json": _read_ofa(_parse_json),
    ".csv": _read_csv,
}
