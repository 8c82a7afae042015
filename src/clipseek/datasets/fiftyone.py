"""FiftyOne: a `FiftyOneImageDetectionDataset`, whose frames have several labels.

FiftyOne's own format of classifications has one label for a picture, so a tag is a detection, too:
its box is the whole frame. The state and the version of the rule are attributes.
"""

import json
from collections.abc import Mapping
from pathlib import PurePath

from clipseek.datasets.dataset import Box, Dataset

WHOLE = [0.0, 0.0, 1.0, 1.0]
"""Left, top, width and height as fractions of the frame."""


def files(dataset: Dataset) -> Mapping[str, bytes]:
    """Return `labels.json`; a picture is named by its file without the suffix."""
    labels: dict[str, list[object]] = {PurePath(each.file).stem: [] for each in dataset.pictures}
    for label in dataset.labels:
        track = dataset.tracks[label.track - 1]
        category = dataset.categories[track.category - 1]
        labels[PurePath(dataset.pictures[label.picture - 1].file).stem].append(
            {
                "label": category.name,
                "bounding_box": WHOLE if label.box is None else _edges(label.box),
                "confidence": track.relevance,
                "attributes": {"state": track.state, "version": category.version},
            }
        )
    written = json.dumps({"labels": labels}, ensure_ascii=True, indent=1)
    return {"labels.json": f"{written}\n".encode()}


def _edges(box: Box) -> list[float]:
    left, top, right, bottom = box
    return [left, top, right - left, bottom - top]
