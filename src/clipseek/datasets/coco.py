"""COCO: images, annotations and categories, and the videos and tracks that they belong to.

An object has its box. A tag is of a whole frame: its box is the frame, and its category has the
`supercategory` "tag", so that what learns boxes can leave it out.
https://cocodataset.org/#format-data, and for videos and tracks the format of TAO (Dave et al.,
"TAO: A large-scale benchmark for tracking any object", ECCV 2020).
"""

import json
from collections.abc import Mapping

from clipseek.datasets.dataset import Dataset, Label


def files(dataset: Dataset) -> Mapping[str, bytes]:
    """Return `labels.json`."""
    written = json.dumps(document(dataset), ensure_ascii=True, indent=1)
    return {"labels.json": f"{written}\n".encode()}


def document(dataset: Dataset) -> dict[str, object]:
    """Return the data set as COCO writes it."""
    numbers = {video.id: number for number, video in enumerate(dataset.videos, 1)}
    places: dict[str, int] = {}
    images = []
    for number, picture in enumerate(dataset.pictures, 1):
        place = places[picture.video_id] = places.get(picture.video_id, -1) + 1
        images.append(
            {
                "id": number,
                "file_name": picture.file,
                "width": picture.width,
                "height": picture.height,
                "video_id": numbers[picture.video_id],
                "frame_id": place,
                "time": picture.time,
                "pixels_sha256": picture.pixels,
            }
        )
    return {
        "info": {"description": dataset.name, **dataset.info()},
        "licenses": [],
        "videos": [
            {
                "id": numbers[video.id],
                "name": video.title,
                "source": video.id,
                "uri": video.uri,
                "width": video.width,
                "height": video.height,
                "duration": video.duration,
                "frame_rate": video.frame_rate,
                "camera": video.stream,
                "recorded_at": video.recorded_at,
                "tags": list(video.tags),
            }
            for video in dataset.videos
        ],
        "categories": [
            {
                "id": category.id,
                "name": category.name,
                "supercategory": category.level,
                "version": category.version,
            }
            for category in dataset.categories
        ],
        "images": images,
        "tracks": [
            {
                "id": track.id,
                "category_id": track.category,
                "video_id": numbers[track.video_id],
                "start": track.start,
                "end": track.end,
                "state": track.state,
                "score": track.relevance,
                "source": track.source,
            }
            for track in dataset.tracks
        ],
        "annotations": [_annotation(dataset, label, numbers) for label in dataset.labels],
    }


def _annotation(dataset: Dataset, label: Label, numbers: Mapping[str, int]) -> dict[str, object]:
    picture, track = dataset.pictures[label.picture - 1], dataset.tracks[label.track - 1]
    edges = label.box or (0.0, 0.0, 1.0, 1.0)
    left, right = (round(edges[place] * picture.width, 2) for place in (0, 2))
    top, bottom = (round(edges[place] * picture.height, 2) for place in (1, 3))
    return {
        "id": label.id,
        "image_id": label.picture,
        "category_id": track.category,
        "video_id": numbers[track.video_id],
        "track_id": track.id,
        "bbox": [left, top, right - left, bottom - top],
        "area": (right - left) * (bottom - top),
        "iscrowd": 0,
        "segmentation": [],
        "score": track.relevance,
        "state": track.state,
    }
