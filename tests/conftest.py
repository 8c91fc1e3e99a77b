"""What all tests share: examples of property tests, a private cache, tiny data sets."""

from __future__ import annotations

import os

# Networks in tests are tiny. A second thread gains nothing, and on busy cores it waits ten times as long as it works.
# This comes before numpy and torch, which read it when they are imported.
os.environ["OMP_NUM_THREADS"] = "1"

import io
import json
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

import profilers  # noqa: F401 - turns the telemetry of runtimes off before a test imports one

# Property tests draw the same examples in every run; the nightly run draws new and more ones.
settings.register_profile("compofa", deadline=None, derandomize=True)
settings.register_profile("nightly", deadline=None, derandomize=False, max_examples=500, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "compofa"))

# A job that a shell starts in the background ignores Ctrl-C, and so would every command that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

WriteSplit = Callable[..., Path]

HERE = Path(__file__).parent
SLOW = (
    "benchmarks",
    "compofa_deploy/bench/test_compare_models.py",
    "compofa_deploy/bench/test_noise.py",
    "compofa_deploy/bench/test_run.py",
    "compofa_deploy/bundle/test_verify.py",
    "compofa_deploy/cli/test_bench_compare.py",
    "compofa_deploy/cli/test_bench_run.py",
    "compofa_deploy/cli/test_deploy.py",
    "compofa_deploy/cli/test_deploy_auto.py",
    "compofa_deploy/cli/test_end_to_end.py",
    "compofa_deploy/cli/test_evaluate.py",
    "compofa_deploy/cli/test_kit.py",
    "compofa_deploy/cli/test_models.py",
    "compofa_deploy/cli/test_profile.py",
    "compofa_deploy/cli/test_profile_targets.py",
    "compofa_deploy/cli/test_train.py",
    "compofa_deploy/cli/test_train_cost.py",
    "compofa_deploy/cli/test_verify.py",
    "compofa_deploy/deploy/test_loop.py",
    "compofa_deploy/evaluation",
    "compofa_deploy/export",
    "compofa_deploy/supernet/test_ofa_parity.py",
    "compofa_deploy/tables/test_plain_sum.py",
    "compofa_deploy/training",
    "profilers/targets",
    "test_action.py",
    "test_telemetry.py",
)
"""Files and folders of tests that take many seconds. ``make check`` leaves them out."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of ``SLOW`` as slow."""
    slow = [HERE / name for name in SLOW]
    for item in items:
        if any(item.path.is_relative_to(path) for path in slow):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the latency tables in the user's cache folder."""
    monkeypatch.setenv("COMPOFA_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def write_split() -> WriteSplit:
    """Writes a split as the data sets are kept: PNG images in a struct, labels, class names in the metadata."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    def write(
        path: Path, images: Sequence[NDArray[np.uint8]], labels: Sequence[int], class_names: object = None
    ) -> Path:
        rows = [{"bytes": encode_png(image), "path": f"{i}.png"} for i, image in enumerate(images)]
        table = pyarrow.table({"image": rows, "label": list(labels)})
        if class_names is not None:
            table = table.replace_schema_metadata({"class_names": json.dumps(class_names)})
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(table, path)
        return path

    return write


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()
