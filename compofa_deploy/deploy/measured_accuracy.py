"""Accuracies of exported graphs that nobody has measured yet, counted when they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.bundle.deployment import Accuracy
from compofa_deploy.data.classes import align_classes
from compofa_deploy.data.labelled import LastFit
from compofa_deploy.deploy.exported_accuracy import SizedImages, count_exported
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet
from latency_tables.device import DeviceSpec
from profilers.targets.device import Device

if TYPE_CHECKING:
    from compofa_deploy.data.splits import DataSplits


class CountedAccuracies:
    """What subnets get right as they are exported, where the accuracies of a runtime's precision are not known.

    Counted on images that were held out of the supernet's training; without ``images``, nothing is counted.
    """

    def __init__(
        self,
        supernet: StoredSupernet,
        accuracies: AccuraciesByPrecision,
        images: DataSplits | None,
        device: Device,
    ) -> None:
        self._supernet, self._accuracies, self._images = supernet, accuracies, images
        self._splits: dict[str, LastFit] = {}
        self._device = device
        self._validation: dict[tuple[str, str, str], float] = {}

    def is_missing(self, subnet: Subnet, spec: DeviceSpec) -> bool:
        """Whether it is not known, and can be counted."""
        return self._images is not None and self.is_assumed(subnet, spec)

    def is_assumed(self, subnet: Subnet, spec: DeviceSpec) -> bool:
        """Whether nobody has measured what the subnet gets right in that precision."""
        return self._accuracies.find(spec) is None and _key(subnet, spec) not in self._validation

    def count(self, subnet: Subnet, spec: DeviceSpec) -> float:
        """Validation top-1 in per cent."""
        self._validation[_key(subnet, spec)] = percent = self._count(subnet, spec, "validation")
        return percent

    def describe(self, subnet: Subnet, spec: DeviceSpec) -> Accuracy | None:
        """What a bundle says of a subnet whose validation accuracy was counted; else None."""
        validation = self._validation.get(_key(subnet, spec))
        if validation is None:
            return None
        test = self._count(subnet, spec, "test")
        data = self._accuracies.f32.data
        return Accuracy(validation=validation, test=test, data=data, precision=spec.precision)

    def _count(self, subnet: Subnet, spec: DeviceSpec, split: str) -> float:
        sized = SizedImages.of(self._fitted(split), subnet.resolution)
        return (
            100 * count_exported(self._supernet, subnet, spec, [sized], self._device)[0] / len(sized.labels)
        )

    def _fitted(self, split: str) -> LastFit:
        """The images of a split, with the labels of the supernet's outputs."""
        if split not in self._splits:
            assert self._images is not None
            images = self._images.validation if split == "validation" else self._images.test
            names, architecture = self._supernet.class_names, self._supernet.architecture
            self._splits[split] = LastFit(align_classes(images, names, architecture.name))
        return self._splits[split]


def _key(subnet: Subnet, spec: DeviceSpec) -> tuple[str, str, str]:
    return subnet.id, spec.runtime, spec.precision
