"""Graphs that take weights from the file of another graph beside them, instead of a copy."""

from pathlib import Path

import onnx
from onnx import TensorProto
from onnx.external_data_helper import load_external_data_for_model, set_external_data

# Smaller ones are copied: a reference takes about as much.
_LEAST_BYTES = 1024


def share(graph: onnx.ModelProto, other: Path) -> int:
    """Let each large weight that `other` has too be read from there; return the bytes left.

    ONNX calls this external data: a file beside the graph, a first byte and a length. The file may
    be any, so it may be that of another graph, or the one with its weights.
    """
    places = _places(other)
    left = 0
    for tensor in graph.graph.initializer:
        place = places.get(tensor.raw_data) if len(tensor.raw_data) >= _LEAST_BYTES else None
        if place is None:
            left += len(tensor.raw_data)
            continue
        location, offset, length = place
        set_external_data(tensor, location, offset, length)
        tensor.ClearField("raw_data")
    return left


def _places(file: Path) -> dict[bytes, tuple[str, int, int]]:
    """Return where each large weight of a graph is: the name of a file, the first byte, length."""
    graph = onnx.load(file, load_external_data=False)
    whole = file.read_bytes()
    found = {}
    for tensor in graph.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            said = {entry.key: entry.value for entry in tensor.external_data}
            offset = int(said.get("offset", 0))
        elif len(tensor.raw_data) >= _LEAST_BYTES:
            said = {"location": file.name}
            offset = whole.find(tensor.raw_data)
        else:
            continue
        found[tensor.name] = (said["location"], offset)
    load_external_data_for_model(graph, str(file.parent))
    weights = {tensor.name: tensor.raw_data for tensor in graph.graph.initializer}
    return {weights[name]: (*place, len(weights[name])) for name, place in found.items()}
