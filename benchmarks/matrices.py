"""Matrix products as the runtimes of clipseek make them, alone, to time them."""

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from clipseek.embedding.precision import Precision
from clipseek.embedding.towers import openvino as towers
from clipseek.sessions import opened

_OUTPUT_BYTES = 48 << 20
"""A call makes products whose results have at most so many bytes: the largest activation of a block
of 32 pictures. What is larger costs time for memory that a tower does not touch."""

_STREAMS = (1, 2)
"""OpenVINO divides the rows among so many requests; which is faster depends on the shape."""


@dataclass(frozen=True, slots=True)
class Product:
    """A (rows, inner) matrix by an (inner, columns) one, `pairs` of them at once.

    `has_weights`: whether the second is the same in each run of the tower.
    """

    pairs: int
    rows: int
    inner: int
    columns: int
    has_weights: bool

    @property
    def flops(self) -> int:
        """Multiplications and additions."""
        return 2 * self.pairs * self.rows * self.inner * self.columns


@dataclass(frozen=True, slots=True)
class Way:
    """How products of one shape are made: a call makes `products` of them, on all cores."""

    products: int
    run: Callable[[], object]


def ways(product: Product, count: int, precision: Precision) -> dict[str, Way]:
    """Return the ways to make `count` products of one shape, by the runtime's name.

    Those of two activations are made in fp32 if the precision is int8, as the towers do.
    """
    if not product.has_weights:
        count, precision = 1, "fp32" if precision == "int8" else precision
    count = min(count, max(1, _OUTPUT_BYTES // (4 * product.rows * product.columns)))
    found = {}
    if precision != "bf16":  # onnxruntime has none for x86
        found["onnxruntime"] = Way(count, _onnxruntime(product, count, precision))
    if towers.is_installed():
        for streams in _STREAMS:
            run = _openvino(product, count, precision, streams)
            found[f"openvino, streams {streams}"] = Way(count, run)
    return found


def _onnxruntime(product: Product, count: int, precision: Precision) -> Callable[[], object]:
    operator = "MatMulInteger" if precision == "int8" else "MatMul"
    model = _graph(product, count, operator)
    session = opened(model.SerializeToString())
    feed = {each.name: _values(each) for each in model.graph.input}
    return lambda: session.run(None, feed)


def _openvino(
    product: Product, count: int, precision: Precision, streams: int
) -> Callable[[], object]:
    openvino = importlib.import_module("openvino")  # it is an optional package
    of = "rows" if product.has_weights else "pairs"
    part = replace(product, **{of: -(-getattr(product, of) // streams)})
    model = _graph(part, count, "dequantised" if precision == "int8" else "MatMul")
    core = openvino.Core()
    options: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": os.cpu_count() or 1,
    }
    graph = core.read_model(model.SerializeToString())
    queue = openvino.AsyncInferQueue(core.compile_model(graph, "CPU", options), streams)
    feed = [_values(each) for each in model.graph.input]

    def run() -> None:
        for _ in range(streams):
            queue.start_async(feed)
        queue.wait_all()

    run()  # the first one makes what the others reuse
    return run


def _graph(product: Product, count: int, operator: str) -> Any:
    """Return a model of `count` independent products, each with weights of its own.

    Args:
        product: The shape.
        count: How many; 1 for products without weights.
        operator: "MatMul" of float32; "MatMulInteger" of uint8 and int8 to int32; "dequantised":
            "MatMul" of such numbers with their scales, which OpenVINO turns into integers.
    """
    is_whole = operator != "MatMul"
    front = [] if product.has_weights else [product.pairs]
    kind = TensorProto.UINT8 if is_whole else TensorProto.FLOAT
    inputs = [_info("x", kind, [*front, product.rows, product.inner])]
    constants, nodes, first = [], [], "x"
    if operator == "dequantised":
        constants += [_constant("scale", np.float32(0.01)), _constant("zero", np.uint8(128))]
        nodes.append(helper.make_node("DequantizeLinear", ["x", "scale", "zero"], ["real"]))
        first = "real"
    outputs = []
    kind = TensorProto.INT32 if operator == "MatMulInteger" else TensorProto.FLOAT
    for number in range(count):
        second = f"w{number}"
        shape = [*front, product.inner, product.columns]
        if product.has_weights:
            constants.append(_constant(second, _random(shape, np.int8 if is_whole else np.float32)))
        else:
            inputs.append(_info(second, TensorProto.FLOAT, shape))
        if operator == "dequantised":
            nodes.append(helper.make_node("DequantizeLinear", [second, "scale"], [f"r{number}"]))
            second = f"r{number}"
        name = "MatMulInteger" if operator == "MatMulInteger" else "MatMul"
        nodes.append(helper.make_node(name, [first, second], [f"y{number}"]))
        outputs.append(_info(f"y{number}", kind, [*front, product.rows, product.columns]))
    graph = helper.make_graph(nodes, "products", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _info(name: str, kind: int, shape: list[int]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def _constant(name: str, values: Any) -> Any:
    return numpy_helper.from_array(np.asarray(values), name)


def _values(info: Any) -> NDArray[Any]:
    """Return numbers for an input."""
    kind = info.type.tensor_type
    shape = [each.dim_value for each in kind.shape.dim]
    return _random(shape, np.uint8 if kind.elem_type == TensorProto.UINT8 else np.float32)


def _random(shape: list[int], kind: type[np.float32 | np.int8 | np.uint8]) -> NDArray[Any]:
    random = np.random.default_rng(0)
    if issubclass(kind, np.integer):
        limits = np.iinfo(kind)
        return random.integers(limits.min, limits.max, shape, kind, endpoint=True)
    return random.random(shape, np.float32) - np.float32(0.5)
