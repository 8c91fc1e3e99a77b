"""Reading recipes by name or from a TOML file, with changes from the command line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from compofa_deploy.space.named_architectures import find_architecture
from compofa_deploy.training.recipe import ArchitectureSettings, DataSettings, Phase, Recipe
from latency_tables.errors import InputError
from latency_tables.json_text import refuse_malformed

MODELS: dict[str, type[BaseModel]] = {
    "architecture": ArchitectureSettings,
    "data": DataSettings,
    "phases": Phase,
}
LARGEST_RECIPE = 100_000
"""In characters."""
MOST_DOTS = 200
"""In one line. The memory and time that a dotted key takes grow with the square of its parts."""
CHANGE = re.compile(r"\s*(?P<key>[\w.*-]*[\w-])\s*(?P<scales>\*?)=\s*(?P<value>.+?)\s*")
WORD = re.compile(r"[A-Za-z][\w.-]*")


def load_recipe(name_or_path: str, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply changes to it.

    Args:
        name_or_path: The name of a recipe that ships, or the path of a TOML file.
        changes: Each is ``KEY=VALUE``, or ``KEY*=FACTOR`` for a number: ``seed=3``, ``phases.teacher.epochs=2``,
            ``phases.*.epochs*=0.04``, ``architecture.width=0.25``.

    Raises:
        InputError: The recipe does not exist, cannot be read, or has a mistake, whose key is named.
    """
    path = Path(name_or_path)
    source = path if path.suffix == ".toml" else files("compofa_deploy") / "recipes" / f"{name_or_path}.toml"
    try:
        text = source.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            f"no recipe {name_or_path!r}; give a .toml file or one of {', '.join(list_recipes())}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"recipe {name_or_path!r} cannot be read: {error}") from None
    if len(text) > LARGEST_RECIPE or any(line.count(".") > MOST_DOTS for line in text.splitlines()):
        raise InputError(
            f"recipe {name_or_path!r} cannot be read: it, or one of its keys, is too long; give a TOML file"
        )
    with refuse_malformed(f"recipe {name_or_path!r}", "TOML"):
        try:
            content = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"recipe {name_or_path!r} cannot be read: {error}") from None
    for change in changes:
        apply_change(content, change)
    try:
        recipe = Recipe.model_validate(content)
        recipe.architecture.build()
    except ValidationError as error:
        raise InputError(f"recipe {name_or_path!r}, {_explain(error)}") from None
    except InputError as error:
        raise InputError(f"recipe {name_or_path!r}: {error}") from None
    return recipe


def list_recipes() -> list[str]:
    """Return the names of the recipes that ship."""
    folder = files("compofa_deploy") / "recipes"
    return sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )


def apply_change(content: dict[str, Any], change: str) -> None:
    """Change a recipe's content in place.

    Args:
        content: The recipe as read from TOML. Phases without the key that is to be scaled stay as they are.
        change: ``KEY=VALUE`` or ``KEY*=FACTOR``.

    Raises:
        InputError: The change cannot be made.
    """
    match = CHANGE.fullmatch(change)
    if match is None:
        raise InputError(f"{change!r} is not a change; write KEY=VALUE, such as seed=3 or phases.*.epochs=2")
    *path, last = match["key"].split(".")
    value = _read_value(match["value"])
    if path[:1] == ["architecture"] and isinstance(content.get("architecture"), str):
        content["architecture"] = find_architecture(content["architecture"]).to_dict()
    places = list(_find_places(content, path, change))
    if not match["scales"]:
        for place in places:
            place[last] = value
        return
    scaled = [place for place in places if last in place]
    if not scaled or not all(
        isinstance(number, int | float) for number in (value, *(p[last] for p in scaled))
    ):
        raise InputError(f"{change!r}: {match['key']} is not a number in this recipe; give it a value with =")
    for place in scaled:
        place[last] *= value


def _read_value(text: str) -> Any:
    """Read a TOML value, where a single word needs no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        if WORD.fullmatch(text):
            return text
        raise InputError(
            f"{text!r} is not a TOML value; quote text and separate list items by commas"
        ) from None


def _find_places(content: dict[str, Any], path: Sequence[str], change: str) -> Iterator[dict[str, Any]]:
    if not path:
        yield content
        return
    first, *rest = path
    inner = content.get(first)
    if isinstance(inner, dict):
        yield from _find_places(inner, rest, change)
    elif isinstance(inner, list) and rest:
        chosen = [
            entry for i, entry in enumerate(inner) if rest[0] in ("*", str(i), str(entry.get("name", "")))
        ]
        if not chosen:
            names = ", ".join(str(entry.get("name", "")) for entry in inner)
            raise InputError(f"{change!r}: there is no phase {rest[0]!r}; there are {names}")
        for entry in chosen:
            yield from _find_places(entry, rest[1:], change)
    else:
        raise InputError(f"{change!r}: a recipe has no {first!r} with keys; there are {', '.join(MODELS)}")


def _explain(error: ValidationError) -> str:
    """Return the key of the first mistake and what is wrong with it."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    where = ".".join(place) or "recipe"
    if first["type"] != "extra_forbidden":
        return f"{where}: {first['msg']}"
    model = MODELS[place[0]] if len(place) > 1 and place[0] in MODELS else Recipe
    known = list(model.model_fields)
    near = get_close_matches(place[-1], known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    return f"{where}: there is no such key; {hint}"
