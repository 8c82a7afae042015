"""Networks that say what a test wants, as ONNX files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

TYPES = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}


def saying(
    path: Path,
    inputs: Mapping[str, tuple[int, Sequence[int | str]]],
    outputs: Mapping[str, NDArray[np.generic]],
    **beside: object,
) -> Path:
    """Write a network that always gives these outputs, and what is beside it; return the path."""
    nodes = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value, name))
        for name, value in outputs.items()
    ]
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info(name, *given) for name, given in inputs.items()],
        [
            helper.make_tensor_value_info(name, TYPES[str(value.dtype)], value.shape)
            for name, value in outputs.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    path.with_suffix(".json").write_text(json.dumps(beside))
    return path


PICTURE = (TensorProto.FLOAT, (1, 3, 64, 96))
"""The input of a network of 96x64 pixels."""
