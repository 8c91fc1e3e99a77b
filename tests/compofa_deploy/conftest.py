from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from compofa_deploy.bundle.bundle_writer import write_bundle
from compofa_deploy.data.labelled import LabelledImages
from compofa_deploy.data.splits import DataSplits
from compofa_deploy.export.export import Exported, export
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.device import DeviceSpec
from profilers.runtimes.registry import find_runtime
from profilers.targets.local import LocalDevice
from profilers.targets.simulated import SimulatedDevice
from tests.compofa_deploy.evaluation.builders import draw_images
from tests.support.supernets import make_accuracies, make_supernet


@pytest.fixture(scope="session")
def spec() -> DeviceSpec:
    """ONNX Runtime on this machine, one thread."""
    return find_runtime("onnxruntime").spec()


@pytest.fixture
def device(tmp_path: Path) -> LocalDevice:
    """This machine."""
    return LocalDevice(tmp_path / "journals")


@pytest.fixture
def simulated(device: LocalDevice) -> SimulatedDevice:
    """A device whose latencies are simulated, and whose runtimes and numbers are those of this machine."""
    return SimulatedDevice(device)


@pytest.fixture(scope="session")
def tiny() -> StoredSupernet:
    return make_supernet()


@pytest.fixture(scope="session")
def exported(tiny: StoredSupernet, spec: DeviceSpec) -> Exported:
    """A bundle in memory that has no budget."""
    subnet = Subnet.compound((2, 3, 4, 3, 2), 16)
    return export(tiny, subnet, spec, make_accuracies(tiny), "compofa export 23432@16 -o bundle")


@pytest.fixture(scope="session")
def _written(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "bundle"
    write_bundle(folder, exported.deployment, exported.files)
    return folder


@pytest.fixture
def bundle(_written: Path, tmp_path: Path) -> Path:
    """The folder of a bundle that a test may spoil."""
    return Path(shutil.copytree(_written, tmp_path / "bundle"))


@pytest.fixture(scope="session")
def supernet(tiny: StoredSupernet) -> StoredSupernet:
    return tiny


@pytest.fixture(scope="session")
def splits() -> DataSplits:
    return DataSplits(draw_images(8, 1), draw_images(7, 2), draw_images(9, 3))


@pytest.fixture
def write_folder() -> Callable[[Path, LabelledImages], Path]:
    """Writes images in ImageNet's layout: a folder for each class."""

    def write(folder: Path, images: LabelledImages) -> Path:
        for name in images.class_names:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for index, (pixels, label) in enumerate(zip(images.pixels, images.labels, strict=True)):
            Image.fromarray(pixels).save(folder / images.class_names[label] / f"{index:04}.png")
        return folder

    return write
