"""An item comes back from JSON, and a wrong field is named."""

import pytest

from latency_tables.errors import FormatError
from latency_tables.item import Item
from tests.latency_tables.builders import make_item


def test_an_item_comes_back_from_its_dict() -> None:
    assert Item.from_dict(make_item().to_dict()) == make_item()


@pytest.mark.parametrize(
    ("field", "value"), [("kind", "blob"), ("input_shape", [0]), ("layers", [1]), ("size_bytes", 0)]
)
def test_a_wrong_field_of_an_item_is_named(field: str, value: object) -> None:
    with pytest.raises(FormatError, match=f"item, {field}"):
        Item.from_dict({**make_item().to_dict(), field: value})
