"""Batches of 32 to vectors by an inference server on this machine, compared with this process.

    python -m benchmarks.remote [--model NAME] [--rounds N] [--json]

MLServer 1.7.1 runs the towers of a model by onnxruntime in a process of its own, with as many
threads as this process uses. Pictures are prepared by all ways in this process, and so are
sentences. The ways take turns; each figure is the median over rounds.

`ratio`: time of a batch in this process, divided by that of a batch by gRPC, the worse one of
pictures and sentences.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.model import pictures
from clipseek.embedding import models
from clipseek.embedding.bundle import Bundle
from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.towers import on_cpu
from clipseek.embedding.towers.remote import Address, on_server
from tests.inference.server import THREADS, Running, mlserver

BATCH = 32


def measure(bundle: Bundle, running: Running, rounds: int) -> dict[str, Any]:
    """Time every way in turns and return the object that is printed."""
    ways = {"process": on_cpu(bundle, threads=THREADS)}
    for scheme in ("grpc", "http"):
        address = Address(url=running.url(scheme), batch=BATCH, deadline_s=60.0)
        ways[scheme] = on_server(bundle, address, threads=THREADS)
    shown, said = pictures(BATCH), models.bank_captions()[:BATCH]
    asked: dict[str, Callable[[BundleEmbedder], Any]] = {
        "pictures": lambda embedder: embedder.embed_images(shown),
        "sentences": lambda embedder: embedder.embed_texts(said),
    }
    found: dict[str, Any] = {"name": "remote", "ratio": 0.0, "model": bundle.name}
    for what, ask in asked.items():
        vectors = {name: ask(embedder) for name, embedder in ways.items()}
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, embedder in ways.items():
                start = time.perf_counter()
                ask(embedder)
                times[name].append(1000 * (time.perf_counter() - start))
        ms = {name: statistics.median(each) for name, each in times.items()}
        found[f"{what}_ms"] = {name: round(value, 1) for name, value in ms.items()}
        found[f"{what}_ratio"] = {
            name: round(ms["process"] / ms[name], 2) for name in ("grpc", "http")
        }
        found[f"{what}_equal"] = all(
            np.array_equal(each, vectors["process"]) for each in vectors.values()
        )
    found["ratio"] = min(found[f"{what}_ratio"]["grpc"] for what in asked)
    return {**found, "batch": BATCH, "threads": THREADS, "cores": os.cpu_count()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table, or with --json one object."""
    parser = argparse.ArgumentParser(description="Measure embedding by a server on this machine.")
    parser.add_argument("--model", default="demo", help="as `indexer ingest` takes it (demo)")
    parser.add_argument("--rounds", type=int, default=25, help="the median is taken (25)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        bundle = models.resolve(options.model, Path(folder))
        (Path(folder) / "server").mkdir()
        with mlserver(bundle, Path(folder) / "server") as running:
            found = measure(bundle, running, options.rounds)
    if options.json:
        print(json.dumps(found))
        return 0
    for what in ("pictures", "sentences"):
        for name, ms in found[f"{what}_ms"].items():
            ratio = found[f"{what}_ratio"].get(name, 1.0)
            print(f"{what:10} {name:8} {ms:8.1f} ms   {ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
