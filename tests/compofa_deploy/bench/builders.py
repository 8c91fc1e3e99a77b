"""Bundles of simulated models, with known latencies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from compofa_deploy.bundle.bundle import describe_file
from compofa_deploy.bundle.bundle_writer import write_bundle
from compofa_deploy.export.export import Exported
from profilers.runtimes.fake import FakeModel, FakeWorld
from profilers.runtimes.registry import find_runtime

NOISY = FakeWorld(placement_noise=0.01, call_noise=0.02, drift=0.1, outlier_rate=0.02)


def make_fake_model(slower: float = 1.0, world: FakeWorld = NOISY, **changes: object) -> FakeModel:
    """A model that takes 1 ms, or so many times as long."""
    world = replace(world, launch_ms=0.0)
    return FakeModel(("layer",), (slower,), world, (1, 3, 16, 16), 4, **changes)


def write_fake_bundle(folder: Path, exported: Exported, model: FakeModel, **changes: object) -> Path:
    """A bundle for the fake runtime; ``changes`` are the manifest's."""
    data = model.to_bytes()
    own = {"device_spec": find_runtime("fake").spec().to_dict(), "model": describe_file("model.fake", data)}
    deployment = replace(exported.deployment, **{**own, **changes})
    files = {deployment.reference.file: exported.files[deployment.reference.file], "model.fake": data}
    write_bundle(folder, deployment, files)
    return folder
