"""Draw how costs grow with a library, as `benchmarks.curves` has recorded it.

    pip install 'clipseek[plots]'
    python -m benchmarks.plots [--recorded FILE] [--page FILE]

One small plot for each figure, both axes logarithmic, a line for each number of segments that a
video has. A dotted line is what would grow as fast as the library.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

RECORDED, PAGE = Path("benchmarks/curves.jsonl"), Path("docs/growth.svg")
FIGURES = {
    "put_ms": "one more video: stored, ms",
    "refresh_ms": "one more video: a replica's CPU, ms",
    "remove_ms": "a video removed, ms",
    "removed_ms": "a video removed: a replica's CPU, ms",
    "search_ms": "a search, median, ms",
    "search_p99_ms": "a search, p99, ms",
    "tag_ms": "a search by a tag of half, ms",
    "list_ms": "a page of videos by id, ms",
    "title_ms": "a page of videos by title, ms",
    "collections_ms": "the list of collections, ms",
    "start_s": "the server is ready after, s",
    "start_mb": "memory of a replica, MB",
    "memory_ratio": "that over the index file",
    "build_s": "the index is built, s",
    "build_mb": "memory to build, MB",
    "segment_bytes": "database for a segment, bytes",
}
COLUMNS = 4


def read(path: Path) -> list[dict[str, float]]:
    """Return what was recorded, a library in each line."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def lines(found: Sequence[Mapping[str, float]], name: str) -> dict[int, list[tuple[float, float]]]:
    """Return the points of a figure, by segments of a video: segments and value, ascending."""
    drawn: dict[int, list[tuple[float, float]]] = {}
    for each in found:
        many = round(each["segments"] / each["videos"])
        drawn.setdefault(many, []).append((each["segments"], each[name]))
    return {many: sorted(points) for many, points in sorted(drawn.items())}


def draw(found: Sequence[Mapping[str, float]], page: Path) -> None:
    """Draw all figures, and write them as SVG, or as what the name of the page ends in."""
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams.update({"svg.hashsalt": "growth", "svg.fonttype": "none", "font.size": 8})
    from matplotlib import pyplot

    rows = -(-len(FIGURES) // COLUMNS)
    figure, axes = pyplot.subplots(rows, COLUMNS, figsize=(3 * COLUMNS, 2.4 * rows), sharex=True)
    for axis, (name, title) in zip(axes.flat, FIGURES.items(), strict=True):
        _panel(axis, title, lines(found, name))
    for axis in axes[-1]:
        axis.set_xlabel("segments")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(labels), frameon=False)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(page, metadata={"Date": None} if page.suffix == ".svg" else None, dpi=80)
    pyplot.close(figure)


def _power(count: float, _place: int) -> str:
    """Return a number of segments in words."""
    for size, name in ((1_000_000, " M"), (1000, " k")):
        if count >= size:
            return f"{count / size:g}{name}"
    return f"{count:g}"


def _panel(axis: Any, title: str, drawn: Mapping[int, Sequence[tuple[float, float]]]) -> None:
    from matplotlib.ticker import LogFormatter

    for many, points in drawn.items():
        x, y = zip(*points, strict=True)
        axis.plot(x, y, marker="o", markersize=3, label=f"{many} segments a video")
    least = min(points[0] for points in drawn.values())
    most = max(points[-1][0] for points in drawn.values())
    values = [value for points in drawn.values() for _, value in points]
    floor, top = min(values) / 2, max(values) * 2
    share = most / least[0]
    axis.plot([least[0], most], [least[1], least[1] * share], ":", color="0.6", label="linear")
    axis.set(xscale="log", yscale="log", ylim=(floor, max(top, 20 * floor)))
    axis.xaxis.set_major_formatter(_power)
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.2, 0.4)))
    axis.set_title(title, fontsize=8)
    axis.grid(visible=True, which="major", color="0.9")


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw what was recorded."""
    parser = argparse.ArgumentParser(description="Draw how costs grow with a library.")
    parser.add_argument("--recorded", type=Path, default=RECORDED, metavar="FILE")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="FILE")
    options = parser.parse_args(arguments)
    draw(read(options.recorded), options.page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
