"""Bundles: exporting, verifying and running them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compofa_deploy.accuracy.beside_supernet import find_by_precision
from compofa_deploy.api.devices import open_local
from compofa_deploy.bundle.bundle import Bundle, load_bundle
from compofa_deploy.bundle.classify import Classified, classify
from compofa_deploy.bundle.verify import Report
from compofa_deploy.bundle.verify import verify as verify_bundle
from compofa_deploy.export.export_to_folder import ExportResult, export_to_folder
from compofa_deploy.export.options import ExportOptions
from compofa_deploy.files.image_files import list_image_files
from compofa_deploy.files.subnet_file import read_subnet
from compofa_deploy.space.families import find_family
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import BUILT_IN, load_supernet
from profilers.measuring.watcher import SILENT, Watcher

EXPORT_DEFAULTS = ExportOptions()


def export(
    subnet: Subnet | str,
    output: Path,
    options: ExportOptions = EXPORT_DEFAULTS,
    supernet: str | Path = BUILT_IN,
    accuracies: Path | None = None,
) -> ExportResult:
    """Writes a subnet's bundle for a runtime, after its numbers were compared with the reference.

    Args:
        subnet: The subnet, its id, OFA's config as JSON, or a ``.json`` file that holds one.
        output: The folder of the bundle.
        options: The device settings to export for.
        supernet: The supernet's file, or the name of one that ships.
        accuracies: The supernet's accuracy table; ``None`` for the one beside the supernet, where there is one.

    Returns:
        The bundle with what was found, and warnings for the user.

    Raises:
        InputError: The output is taken, the subnet is invalid, or the runtime does not have what is asked for.
        MismatchError: The supernet does not have the subnet, or the accuracies belong to other weights.
        RuntimeUnavailable: The runtime does not work here.
        VerificationError: The numbers differ from the reference by more than the tolerance.
    """
    loaded = load_supernet(supernet)
    if isinstance(subnet, str):
        subnet = read_subnet(subnet, find_family(loaded.architecture).CHOICES)
    return export_to_folder(
        loaded, subnet, find_by_precision(accuracies, supernet), output, options, open_local()
    )


def run(bundle: Bundle | Path, images: Sequence[Path], top: int = 3) -> list[Classified]:
    """Classifies images with a bundle on this machine.

    Args:
        bundle: The bundle or its folder.
        images: Image files of any size, and folders of them.
        top: How many labels to return for each image.

    Returns:
        The likeliest labels with their probabilities, for each image.

    Raises:
        InputError: An image cannot be read, or the folder is not a bundle.
        VerificationError: A file of the bundle was changed.
        RuntimeUnavailable: The bundle's runtime does not work here.
    """
    found = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
    return classify(found, list_image_files(images), open_local(), top)


def verify(bundle: Path, measure: bool = True, watcher: Watcher = SILENT) -> Report:
    """Checks a bundle here: its hashes, its numbers against the stored reference, and its latency.

    Args:
        bundle: The bundle's folder.
        measure: Whether to measure the latency.
        watcher: Is told of the steps.

    Returns:
        What was found; all checks held.

    Raises:
        InputError: The folder is not a bundle.
        VerificationError: A file was changed, a number differs, or the budget is broken.
        RuntimeUnavailable: The bundle's runtime does not work here.
    """
    progress = watcher.on_progress() if measure else None
    return verify_bundle(bundle, open_local(), measure, watcher.on_step, progress)
