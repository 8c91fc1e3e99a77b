"""Mutations of JSON content, for tests that nothing but our own errors comes of a damaged file."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([10**400, -1, 0, 1e300, "", "\ud800", 2**63])
)
values = st.recursive(
    scalars,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
    max_leaves=6,
)


def list_places(data: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value within a JSON value."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [place, *(found for key, entry in inner for found in list_places(entry, (*place, key)))]


@st.composite
def mutate(draw: st.DrawFn, data: Any) -> Any:
    """The JSON value with one value of it replaced or removed."""
    place = draw(st.sampled_from(list_places(data)))
    removed = draw(st.booleans())
    value = None if removed else draw(values)

    def change(inner: Any, rest: tuple[Any, ...]) -> Any:
        if not rest:
            return value
        entries = dict(inner) if isinstance(inner, dict) else list(inner)
        if len(rest) == 1 and removed:
            del entries[rest[0]]
        else:
            entries[rest[0]] = change(entries[rest[0]], rest[1:])
        return entries

    return change(data, place)
