"""Exporting a subnet: its model file, the reference for checking it, and its manifest."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.bundle.bundle import REFERENCE, decode_reference, describe_file, encode_reference
from compofa_deploy.bundle.deployment import Accuracy, Deployment, Preprocessing, Tensor
from compofa_deploy.export.writers import find_tolerance, find_writer
from compofa_deploy.graph.network import INPUT, OUTPUT
from compofa_deploy.graph.reference import run_reference
from compofa_deploy.space.layers import convert_subnet, count_macs, count_params
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.device import DeviceSpec
from profilers.measuring.model_files import ModelFiles

REFERENCE_IMAGES = 4
REFERENCE_GRID = 6
"""The side of the random grid from which reference images are enlarged, so that they are smooth like photographs."""


@dataclass(frozen=True)
class Exported:
    """A bundle in memory: its manifest, and the content of each file by name."""

    deployment: Deployment
    files: Mapping[str, bytes]

    @property
    def model(self) -> bytes:
        """The bytes of the model file."""
        return self.files[self.deployment.model.file]

    @property
    def model_files(self) -> ModelFiles:
        """The model and its weights, as a device takes them."""
        return self.deployment.collect_model(lambda entry: self.files[entry.file])

    @property
    def reference(self) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """Pixels (n, side, side, 3), and the logits (n, classes) that the model must give for them."""
        return decode_reference(self.files[self.deployment.reference.file], "the export")


def export(
    supernet: StoredSupernet,
    subnet: Subnet,
    spec: DeviceSpec,
    accuracies: AccuracyTable | None = None,
    command: str = "",
) -> Exported:
    """Make a subnet's bundle in memory. The reference is computed in float64, independently of the graph.

    Args:
        supernet: The supernet.
        subnet: The subnet.
        spec: The device spec that the bundle is for.
        accuracies: The supernet's accuracies, from which the manifest takes the subnet's.
        command: The command line, which the manifest holds.

    Raises:
        MismatchError: The supernet does not have the subnet, or the accuracies are of another supernet.
    """
    writer = find_writer(spec.runtime)
    subnet = convert_subnet(subnet, supernet.architecture)
    files = writer.write_model(supernet, subnet, spec)
    pixels = draw_reference_images(subnet.resolution)
    layers = supernet.layers_of(subnet)
    logits = run_reference(layers, supernet.weights_of(subnet), supernet.preprocess.normalise(pixels))
    reference = encode_reference(pixels, logits)
    side = subnet.resolution
    deployment = Deployment(
        subnet=subnet.id,
        ofa_config=subnet.to_ofa(),
        architecture=supernet.architecture.to_dict(),
        supernet=supernet.digest,
        model=describe_file(writer.MODEL_FILE, files[writer.MODEL_FILE]),
        weights=describe_file(writer.WEIGHTS_FILE, files[writer.WEIGHTS_FILE])
        if writer.WEIGHTS_FILE
        else None,
        extras=tuple(
            describe_file(name, data)
            for name, data in files.items()
            if name not in (writer.MODEL_FILE, writer.WEIGHTS_FILE)
        ),
        reference=describe_file(REFERENCE, reference),
        input=Tensor(name=INPUT, shape=(spec.batch, 3, side, side), dtype="float32"),
        output=Tensor(name=OUTPUT, shape=(spec.batch, supernet.architecture.classes), dtype="float32"),
        preprocess=Preprocessing.from_dict(supernet.preprocess.to_dict(side)),
        labels=supernet.class_names,
        macs=count_macs(layers),
        params=count_params(layers),
        device_spec=spec.to_dict(),
        tolerance=find_tolerance(spec.precision),
        accuracy=_find_accuracy(supernet, subnet, accuracies),
        command=command,
        made_with=list_versions(spec),
    )
    return Exported(deployment, {**files, REFERENCE: reference})


def draw_reference_images(resolution: int) -> NDArray[np.uint8]:
    """Return random smooth images (n, side, side, 3), the same for every bundle of a resolution in pixels."""
    from PIL import Image

    rng = np.random.default_rng(resolution)
    grids = rng.integers(0, 256, (REFERENCE_IMAGES, REFERENCE_GRID, REFERENCE_GRID, 3), dtype=np.uint8)
    size = (resolution, resolution)
    return np.stack([np.asarray(Image.fromarray(g).resize(size, Image.Resampling.BICUBIC)) for g in grids])


def list_versions(spec: DeviceSpec) -> dict[str, str]:
    """Return the versions of the software that makes a bundle for a device spec."""
    return {
        "compofa-deploy": version("compofa-deploy"),
        spec.runtime: spec.runtime_version,
        "onnx": version("onnx"),
        "numpy": version("numpy"),
        "python": platform.python_version(),
    }


def _find_accuracy(
    supernet: StoredSupernet, subnet: Subnet, accuracies: AccuracyTable | None
) -> Accuracy | None:
    if accuracies is None:
        return None
    accuracies.check_supernet(supernet.digest)
    found: dict[str, Any] = accuracies.find(subnet)
    return Accuracy(**found, data=accuracies.data, precision=accuracies.precision)
