from dataclasses import replace

import pytest

from latency_tables.build import build_table, find_layers_ms
from latency_tables.errors import InputError
from latency_tables.item import Item
from latency_tables.measurement import Measurement
from tests.latency_tables.builders import (
    CONDITIONS,
    SPEC,
    make_item,
    make_measurement,
    random_generator,
)

KEYS = tuple(f"mbconv-8x{size}-{out}x{size}-m48-k3-s1-relu" for out in (16, 24, 40) for size in (4, 8, 16))


def measure(ms_per_kb: float, n: int = 12) -> tuple[list[Measurement], dict[str, float]]:
    """Layers alone and ``n`` networks, where each layer costs more in a network by its weights; and those costs."""
    rng = random_generator()
    isolated = {key: float(ms) for key, ms in zip(KEYS, rng.uniform(0.01, 0.1, len(KEYS)), strict=True)}
    sizes = {key: int(size) for key, size in zip(KEYS, rng.integers(1, 400, len(KEYS)) * 1000, strict=True)}
    true = {key: isolated[key] + ms_per_kb * sizes[key] / 1000 for key in KEYS}
    measurements = [
        make_measurement(make_item(f"l{i}", "layer", (key,), sizes[key]), isolated[key])
        for i, key in enumerate(KEYS)
    ]
    for i in range(n):
        layers = tuple(str(key) for key in rng.choice(KEYS, rng.integers(8, 16)))
        ms = sum(true[key] for key in layers)
        measurements.append(make_measurement(make_item(f"n{i}", "network", layers), ms))
    return measurements, true


def list_items(measurements: list[Measurement]) -> list[Item]:
    return [measurement.item for measurement in measurements]


def tell_layers(measurement: Measurement, shares: list[float]) -> Measurement:
    """The measurement, as if its first session told the layers."""
    first, *others = measurement.sessions
    return replace(measurement, sessions=(replace(first, layer_shares=tuple(shares)), *others))


def test_layers_whose_weights_cost_more_in_a_network_are_found_out() -> None:
    measurements, true = measure(ms_per_kb=2e-4)
    table = build_table(SPEC, {"name": "tiny"}, "k", list_items(measurements), measurements, [CONDITIONS])
    unseen = [KEYS[i] for i in (0, 3, 4, 5, 8, 8, 2)]
    assert table.predict_ms(unseen) == pytest.approx(sum(true[key] for key in unseen), rel=0.02)
    assert table.error.mape < 0.01
    assert table.error.n == 12


def test_a_layer_of_one_size_that_costs_more_in_a_network_is_found_out() -> None:
    """As a runtime does that has another way for it; the others of its group cost what they take alone."""
    measurements, true = measure(ms_per_kb=0, n=30)
    dear = KEYS[4]
    networks = [m for m in measurements if m.item.kind == "network"]
    dearer = [
        make_measurement(m.item, m.latency_ms + 0.2 * true[dear] * m.item.layers.count(dear))
        for m in networks
    ]
    measurements = [m for m in measurements if m.item.kind == "layer"] + dearer
    table = build_table(SPEC, {"name": "tiny"}, "k", list_items(measurements), measurements, [CONDITIONS])
    assert table.costs_ms[dear] == pytest.approx(1.2 * true[dear], rel=0.05)
    others = [key for key in KEYS if key != dear]
    assert [table.costs_ms[key] for key in others] == pytest.approx([true[key] for key in others], rel=0.05)


def test_layers_that_cost_the_same_in_a_network_are_left_as_they_are() -> None:
    measurements, true = measure(ms_per_kb=0)
    table = build_table(SPEC, {"name": "tiny"}, "k", list_items(measurements), measurements, [CONDITIONS])
    assert [table.costs_ms[key] for key in KEYS] == pytest.approx([true[key] for key in KEYS], rel=1e-3)
    assert table.intercept_ms == pytest.approx(0, abs=1e-3)


def test_layers_that_are_told_within_networks_need_not_be_measured_alone() -> None:
    measurements, _ = measure(0)
    rng = random_generator()
    true = dict(zip(KEYS, rng.uniform(0.02, 0.2, len(KEYS)), strict=True))
    networks = []
    for network in measurements[len(KEYS) :]:
        costs = [true[key] for key in network.item.layers]
        exact = make_measurement(network.item, sum(costs))
        networks.append(tell_layers(exact, [cost / sum(costs) for cost in costs]))
    table = build_table(SPEC, {"name": "tiny"}, "k", list_items(measurements), networks, [CONDITIONS])
    assert table.layers_ms == pytest.approx({key: true[key] for key in table.layers_ms}, rel=1e-3)
    assert table.predict_ms(KEYS[2:7]) == pytest.approx(sum(true[key] for key in KEYS[2:7]), rel=0.01)


