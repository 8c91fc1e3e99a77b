"""Wrong units and noise of an imported table are seen, and an honest table raises no doubt."""

import numpy as np
import pytest

from compofa_deploy.search.compound_latency import predict_compound
from compofa_deploy.space.architecture import IMAGENET_RESOLUTIONS, Architecture
from compofa_deploy.tables.coverage import list_needed
from compofa_deploy.tables.plausibility import examine_table
from latency_tables.imported import build_imported, describe_device

PHONE = Architecture("phone", 1.0, 1000, 2, IMAGENET_RESOLUTIONS)
RESOLUTIONS = (160, 224)


def make_stated(scale=1.0):
    """Latencies as a phone has them: some thousand million multiply-accumulates a second, with scatter."""
    rng = np.random.default_rng(3)
    return {
        resolution: {
            key: scale * (0.02 + layer.macs / 1e7 * rng.uniform(0.5, 2))
            for key, (layer, _) in list_needed(PHONE, resolution, "ofa").items()
        }
        for resolution in RESOLUTIONS
    }


def examine(stated):
    # Layers of both resolutions differ by the scatter, within a factor of 4.
    return examine_table(build_imported(describe_device(), PHONE.to_dict(), stated, "a test", "now"))


def test_the_smallest_and_the_largest_network_and_the_slowest_layer_are_stated():
    stated = make_stated()
    found = examine(stated)
    table = build_imported(describe_device(), PHONE.to_dict(), stated, "a test", "now")
    totals = np.concatenate([predict_compound(PHONE, table, r) for r in RESOLUTIONS])
    assert (found.smallest_ms, found.largest_ms) == (totals.min(), totals.max())
    assert found.smallest.endswith("@160")
    assert found.largest.endswith("@224")
    assert found.slowest_layer_ms == max(ms for costs in stated.values() for ms in costs.values())
    assert not [warning for warning in found.warnings if "unit" in warning]


@pytest.mark.parametrize(("scale", "unit"), [(1e-3, "--unit s"), (1e3, "--unit us")])
def test_a_table_in_another_unit_is_seen(scale, unit):
    assert any(unit in warning for warning in examine(make_stated(scale)).warnings)


@pytest.mark.parametrize(("kind", "factor"), [("mbconv", 1e3), ("mbconv", 1e-3), ("conv", 1e3)])
def test_one_layer_in_another_unit_is_seen(kind, factor):
    stated = make_stated()
    key = next(key for key in stated[224] if key.startswith(kind) and "x112-" in key and "-s2-" in key)
    stated[224][key] *= factor
    assert any(
        f"layer {key}" in warning and "another unit" in warning for warning in examine(stated).warnings
    )


def test_the_largest_ratio_between_resolutions_is_named():
    stated = make_stated()
    shared = sorted(stated[160].keys() & stated[224].keys())
    for key in shared:
        stated[224][key] = stated[160][key]
    assert examine(stated).warnings == ()
    stated[224][shared[0]] *= 2.3
    (warning,) = examine(stated).warnings
    assert warning.startswith(f"1 layer differs more than 2 times between resolutions, at most {shared[0]}")
    assert "each resolution uses its own value" in warning
