"""How soon a replica is ready with a large snapshot, and how much memory it uses.

    python -m benchmarks.million [--segments N] [--kind KIND] [--folder DIR] [--json]

Makes a library of N random unit vectors of 512 components, in clusters of videos and of scenes like
those of frames: a catalog in SQLite, written by the catalog itself, and its snapshot, by the
builder. The model is that of the demo with a matrix after it. Then it starts `python -m api` with
this library, waits until `/readyz` is true and sends some searches, all different. If a folder has
such a library already, it is used, so that only the start is measured again.

`ready_s` is from the start of the process; `rss_ratio` is its resident memory divided by the size
of the index file, when ready and after the searches; `peak_ratio` is the maximum.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from benchmarks.library import put_of
from benchmarks.servers import serving
from clipseek.assembly import build_snapshot, load_model, open_writer
from clipseek.config import Settings
from clipseek.embedding import bundle, models
from clipseek.protocols import CatalogWriter
from clipseek.publishing import FolderStore, Manifest
from clipseek.publishing.manifest import INDEX
from clipseek.types import Video

DIM, PER_VIDEO, SEARCHES = 512, 500, 50


@dataclass(frozen=True, slots=True)
class Measured:
    """What the replica took; sizes in bytes, times of searches in milliseconds."""

    name: str
    segments: int
    kind: str
    index_bytes: int
    built_s: float
    ready_s: float
    rss_ready: int
    rss_searched: int
    rss_peak: int
    rss_ratio: float
    peak_ratio: float
    search_p50_ms: float
    search_max_ms: float


def main() -> int:
    """Measure and print a line for each figure, or with --json one object."""
    options = _options()
    with folder_of(options.folder) as folder:
        model = str(folder / "model")
        settings = Settings.load(data_dir=folder, model=model, index=options.kind)
        started = time.monotonic()
        manifest = library(settings, _videos(options.segments))
        found = _measure(folder, manifest, time.monotonic() - started)
    write(asdict(found), as_json=options.json)
    return 0


def write(said: dict[str, object], *, as_json: bool) -> None:
    """Print a line for each figure, or one object."""
    lines = (
        [json.dumps(said)] if as_json else [f"{name:14} {value}" for name, value in said.items()]
    )
    sys.stdout.write("\n".join(lines) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Start a replica over a large snapshot.")
    parser.add_argument("--segments", type=int, default=1_000_000, help="how many (1000000)")
    parser.add_argument("--kind", default="auto", help="of the index, as CLIPSEEK_INDEX (auto)")
    parser.add_argument("--folder", type=Path, help="where the library is made and left")
    parser.add_argument("--json", action="store_true", help="print one object")
    return parser.parse_args()


@contextmanager
def folder_of(named: Path | None) -> Iterator[Path]:
    """Yield the folder that was named, or one that is deleted afterwards."""
    if named is not None:
        named.mkdir(parents=True, exist_ok=True)
        yield named
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def library(settings: Settings, videos: Iterable[tuple[Video, int]]) -> Manifest:
    """Return the manifest of a snapshot with so many segments, made unless it exists."""
    if (manifest := FolderStore(settings.snapshot_root).manifest("default")) is not None:
        return manifest
    longer_model(Path(settings.model))
    model = load_model(settings, settings.model, report=lambda _step: None)
    service = open_writer(settings, create=True)
    service.catalog.ensure_collection(
        "default", model.name, DIM, model.embedder.fingerprint, model.scoring
    )
    if not service.catalog.collection("default").version:
        _fill(service.catalog, videos)
    manifest = build_snapshot(service, "default")
    service.close()
    return manifest


def longer_model(folder: Path, *, padding: int = 0, dim: int = DIM) -> bundle.Bundle:
    """Return the bundle in a folder: that of the demo, extended by a matrix, unless one exists.

    With `padding`, a file of so many bytes is added to the visual tower, as weights would be.
    """
    if (folder / bundle.MANIFEST).is_file():
        return bundle.load(folder)
    demo = models.resolve("demo", folder)
    matrix = np.random.default_rng(0).standard_normal((demo.dim, dim)).astype(np.float32)

    def fill(work: Path) -> None:
        shutil.copy(demo.path / bundle.TOKENIZER, work)
        for tower in (bundle.TEXT, bundle.VISUAL):
            onnx.save(_longer(onnx.load(demo.path / tower), matrix), work / tower)
        if padding:
            with (work / f"{bundle.VISUAL}.data").open("wb") as weights:
                weights.truncate(padding)
        bank = demo.bank() @ matrix
        bank /= np.linalg.norm(bank, axis=1, keepdims=True)
        np.save(work / bundle.BANK, bank.astype(np.float16))

    fields = {name: getattr(demo, name) for name in bundle.Manifest.__dataclass_fields__}
    return bundle.write(folder, bundle.Manifest(**{**fields, "dim": dim}), fill)


def _longer(tower: onnx.ModelProto, matrix: NDArray[np.float32]) -> onnx.ModelProto:
    """Return the tower with its output multiplied by float32 (demo.dim, dim)."""
    graph = tower.graph
    for node in graph.node:
        for place, name in enumerate(node.output):
            if name == "vectors":
                node.output[place] = "shorter"
    graph.initializer.append(onnx.numpy_helper.from_array(matrix, "matrix"))
    graph.node.append(onnx.helper.make_node("MatMul", ["shorter", "matrix"], ["vectors"]))
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = matrix.shape[1]
    return tower


def _videos(count: int) -> Iterator[tuple[Video, int]]:
    """Yield videos of `PER_VIDEO` segments each, the last one of the rest."""
    for number, start in enumerate(range(0, count, PER_VIDEO)):
        size, name = min(PER_VIDEO, count - start), f"{number:032x}"
        yield Video(name, f"/videos/{name}.mp4", name, 2.0 * size, 64, 48, 1), size


def _fill(catalog: CatalogWriter, videos: Iterable[tuple[Video, int]]) -> None:
    """Put videos with generated vectors."""
    for number, (video, size) in enumerate(videos):
        catalog.put("default", put_of(video, vectors_of(number, size)))


def vectors_of(number: int, size: int) -> NDArray[np.float32]:
    """Return the vectors of a video, float32 (size, DIM): scenes of 20 around one centre."""
    chance = np.random.default_rng(number)
    video = chance.standard_normal(DIM, np.float32)
    scenes = chance.standard_normal((size // 20 + 1, DIM), np.float32)
    own = chance.standard_normal((size, DIM), np.float32)
    rows = video + scenes[np.arange(size) // 20] + np.float32(0.7) * own
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _measure(folder: Path, manifest: Manifest, built_s: float) -> Measured:
    """Start a replica over the folder and ask it."""
    index_bytes = manifest.files[INDEX].bytes
    settings = {"CLIPSEEK_DATA_DIR": str(folder)}
    with serving(["api", "--quiet"], "readyz", settings) as server:
        ready = server.memory()
        times = [server.searched_ms(number) for number in range(SEARCHES)]
        searched, peak = server.memory(), server.memory("VmHWM")
    return Measured(
        name="million",
        segments=manifest.count,
        kind=manifest.kind,
        index_bytes=index_bytes,
        built_s=round(built_s, 1),
        ready_s=round(server.ready_s, 2),
        rss_ready=ready,
        rss_searched=searched,
        rss_peak=peak,
        rss_ratio=round(max(ready, searched) / index_bytes, 3),
        peak_ratio=round(peak / index_bytes, 3),
        search_p50_ms=round(statistics.median(times), 2),
        search_max_ms=round(max(times), 2),
    )


if __name__ == "__main__":
    sys.exit(main())
