"""Items: the models that a kit asks a device to measure."""

from __future__ import annotations

from dataclasses import dataclass, field

from latency_tables.errors import FormatError
from latency_tables.field_rule import rule
from latency_tables.record import Record

ITEM_KINDS = ("layer", "network", "reference")


@dataclass(frozen=True)
class Item(Record):
    """One model in a kit.

    Attributes:
        id: The item's name within its kit.
        kind: ``layer`` is a model of one layer, ``network`` a whole subnet. The one ``reference`` is timed around every
            other item.
        file: The model's file within the kit.
        sha256: The hash of that file.
        input_shape: The shape of the input; empty where the model states it.
        layers: The keys of the layers that the model runs, in order.
        label: A network's subnet id.
        size_bytes: The size of the model and its weights, nearly all of it weights.
        weights_file: The file of the weights; empty unless the model's format keeps them apart.
        weights_sha256: The hash of that file; empty without one.
        layer_names: The layers' names within the model, for a network whose time is divided over its layers.
    """

    id: str
    kind: str = field(metadata=rule(choices=ITEM_KINDS))
    file: str
    sha256: str
    input_shape: tuple[int, ...] = field(metadata=rule(minimum=1))
    layers: tuple[str, ...]
    label: str
    size_bytes: int = field(metadata=rule(minimum=1))
    weights_file: str = ""
    weights_sha256: str = ""
    layer_names: tuple[str, ...] = ()

    def check_fields(self, where: str) -> None:
        """Raise :class:`FormatError` where some layers have a name and others have none."""
        if self.layer_names and len(self.layer_names) != len(self.layers):
            raise FormatError(f"{where}, layer_names: must name every layer, or none")
