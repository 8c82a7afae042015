"""What this machine can do: its matrix products, as fast as a runtime multiplies matrices here.

A tower is mostly matrix products. `floor_s` says how long they would take if nothing else had to be
done: each shape of product is timed alone, on all cores, in each runtime, and the fastest counts.
The share of the chip is that time divided by the time of the tower, so that figures of different
machines can be compared.

The shapes are those that onnxruntime reports while the tower in fp32 runs. Products with weights
are timed in the precision that is asked for, with inputs in that precision; each has weights of its
own, so that those of a sentence come from memory, as they do in the tower. Products of two
activations, as in attention, are timed in fp32 in an int8 tower, because that tower does so too.
"""

import json
import statistics
import time
from collections import Counter
from datetime import UTC, datetime
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from benchmarks.matrices import Product, Way, ways
from clipseek.embedding.precision import Precision

FLAGS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
"""What makes products faster, as the kernel names it in /proc/cpuinfo."""

Products = Counter[Product]
"""How many products of each shape one run of a tower has."""


def machine() -> dict[str, str]:
    """Return the processor, its flags that matter here, and the date (UTC)."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        text = ""
    parts = [line.partition(":") for line in text.splitlines()]
    lines = {name.strip(): value.strip() for name, _, value in parts}
    flags = set(lines.get("flags", "").split())
    return {
        "processor": lines.get("model name", "unknown"),
        "flags": " ".join(flag for flag in FLAGS if flag in flags) or "none of note",
        "date": datetime.now(UTC).date().isoformat(),
    }


def products(tower: Path, feed: dict[str, NDArray[Any]]) -> Products:
    """Return the matrix products of a run of a tower in fp32, by the profile of onnxruntime."""
    with TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        options.log_severity_level = 4
        # Weights that are packed are not among the inputs of a profile.
        options.add_session_config_entry("session.disable_prepacking", "1")
        session = onnxruntime.InferenceSession(
            str(tower), options, providers=["CPUExecutionProvider"]
        )
        session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text("utf-8"))
    nodes = [each["args"] for each in events if each["name"].endswith("_kernel_time")]
    found = [_product(node) for node in nodes if node["op_name"] in ("MatMul", "Gemm", "Conv")]
    return Counter(found)


def _product(node: dict[str, Any]) -> Product:
    first, second = (next(iter(each.values())) for each in node["input_type_shape"][:2])
    output = next(iter(node["output_type_shape"][0].values()))
    if node["op_name"] == "Conv":  # one row for each place of the output
        return Product(1, output[0] * prod(output[2:]), prod(second[1:]), output[1], True)
    if len(second) == 2:
        return Product(1, prod(output[:-1]), first[-1], output[-1], True)
    return Product(prod(output[:-2]), output[-2], first[-1], output[-1], False)


class Floor:
    """Times the products of a tower in a precision; `measure` may be called repeatedly."""

    def __init__(self, found: Products, precision: Precision) -> None:
        """Make what multiplies every shape, in every runtime that has the precision."""
        self._found = found
        self._ways: dict[Product, dict[str, Way]] = {
            each: ways(each, count, precision) for each, count in found.items()
        }
        self._times: dict[tuple[Product, str], list[float]] = {}

    def measure(self) -> None:
        """Time every shape once in each way."""
        for each, found in self._ways.items():
            for name, way in found.items():
                start = time.perf_counter()
                way.run()
                seconds = (time.perf_counter() - start) / way.products
                self._times.setdefault((each, name), []).append(seconds)

    @property
    def seconds(self) -> float:
        """Of all products of one run of the tower: of each, the median of the fastest way."""
        return sum(count * min(self.of(each).values()) for each, count in self._found.items())

    @property
    def gflops(self) -> float:
        """Billions of multiplications and additions a second in that time."""
        flops = sum(each.flops * count for each, count in self._found.items())
        return flops / self.seconds / 1e9

    def of(self, product: Product) -> dict[str, float]:
        """Return the median seconds of one product of a shape in each way."""
        return {
            way: statistics.median(times)
            for (each, way), times in self._times.items()
            if each == product
        }
