"""How many segments an hour of video needs: segments an hour against the quality of answers.

    python -m benchmarks.segmentation DATA_DIR [DATA_DIR …] [--without DATA_DIR] [--plot FILE]

Each DATA_DIR has been ingested from videos that `indexer demo` has drawn, and CAPTIONS, which is
`DATA_DIR/videos/captions.jsonl` unless the form DATA_DIR=CAPTIONS names another file, has their
queries. For each coherence (`segments.form`), the segments are formed again from the stored vectors
of sampled frames, stored in a temporary catalog, and searched as `indexer evaluate` does. Coherence
1 leaves each sampled frame a segment of its own: one a second, and fewer where nothing moves.

Prints a line for each coherence, the mean over the folders. `sharp_r1`: R@1 at IoU 0.5 if moments
are cut to their frames (`--sharpen`). `absent_auc`: the area under the curve of absent queries
against present ones. `recognised`: absent queries without a hit of relevance 0.5.

`--without` is a folder whose queries are not known, such as real footage: only its segments an hour
are printed, at coherence -1 too, where cuts alone decide. `--plot` draws the figures, by matplotlib
(`pip install 'clipseek[plots]'`).
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from clipseek import calibration, segments
from clipseek.assembly import open_existing, open_writer
from clipseek.config import Settings
from clipseek.evaluation import Caption
from clipseek.model import Model
from clipseek.protocols import CatalogReader
from clipseek.service import Service
from clipseek.types import PICTURE, FieldSegments, FrameVectors, Put, Segments, Video
from indexer.captions import read_captions
from indexer.verbs.evaluate import figures_of

COHERENCES = (0.3, 0.6, 0.75, 0.85, 0.95, 1.0)
SHOTS = -1.0
"""The coherence at which cuts alone separate segments, whatever the vectors are."""
NAME = "default"
SAME_S = 2e-3
"""Times of frames are stored as float32."""
DEFAULT = 0.85
"""The coherence of the demo model, and of others unless their bundle says otherwise."""
GOAL = 900
"""Segments an hour that are few enough."""
TICKS = (100, 200, 300, 500, 700, 1000, 1500, 2000, 3000)


@dataclass(frozen=True, slots=True)
class Point:
    """What one coherence gives: segments an hour, and the quality of answers."""

    coherence: float
    per_hour: float
    r1: float
    moment_r1: float
    sharp_r1: float
    absent_auc: float
    recognised: float


NAMES = {
    "r1": "R@1 of videos",
    "moment_r1": "R@1 at IoU 0.5",
    "sharp_r1": "the same, sharpened",
    "absent_auc": "absent, area under the curve",
    "recognised": "absent, recognised",
}


def main() -> int:
    """Print the table, and draw it."""
    parser = argparse.ArgumentParser(description="Segments an hour against quality.")
    parser.add_argument("libraries", nargs="*", metavar="DATA_DIR[=CAPTIONS]")
    parser.add_argument("--without", type=Path, metavar="DATA_DIR", help="count segments only")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them, as SVG or PNG")
    options = parser.parse_args()
    if options.without is not None:
        for coherence, per_hour in counted(options.without):
            sys.stdout.write(f"coherence {coherence:.2f}  segments an hour {per_hour:7.0f}\n")
    points = []
    for coherence in COHERENCES if options.libraries else ():
        each = [measured(*_named(text), coherence) for text in options.libraries]
        columns = zip(*(_values(point) for point in each), strict=True)
        points.append(Point(*(mean(column) for column in columns)))
        sys.stdout.write("  ".join(f"{n} {v:.3f}" for n, v in _fields(points[-1])) + "\n")
        sys.stdout.flush()
    if options.plot is not None and points:
        draw(points, options.plot)
    return 0


def _named(text: str) -> tuple[Path, Path]:
    folder, _, captions = text.partition("=")
    return Path(folder), Path(captions or Path(folder) / "videos" / "captions.jsonl")


def _fields(point: Point) -> list[tuple[str, float]]:
    return [(name, getattr(point, name)) for name in Point.__slots__]


def _values(point: Point) -> list[float]:
    return [value for _, value in _fields(point)]


def counted(folder: Path) -> Iterator[tuple[float, float]]:
    """Yield each coherence and the segments an hour that it gives."""
    with open_existing(Settings.load(data_dir=str(folder))) as service:
        hours = service.catalog.counts(NAME)[2] / 3600
        for coherence in (SHOTS, *COHERENCES):
            found = sum(len(formed) for _, formed, _ in formed_anew(service.catalog, coherence))
            yield coherence, found / hours


def formed_anew(
    catalog: CatalogReader, coherence: float
) -> Iterator[tuple[Video, Segments, FrameVectors]]:
    """Yield each video, its segments formed by a coherence, and its frames."""
    for video in catalog.videos(NAME, limit=100_000):
        times, vectors = catalog.frame_vectors(NAME, video.id)
        begins = np.array(catalog.shots(NAME, video.id))[:, None]
        cuts = (abs(times - begins) < SAME_S).any(axis=0)
        formed = segments.form(times, vectors, cuts, video.duration, coherence=coherence)
        yield video, formed, FrameVectors(times, vectors)


def measured(folder: Path, captions: Path, coherence: float) -> Point:
    """Form the segments of a library by a coherence, and search them."""
    asked = read_captions(captions)
    with tempfile.TemporaryDirectory() as name:
        with open_existing(Settings.load(data_dir=str(folder))) as old:
            collection = old.catalog.collection(NAME)
            model = old.collections.models.get(collection)
            found = Settings.load(data_dir=name, model=collection.model)
            new = open_writer(found, create=True)
            new.catalog.ensure_collection(
                NAME, collection.model, collection.dim, collection.fingerprint, model.scoring
            )
            for video, formed, frames in formed_anew(old.catalog, coherence):
                new.catalog.put(NAME, _put(video, formed, frames, model))
            new.close()
        with open_existing(found) as service:
            return _point(service, asked, coherence)


def _put(video: Video, formed: Segments, frames: FrameVectors, model: Model) -> Put:
    biases = calibration.bias(formed.vectors, model.bank, model.logit_scale, model.logit_bias)
    names = [f"{NAME}/{i:09d}.jpg" for i in range(len(formed))]
    picture = FieldSegments.of(formed, frames.times, biases=biases, thumbnails=names)
    return Put(video, {PICTURE: picture}, frames=frames, scoring=model.scoring)


def _point(service: Service, asked: Sequence[Caption], coherence: float) -> Point:
    _, count, seconds = service.catalog.counts(NAME)
    plain: Any = figures_of(service, asked)
    sharp: Any = figures_of(service, asked, sharpen=True)
    return Point(
        coherence,
        count / seconds * 3600,
        r1=plain["video"]["R@1"],
        moment_r1=plain["moment"]["R@1@0.5"],
        sharp_r1=sharp["moment"]["R@1@0.5"],
        absent_auc=plain["absent"]["auc"],
        recognised=plain["absent"]["recognised"],
    )


# Heights of labels in the plot, and the ratio of two places whose labels do not touch.
_LOW, _HIGH, _APART = 1.01, 1.09, 1.04


def draw(points: Sequence[Point], page: Path) -> None:
    """Draw quality against segments an hour, with the default and the goal marked."""
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams.update({"svg.hashsalt": "segments", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(8, 4.4))
    across = [point.per_hour for point in points]
    for name, label in NAMES.items():
        axis.plot(across, [getattr(p, name) for p in points], marker="o", ms=3.5, label=label)
    axis.axvline(GOAL, color="0.7", linestyle=":", label=f"{GOAL} an hour")
    height, last = _LOW, 0.0
    for point in sorted(points, key=lambda point: point.per_hour):
        is_default = point.coherence == DEFAULT
        # A label that would touch the one before is above it.
        height = _HIGH if point.per_hour < last * _APART and height == _LOW else _LOW
        last = point.per_hour
        axis.annotate(
            f"{point.coherence:g}",
            (point.per_hour, height),
            xycoords=("data", "axes fraction"),
            ha="center",
            rotation=90,
            fontsize=8,
            weight="bold" if is_default else "normal",
        )
        if is_default:
            axis.axvline(point.per_hour, color="0.3", linewidth=1, label=f"{DEFAULT}, the default")
    axis.set_xscale("log")
    axis.set_xticks([tick for tick in TICKS if min(across) / 1.2 < tick < max(across) * 1.2])
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter("")
    axis.set_xlabel("segments an hour (above: coherence)")
    axis.grid(visible=True, color="0.9")
    figure.legend(frameon=False, ncols=4, loc="lower center", fontsize=8)
    figure.tight_layout(rect=(0, 0.1, 1, 1))
    figure.savefig(page, metadata={"Date": None} if page.suffix == ".svg" else None, dpi=110)
    pyplot.close(figure)


if __name__ == "__main__":
    sys.exit(main())