def test_what_a_layer_takes_within_networks_counts_before_what_it_takes_alone() -> None:
    alone = [
        make_measurement(make_item(f"l{key}", "layer", (key,)), ms) for key, ms in (("a", 1.0), ("c", 2.0))
    ]
    networks = [
        tell_layers(make_measurement(make_item("n", "network", ("a", "b", "b")), 8.0), [0.25, 0.5, 0.25]),
        tell_layers(make_measurement(make_item("m", "network", ("a",)), 4.0), [1.0]),
        make_measurement(make_item("k", "network", ("a", "c")), 9.0),
    ]
    assert find_layers_ms([*alone, *networks]) == pytest.approx({"a": 3.0, "b": 3.0, "c": 2.0})


def test_a_network_that_is_left_out_tells_nothing_of_its_layers_either() -> None:
    measurements, true = measure(0)
    networks = []
    for network in measurements[len(KEYS) :]:
        costs = [true[key] for key in network.item.layers]
        networks.append(tell_layers(network, [cost / sum(costs) for cost in costs]))
    # One network claims that the whole of its time goes into its first layer.
    odd = replace(networks[0], sessions=tuple(replace(v, layer_shares=()) for v in networks[0].sessions))
    networks[0] = tell_layers(odd, [1.0, *[0.0] * (len(odd.item.layers) - 1)])
    table = build_table(SPEC, {"name": "tiny"}, "k", list_items(measurements), networks, [CONDITIONS])
    without = build_table(SPEC, {"name": "tiny"}, "k", list_items(measurements), networks[1:], [CONDITIONS])
    expected = networks[0].latency_ms / without.predict_ms(networks[0].item.layers) - 1
    assert table.residuals[0] == pytest.approx(expected, abs=2e-3)


def test_networks_that_contend_for_a_cache_are_slower_than_the_sum_of_their_layers() -> None:
    measurements, _ = measure(0, n=24)
    sizes = {m.item.layers[0]: m.item.size_bytes for m in measurements[: len(KEYS)]}
    alone = {m.item.layers[0]: m.latency_ms for m in measurements[: len(KEYS)]}

    def take_ms(layers: tuple[str, ...]) -> float:
        return sum(alone[key] for key in layers) * (0.8 + sum(sizes[key] for key in layers) / 1e7)

    contended = [make_measurement(m.item, take_ms(m.item.layers)) for m in measurements[len(KEYS) :]]
    table = build_table(
        SPEC,
        {"name": "tiny"},
        "k",
        list_items(measurements),
        [*measurements[: len(KEYS)], *contended],
        [CONDITIONS],
    )
    assert table.cache_contention.per_byte == pytest.approx(1e-7, rel=0.3)
    unseen = (*KEYS[:4], *KEYS[2:9], KEYS[5])
    assert table.predict_ms(unseen) == pytest.approx(take_ms(unseen), rel=0.02)


def test_a_table_keeps_what_it_was_made_from() -> None:
    measurements, _ = measure(0)
    table = build_table(
        SPEC, {"name": "tiny"}, "k", list_items(measurements), measurements, [CONDITIONS, CONDITIONS]
    )
    assert table.resolutions == (8,)
    assert len(table.networks) == len(table.residuals) == 12
    assert table.networks[0].ms == pytest.approx(measurements[len(KEYS)].latency_ms)
    assert table.percentile_ratios == pytest.approx({"50": 1, "90": 1, "95": 1, "99": 1})
    assert table.conditions == (CONDITIONS, CONDITIONS)


def test_too_few_networks_are_refused() -> None:
    measurements, _ = measure(0, n=2)
    with pytest.raises(InputError, match="at least 3 networks; got 2"):
        build_table(SPEC, {}, "k", list_items(measurements), measurements, [CONDITIONS])


def test_a_network_with_a_layer_that_was_not_measured_is_refused() -> None:
    measurements, _ = measure(0)
    measurements.append(make_measurement(make_item("odd", "network", ("elsewhere",)), 1.0))
    with pytest.raises(InputError, match="network odd runs layer elsewhere"):
        build_table(SPEC, {}, "k", list_items(measurements), measurements, [CONDITIONS])
