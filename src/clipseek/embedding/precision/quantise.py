"""From fp32 towers to int8 ones, with onnxruntime's own quantiser."""

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from clipseek.errors import ConfigError

# Pictures that go through the tower at once while ranges are found: every activation is kept.
_BLOCK = 4
_QUANTISED = ["MatMul", "Gemm", "Conv"]


def quantise_visual(source: Path, out: Path, pixels: NDArray[np.float32]) -> None:
    """Write a visual tower whose weights and activations are int8.

    Products of two activations, as in attention, and what comes out of a product are not: OpenVINO
    then runs each attention as one kernel.

    Ranges of activations are those seen over `pixels`, normalised float32 (N, 3, S, S), and fixed:
    a picture's vector does not depend on its neighbours in a batch, as it would if ranges were
    taken from each batch (measured for a random ViT-B-32: 3e-3 in a number of a unit vector).

    Raises:
        ConfigError: the package onnx is missing.
    """
    quantization = _quantiser()
    with tempfile.TemporaryDirectory(dir=out.parent) as work, _quiet():
        folded = _folded(source, Path(work) / source.name)
        quantization.quantize_static(
            str(folded),
            str(out),
            _reader(quantization, pixels),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=_QUANTISED,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=_without_weights(folded),
            extra_options={"OpTypesToExcludeOutputQuantization": _QUANTISED},
        )


def quantise_text(source: Path, out: Path) -> None:
    """Write a text tower with int8 weights; ranges of activations are taken from each run.

    Weights that were in a file beside the tower are so again: a process that loads it maps them
    instead of copying them twice (PE-Core-B-16: 386 MB of memory instead of 623).

    Raises:
        ConfigError: the package onnx is missing.
    """
    quantization = _quantiser()
    with tempfile.TemporaryDirectory(dir=out.parent) as work, _quiet():
        quantization.quantize_dynamic(
            str(_folded(source, Path(work) / source.name)),
            str(out),
            per_channel=True,
            weight_type=quantization.QuantType.QInt8,
            use_external_data_format=(source.parent / f"{source.name}.data").exists(),
            extra_options={"MatMulConstBOnly": True},
        )


def _folded(source: Path, out: Path) -> Path:
    """Write the tower with constants computed ahead, so that each weight is next to its use."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(out)
    options.log_severity_level = 3
    options.add_session_config_entry(
        "session.optimized_model_external_initializers_file_name", f"{out.name}.data"
    )
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    return out


def _without_weights(file: Path) -> list[str]:
    """Return the names of the products of two activations."""
    import onnx  # only now: a process that searches does without it

    graph = onnx.load(file, load_external_data=False).graph
    fixed = {tensor.name for tensor in graph.initializer}
    fixed |= {node.output[0] for node in graph.node if node.op_type == "Constant"}
    return [
        node.name
        for node in graph.node
        if node.op_type == "MatMul" and fixed.isdisjoint(node.input)
    ]


def _quantiser() -> Any:
    try:
        from onnxruntime import quantization
    except ImportError as error:
        raise ConfigError(
            f"making an int8 model needs the package {error.name}; run "
            "`pip install 'clipseek[models]'`, or use `--precision fp32`"
        ) from error
    return quantization


def _reader(quantization: Any, pixels: NDArray[np.float32]) -> Any:
    rows = iter([pixels[start : start + _BLOCK] for start in range(0, len(pixels), _BLOCK)])

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            found = next(rows, None)
            return None if found is None else {"pixels": found}

    return Reader()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's advice, which it sends to the root logger, off the user's terminal."""
    root = logging.getLogger()
    root.addFilter(_is_error)
    try:
        yield
    finally:
        root.removeFilter(_is_error)


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
