"""The baseline stays the same, so that results of two releases can be compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compofa_deploy.bench.baseline import is_same_baseline, make_baseline
from latency_tables.machine import hash_json
from profilers.runtimes.registry import find_runtime
from tests.latency_tables.builders import SPEC


def test_the_baseline_is_the_one_that_every_release_had() -> None:
    item, model = make_baseline(replace(SPEC, runtime="onnxruntime"))
    assert (item.label, item.input_shape, len(model)) == ("33333@28", (1, 3, 28, 28), 7_657_391)
    assert hash_json(list(item.layers)) == "caf7418e808e"


def test_only_the_values_of_its_weights_may_differ() -> None:
    item, _ = make_baseline(SPEC)
    assert is_same_baseline(item, replace(item, sha256="0" * 64))
    for changes in ({"layers": item.layers[1:]}, {"size_bytes": 1}, {"input_shape": (2, 3, 28, 28)}):
        assert not is_same_baseline(item, replace(item, **changes))


def test_a_batch_and_a_runtime_have_a_baseline_of_their_own() -> None:
    alone, batched, half = (
        make_baseline(replace(SPEC, runtime=runtime, batch=batch, precision=precision))[0]
        for runtime, batch, precision in (
            ("onnxruntime", 1, "f32"),
            ("onnxruntime", 4, "f32"),
            ("tensorrt", 1, "f16"),
        )
    )
    assert batched.input_shape == (4, 3, 28, 28)
    assert half.size_bytes < 0.6 * alone.size_bytes


def test_it_runs() -> None:
    runtime = find_runtime("onnxruntime")
    spec = runtime.spec()
    with runtime.open(make_baseline(spec)[1], spec) as session:
        (logits,) = session.run({"image": np.ones((1, 3, 28, 28), np.float32)}).values()
    assert np.isfinite(logits).all()
