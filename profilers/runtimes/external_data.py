"""External data: the other files that an ONNX model would read, found by a walk of its protobuf encoding.

A runtime that loads a model from memory searches such files in the current folder, where no hash covers them. The
fields are those of onnx.proto, and the package ``onnx`` is not needed. An encoding that protobuf might read in two ways
is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from latency_tables.errors import FormatError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types. The others are groups, which ONNX does not have."""
FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
MAX_VARINT_BYTES = 10
LARGEST_IN_A_BYTE = 0x7F
MAX_TAG = (1 << 32) - 1
EXTERNAL_DATA, DATA_LOCATION, OP_TYPE = 13, 14, 4
COMPILED_NODE = b"EPContext"
"""The operator that holds what an execution provider compiled, or the name of a file with it."""
LOCATION = b"location"
SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class _Message:
    """A message of onnx.proto, with the fields that are messages and lead to a tensor."""

    children: Mapping[int, _Message] = field(default_factory=dict)
    is_tensor: bool = False
    is_node: bool = False


def _describe_onnx() -> _Message:
    tensor = _Message(is_tensor=True)
    sparse = _Message({1: tensor, 2: tensor})
    graph_fields: dict[int, _Message] = {}
    graph = _Message(graph_fields)
    attribute = _Message({5: tensor, 6: graph, 10: tensor, 11: graph, 22: sparse, 23: sparse})
    node = _Message({5: attribute}, is_node=True)
    graph_fields.update({1: node, 5: tensor, 15: sparse})
    training = _Message({1: graph, 2: graph})
    function = _Message({7: node, 11: attribute})
    return _Message({7: graph, 20: training, 25: function})


_MODEL = _describe_onnx()


def check_external_data(model: bytes) -> None:
    """Refuse an ONNX model that would read another file.

    Such a model has a tensor with external data, at any depth, or a node that an execution provider compiled.

    Args:
        model: The model's bytes.

    Raises:
        FormatError: The model names another file.
        ValueError: The bytes are not a protobuf message.
    """
    # A loop and not a recursion: the depth is the model's to choose.
    pending = [(_MODEL, 0, len(model))]
    while pending:
        message, begin, end = pending.pop()
        for number, wire, value, start, stop in _read_fields(model, begin, end):
            if wire == BYTES:
                child = message.children.get(number)
                if child is not None:
                    pending.append((child, start, stop))
                elif message.is_tensor and number == EXTERNAL_DATA:
                    raise refuse_file(_find_location(model, begin, end))
                elif message.is_node and number == OP_TYPE and model[start:stop] == COMPILED_NODE:
                    raise refuse_compiled()
            elif wire == VARINT and message.is_tensor and number == DATA_LOCATION and value:
                raise refuse_file(_find_location(model, begin, end))


def refuse_file(location: str) -> FormatError:
    """The error for a model that keeps weights in another file.

    Args:
        location: The file's name in the model; empty where the model does not name it.
    """
    where = f" ({location[:SHOWN_CHARACTERS]!r})" if location else ""
    return FormatError(
        f"the model keeps weights in a file{where} that no hash covers; export it with its weights inside"
    )


def refuse_compiled() -> FormatError:
    """The error for a model with a part that an execution provider compiled."""
    return FormatError(
        f"the model has a compiled part ({COMPILED_NODE.decode()}), which may be in a file that no hash covers; "
        "export it uncompiled"
    )


def _find_location(model: bytes, begin: int, end: int) -> str:
    """The name of the file that a tensor's external data is in; empty where it names none."""
    for number, wire, _, start, stop in _read_fields(model, begin, end):
        if wire != BYTES or number != EXTERNAL_DATA:
            continue
        entry = {n: model[a:b] for n, w, _, a, b in _read_fields(model, start, stop) if w == BYTES}
        if entry.get(1) == LOCATION:
            return entry.get(2, b"").decode(errors="replace")
    return ""


def _read_fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """The fields of a message as (number, wire type, value of a varint, start, stop of the content)."""
    while at < end:
        tag, at = data[at], at + 1
        # Most tags have one byte, and a call for each would double the time.
        if tag > LARGEST_IN_A_BYTE:
            tag, at = _read_varint(data, at - 1, end)
        number, wire, value = tag >> 3, tag & 7, 0
        if not number or tag > MAX_TAG:
            raise ValueError(f"not an ONNX model: no field can begin before byte {at}")
        start = at
        if wire == VARINT:
            value, at = _read_varint(data, at, end)
        elif wire == BYTES:
            if at < end and data[at] <= LARGEST_IN_A_BYTE:
                size, start = data[at], at + 1
            else:
                size, start = _read_varint(data, at, end)
            at = start + size
        elif wire in FIXED_SIZES:
            at += FIXED_SIZES[wire]
        else:
            raise ValueError(f"not an ONNX model: unknown kind of field before byte {at}")
        if at > end:
            raise ValueError("not an ONNX model: it is cut off")
        yield number, wire, value, start, at


def _read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of variable length, and the place after it."""
    value = 0
    for place in range(at, min(end, at + MAX_VARINT_BYTES)):
        byte = data[place]
        value |= (byte & 0x7F) << 7 * (place - at)
        if byte <= LARGEST_IN_A_BYTE:
            return value, place + 1
    raise ValueError("not an ONNX model: it is cut off, or a number in it is too long")
