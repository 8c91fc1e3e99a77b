"""Models of the fake runtime that stand for others on a simulated device."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from latency_tables.errors import CompofaError, WorkerDied
from latency_tables.item import Item
from profilers.measuring.kit import Kit, make_item, write_kit
from profilers.measuring.model_files import ModelFiles
from profilers.runtimes.fake import FakeModel, FakeWorld

DEADLY = ("crash", "hang")
"""Faults of the fake runtime that would end this process, or never end."""


@dataclass(frozen=True)
class Simulation:
    """How long models take on a simulated device.

    Attributes:
        world: The noise, drift and overhead of the simulated machine.
        cost_ms: The latency of a layer by its key.
        speed: The factor by which everything is faster.
        slow_down: The factor by which a model takes longer than its layers say, by its label.
        latency_ms: The latency of a model by its label, whatever its layers say; ``None`` where the layers decide.
    """

    world: FakeWorld
    cost_ms: Callable[[str], float]
    speed: float
    slow_down: Callable[[str], float]
    latency_ms: Callable[[str], float | None]

    def write_kit(self, kit: Kit, folder: Path) -> Kit:
        """Write a kit whose items stand for those of another kit, under the same ids."""
        models = []
        for item in kit.items:
            fake = self._simulate_item(item, ModelFiles(kit.read(item), kit.read_weights(item)))
            data = fake.to_bytes()
            same = make_item(
                item.id,
                item.kind,
                data,
                layers=item.layers,
                label=item.label,
                input_shape=item.input_shape,
                layer_names=fake.names if item.layer_names else (),
            )
            models.append((same, data))
        return write_kit(folder, kit.architecture, models)

    def simulate_bytes(self, files: ModelFiles, label: str) -> bytes:
        """The fake model, as a file, that stands for a model of which only the bytes are known."""
        try:
            fake = FakeModel.from_bytes(files.model)
        except CompofaError:
            # Any other model takes a time of its own, the same whenever it is measured.
            fake = FakeModel((files.digest,), (self.cost_ms(files.digest),), self.world)
        return self._scale(fake, label).to_bytes()

    def _simulate_item(self, item: Item, files: ModelFiles) -> FakeModel:
        try:
            fake = FakeModel.from_bytes(files.model)
        except CompofaError:
            keys = item.layers or (hashlib.sha256(files.model).hexdigest(),)
            fake = FakeModel(keys, tuple(map(self.cost_ms, keys)), self.world)
        if item.input_shape:
            fake = replace(fake, input_shape=item.input_shape)
        return self._scale(fake, item.label, is_reference=item.kind == "reference")

    def _scale(self, fake: FakeModel, label: str, is_reference: bool = False) -> FakeModel:
        if fake.fault in DEADLY:
            raise WorkerDied(f"the simulated model {label} ended its process, as it was told to")
        whole_ms = self.latency_ms(label)
        if whole_ms is not None:
            costs_ms = (whole_ms / len(fake.layers),) * len(fake.layers)
            world = replace(fake.world, launch_ms=0.0, network_ms=0.0, context=1.0)
            fake = replace(fake, costs_ms=costs_ms, world=world)
        # The reference says how fast the machine is, so that nothing slows it down alone.
        factor = (1.0 if is_reference else self.slow_down(label)) / self.speed
        world = replace(
            fake.world,
            launch_ms=fake.world.launch_ms * factor,
            network_ms=fake.world.network_ms * factor,
        )
        costs = tuple(factor * cost for cost in fake.list_costs_ms())
        return replace(fake, costs_ms=costs, world=world)
