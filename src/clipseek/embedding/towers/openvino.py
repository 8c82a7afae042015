"""OpenVinoTower: the visual tower of a bundle on OpenVINO, which knows bf16 and int8 matrix units.

openvino is an optional package, and imported when the first picture is embedded: a process that
only searches needs no visual tower and may do without it.
"""

import importlib
import importlib.util
import os
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipseek.embedding.bundle import VISUAL, Bundle
from clipseek.embedding.precision import Precision
from clipseek.errors import ConfigError
from clipseek.protocols import Intake

# Pictures of a run: more than one block, so that the streams wait for each other less often.
_MOST = 64
# Pictures that go through the graph together: a graph of one fixed shape, on two streams that share
# the threads. A ViT-B-32 in int8 took 4.3 ms a picture so on two cores; 4.8 ms on one stream, and
# more in a graph of any shape. A last block that is not full is filled up.
_BLOCK, _STREAMS = 16, 2
_EXTRA = "pip install 'clipseek[openvino]'"
# OpenVINO's names. What is not int8 in an int8 graph runs in bf16 if the processor has it: 10 %
# faster for a ViT-B-32, and 0.00004 of the cosine.
_HINTS: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16", "int8": "bf16"}
_PROPERTY = "OPTIMIZATION_CAPABILITIES"
_CAPABILITIES: dict[Precision, str] = {"fp32": "FP32", "bf16": "BF16", "int8": "INT8"}


def is_installed() -> bool:
    """Say whether the package openvino is there."""
    return importlib.util.find_spec("openvino") is not None


def check_precision(precision: Precision) -> None:
    """Make sure that a precision can run on OpenVINO here.

    Raises:
        ConfigError: openvino is not installed, or this processor lacks the precision.
    """
    found = _openvino().Core().get_property("CPU", _PROPERTY)
    if _CAPABILITIES[precision] not in found:
        raise ConfigError(
            f"this processor does not support {precision}; use `--precision fp32`, or `--precision "
            "auto`, which chooses the fastest one here"
        )


class OpenVinoTower:
    """Runs `visual.onnx` from uint8 pictures: their normalisation is part of the graph."""

    def __init__(self, bundle: Bundle, threads: int | None) -> None:
        """Keep what is needed; `threads` None lets OpenVINO use all cores."""
        self._bundle = bundle
        self._threads = threads
        self._lock = Lock()
        self._queue: Any = None

    @property
    def intake(self) -> Intake:
        """Pictures as they are: the graph normalises them."""
        return Intake(_MOST)

    def check(self) -> None:
        """Make sure that the file is what the bundle describes; raise ConfigError."""
        self._bundle.file(VISUAL)

    def run(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 (N, dim), not normalised, for uint8 (N, S, S, 3).

        Raises:
            ConfigError: openvino is missing or cannot run this bundle.
        """
        vectors = np.empty((len(rows), self._bundle.dim), np.float32)

        def keep(request: Any, start: int) -> None:
            block = vectors[start : start + _BLOCK]
            block[:] = request.get_output_tensor().data[: len(block)]

        with self._lock:
            if self._queue is None:
                self._queue = _openvino().AsyncInferQueue(self._compiled())
            self._queue.set_callback(keep)
            for start in range(0, len(rows), _BLOCK):
                self._queue.start_async([_full(rows[start : start + _BLOCK])], start)
            self._queue.wait_all()
        return vectors

    def _compiled(self) -> Any:
        bundle = self._bundle
        check_precision(bundle.precision)
        openvino = _openvino()
        core = openvino.Core()
        threads = self._threads or os.cpu_count() or 1
        options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": _hint(core, bundle.precision),
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": min(threads, _STREAMS),
            "INFERENCE_NUM_THREADS": threads,
        }
        try:
            graph = _from_uint8(openvino, core.read_model(str(bundle.file(VISUAL))), bundle)
            graph.reshape([_BLOCK, bundle.image_size, bundle.image_size, 3])
            return core.compile_model(graph, "CPU", options)
        except RuntimeError as error:
            line = " ".join(str(error).split())[:200]
            raise ConfigError(
                f"openvino {openvino.__version__} cannot load {bundle.path / VISUAL}: {line}; "
                "make the bundle again with `indexer ingest`, or install a newer openvino"
            ) from error


def _hint(core: Any, precision: Precision) -> str:
    """Return OpenVINO's name of what floating-point numbers are computed in."""
    if precision == "int8" and "BF16" not in core.get_property("CPU", _PROPERTY):
        return _HINTS["fp32"]
    return _HINTS[precision]


def _full(square: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the block with as many empty pictures behind it as are missing."""
    missing = _BLOCK - len(square)
    return square if not missing else np.pad(square, ((0, missing), (0, 0), (0, 0), (0, 0)))


def _from_uint8(openvino: ModuleType, graph: Any, bundle: Bundle) -> Any:
    """Put the steps of `pixels.normalise` before the graph."""
    steps = openvino.preprocess.PrePostProcessor(graph)
    steps.input().tensor().set_element_type(openvino.Type.u8)
    steps.input().tensor().set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    prepare = steps.input().preprocess().convert_element_type(openvino.Type.f32)
    prepare.mean([255 * value for value in bundle.mean])
    prepare.scale([255 * value for value in bundle.std])
    return steps.build()


def _openvino() -> ModuleType:
    if not is_installed():
        raise ConfigError(
            f"this precision runs on openvino, which is not installed; run `{_EXTRA}`, or use "
            "`--precision fp32`"
        )
    return importlib.import_module("openvino")
