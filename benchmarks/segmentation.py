"""How many segments an hour of video needs: segments an hour against the quality of answers.

    python -m benchmarks.segmentation DATA_DIR [DATA_DIR …] [--without DATA_DIR] [--plot FILE.svg]

Each DATA_DIR has been ingested from videos that `indexer demo` has drawn, and CAPTIONS, which is
`DATA_DIR/videos/captions.jsonl` unless the form DATA_DIR=CAPTIONS names another file, has their
queries. For each coherence (`segments.form`), the segments are formed again from the stored vectors
of sampled frames, stored in a temporary catalog, and searched as `indexer evaluate` does. Coherence
1 leaves each sampled frame a segment of its own: one a second, and fewer where nothing moves.

Prints a line for each coherence, the mean over the folders. `sharp_r1`: R@1 at IoU 0.5 if moments
are cut to their frames (`--sharpen`). `absent_auc`: the area under the curve of absent queries
against present ones. `recognised`: absent queries without a hit of relevance 0.5.

`--without` is a folder whose queries are not known, such as real footage: only its segments an hour
are printed. `--plot` draws the figures.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from clipseek import calibration, segments
from clipseek.assembly import open_existing, open_writer
from clipseek.config import Settings
from clipseek.curation.report.svg import COLOURS
from clipseek.evaluation import Caption
from clipseek.model import Model
from clipseek.protocols import CatalogReader
from clipseek.service import Service
from clipseek.types import PICTURE, FieldSegments, FrameVectors, Put, Segments, Video
from indexer.captions import read_captions
from indexer.verbs.evaluate import figures_of

COHERENCES = (0.3, 0.6, 0.75, 0.85, 0.95, 1.0)
NAME = "default"
SAME_S = 2e-3
"""Times of frames are stored as float32."""
WIDTH, HEIGHT, LEFT, TOP, ROOM_W, ROOM_H = 720, 330, 60, 16, 640, 230


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
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the figures")
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
        options.plot.write_text(drawn(points), encoding="utf-8")
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
        for coherence in COHERENCES:
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


def drawn(points: Sequence[Point]) -> str:
    """Return an SVG file: quality against segments an hour, from the lowest figure to 1."""
    widest = max(point.per_hour for point in points)
    lowest = int(min(getattr(point, name) for point in points for name in NAMES) * 10) / 10

    def across(per_hour: float) -> float:
        return LEFT + ROOM_W * per_hour / widest

    def down(value: float) -> float:
        return TOP + ROOM_H * (1 - value) / (1 - lowest)

    parts = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *(_line(LEFT, down(v), LEFT + ROOM_W, down(v)) for v in _steps(lowest)),
        *(_text(LEFT - 8, down(v) + 4, f"{v:.1f}", "end") for v in _steps(lowest)),
        *(
            _text(across(p), TOP + ROOM_H + 18, f"{p}", "middle")
            for p in range(0, int(widest), 500)
        ),
        _text(LEFT + ROOM_W, TOP + ROOM_H + 36, "segments an hour", "end"),
        _line(across(900), TOP, across(900), TOP + ROOM_H),
    ]
    for number, (name, label) in enumerate(NAMES.items()):
        path = " ".join(f"{across(p.per_hour):.1f},{down(getattr(p, name)):.1f}" for p in points)
        colour = COLOURS[number]
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x, y = LEFT + 230 * (number % 3), TOP + ROOM_H + 52 + 18 * (number // 3)
        parts.append(f'<rect x="{x}" y="{y}" width="11" height="11" fill="{colour}"/>')
        parts.append(_text(x + 16, y + 10, label))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12">{"".join(parts)}</svg>\n'
    )


def _steps(lowest: float) -> list[float]:
    return [round(value, 1) for value in np.arange(lowest, 1.01, 0.1).tolist()]


def _line(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<path d="M{x:.1f},{y:.1f}L{to_x:.1f},{to_y:.1f}" stroke="#cccccc"/>'


def _text(x: float, y: float, said: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">{escape(said)}</text>'


if __name__ == "__main__":
    sys.exit(main())
