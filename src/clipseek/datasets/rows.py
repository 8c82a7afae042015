"""A data set as three tables: its frames, what labels say of them, and the spans of tags."""

from collections.abc import Iterator, Mapping

from clipseek.datasets.dataset import Dataset

Value = str | int | float
Rows = list[dict[str, Value]]

COLUMNS: Mapping[str, Mapping[str, type]] = {
    "frames": {
        "file": str,
        "video_id": str,
        "title": str,
        "camera": str,
        "recorded_at": str,
        "time": float,
        "width": int,
        "height": int,
        "pixels_sha256": str,
    },
    "labels": {
        "file": str,
        "category": str,
        "level": str,
        "relevance": float,
        "state": str,
        "tag": str,
        "track": int,
        "left": float,
        "top": float,
        "right": float,
        "bottom": float,
    },
    "spans": {
        "track": int,
        "video_id": str,
        "category": str,
        "version": str,
        "start": float,
        "end": float,
        "relevance": float,
        "state": str,
        "tag": str,
    },
}
"""The columns of each table, and the type of their values."""


def tables(dataset: Dataset) -> dict[str, Rows]:
    """Return the rows of each table of `COLUMNS`."""
    return {
        "frames": list(_frames(dataset)),
        "labels": list(_labels(dataset)),
        "spans": list(_spans(dataset)),
    }


def _frames(dataset: Dataset) -> Iterator[dict[str, Value]]:
    videos = {video.id: video for video in dataset.videos}
    for picture in dataset.pictures:
        video = videos[picture.video_id]
        yield {
            "file": picture.file,
            "video_id": video.id,
            "title": video.title,
            "camera": video.stream,
            "recorded_at": video.recorded_at,
            "time": picture.time,
            "width": picture.width,
            "height": picture.height,
            "pixels_sha256": picture.pixels,
        }


def _labels(dataset: Dataset) -> Iterator[dict[str, Value]]:
    for label in dataset.labels:
        track = dataset.tracks[label.track - 1]
        category = dataset.categories[track.category - 1]
        edges = label.box or (0.0, 0.0, 1.0, 1.0)
        yield {
            "file": dataset.pictures[label.picture - 1].file,
            "category": category.name,
            "level": category.level,
            "relevance": track.relevance,
            "state": track.state,
            "tag": track.source,
            "track": track.id,
            **dict(zip(("left", "top", "right", "bottom"), edges, strict=True)),
        }


def _spans(dataset: Dataset) -> Iterator[dict[str, Value]]:
    for track in dataset.tracks:
        category = dataset.categories[track.category - 1]
        yield {
            "track": track.id,
            "video_id": track.video_id,
            "category": category.name,
            "version": category.version,
            "start": track.start,
            "end": track.end,
            "relevance": track.relevance,
            "state": track.state,
            "tag": track.source,
        }
