"""From a module in memory to its graph, and from there to a file."""

import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

# Opset 17 is the first with LayerNormalization; onnxruntime reads it since 1.13.
_OPSET = 17

# Weights larger than this are in a separate file, which onnxruntime maps instead of reading. For
# the text tower of PE-Core-B-16 (1.4 GB), 2 threads: loaded in 4.0 s of CPU instead of 6.1 s, and
# 1.26 GB of memory instead of 2.08 GB. It is also the only way past 2 GB.
_APART_BYTES = 64_000_000


def traced(
    module: nn.Module, example: Tensor, axes: dict[str, dict[int, str]], output: str, folder: Path
) -> onnx.ModelProto:
    """Return the graph of a module, whose file is in `folder` meanwhile."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        raw = Path(work) / "raw.onnx"
        torch.onnx.export(
            module.eval(),
            (example,),
            str(raw),
            input_names=[*axes],
            output_names=[output],
            dynamic_axes={**axes, output: {0: "N"}},
            opset_version=_OPSET,
            # The tracing exporter: it needs no other package, and its files contain no paths.
            dynamo=False,
        )
        return onnx.load(raw)


def save(graph: onnx.ModelProto, file: Path) -> None:
    """Write one file, or a small one and a separate one for weights if these are many."""
    weights = sum(len(tensor.raw_data) for tensor in graph.graph.initializer)
    onnx.save(
        graph,
        file,
        save_as_external_data=weights > _APART_BYTES,
        location=f"{file.name}.data",
        size_threshold=1024,
    )


@contextlib.contextmanager
def plain_tracing() -> Iterator[None]:
    """Trace ordinary operators, and keep the exporter's own notes off the user's terminal."""
    fast = torch.backends.mha.get_fastpath_enabled()
    # The fused attention kernel has no counterpart in ONNX.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            # They say that the trace may be wrong; `check_export` finds out whether it is.
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
