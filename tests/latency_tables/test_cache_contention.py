import pytest

from latency_tables.cache_contention import CacheContention
from latency_tables.errors import FormatError

CROWDING = CacheContention(1e-6, 3e5, {"x": 100_000, "y": 300_000})
LAYERS_MS = {"x": 1.0, "y": 2.0}


def test_a_typical_network_is_the_sum_of_its_layers() -> None:
    assert CROWDING.predict_ms(LAYERS_MS, ["x", "x", "x"]) == 0


def test_heavier_networks_take_longer_and_lighter_ones_less() -> None:
    assert CROWDING.predict_ms(LAYERS_MS, ["x", "y"]) == pytest.approx(1e-6 * 3.0 * 100_000)
    assert CROWDING.predict_ms(LAYERS_MS, iter(["x"])) == pytest.approx(-1e-6 * 1.0 * 200_000)


def test_without_contention_no_weights_need_be_known() -> None:
    assert CacheContention().predict_ms(LAYERS_MS, ["x", "y"]) == 0


def test_it_comes_back_from_json_as_it_was() -> None:
    assert CacheContention.from_dict(CROWDING.to_dict()) == CROWDING


@pytest.mark.parametrize(
    ("field", "value"), [("per_byte", float("nan")), ("typical_bytes", -1), ("weight_bytes", {"x": 0.5})]
)
def test_a_spoilt_field_is_named(field: str, value: object) -> None:
    with pytest.raises(FormatError, match=field if field != "weight_bytes" else "x"):
        CacheContention.from_dict({**CROWDING.to_dict(), field: value})
