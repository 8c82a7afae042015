"""Label Studio: tasks of pictures with choices, and the configuration that shows them.

What people have decided on are annotations, and what rules propose are predictions. Pictures are
served as local files, whose root is the folder of the data set.
"""

import json
from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

from clipseek.datasets.dataset import DECIDED, Box, Dataset, Label
from clipseek.datasets.formats import PICTURES


def files(dataset: Dataset) -> Mapping[str, bytes]:
    """Return `tasks.json` to import, and `config.xml` for the labelling interface."""
    said: dict[int, list[Label]] = {}
    for label in dataset.labels:
        said.setdefault(label.picture, []).append(label)
    tasks = []
    for number, picture in enumerate(dataset.pictures, 1):
        labels = said.get(number, [])
        states = [dataset.tracks[label.track - 1].state for label in labels]
        both = list(zip(labels, states, strict=True))
        decided = [label for label, state in both if state in DECIDED]
        proposed = [label for label, state in both if state not in DECIDED]
        task: dict[str, object] = {
            "id": number,
            "data": {
                "image": f"/data/local-files/?d={PICTURES}/{picture.file}",
                "video_id": picture.video_id,
                "time": picture.time,
            },
            # Its own converter refuses a task without this, also one that nobody has looked at.
            "annotations": [{"result": _result(dataset, decided)}] if decided else [],
        }
        if proposed:
            task["predictions"] = [
                {
                    "model_version": dataset.name,
                    "score": min(dataset.tracks[each.track - 1].relevance for each in proposed),
                    "result": _result(dataset, proposed),
                }
            ]
        tasks.append(task)
    written = json.dumps(tasks, ensure_ascii=True, indent=1)
    return {"tasks.json": f"{written}\n".encode(), "config.xml": _config(dataset).encode()}


def _result(dataset: Dataset, labels: list[Label]) -> list[dict[str, object]]:
    """Return the tags as one choice of several, and each object as a rectangle."""
    found: list[dict[str, object]] = []
    names = sorted({_name(dataset, label) for label in labels if label.box is None})
    if names:
        found.append(
            {
                "id": "tags",
                "from_name": "tags",
                "to_name": "image",
                "type": "choices",
                "value": {"choices": names},
            }
        )
    found += [_rectangle(dataset, label, label.box) for label in labels if label.box is not None]
    return found


def _rectangle(dataset: Dataset, label: Label, box: Box) -> dict[str, object]:
    """Return a rectangle in per cent of the picture."""
    left, top, right, bottom = (100 * edge for edge in box)
    picture = dataset.pictures[label.picture - 1]
    return {
        "id": f"object-{label.id}",
        "from_name": "objects",
        "to_name": "image",
        "type": "rectanglelabels",
        "original_width": picture.width,
        "original_height": picture.height,
        "value": {
            "x": left,
            "y": top,
            "width": right - left,
            "height": bottom - top,
            "rotation": 0,
            "rectanglelabels": [_name(dataset, label)],
        },
    }


def _name(dataset: Dataset, label: Label) -> str:
    return dataset.categories[dataset.tracks[label.track - 1].category - 1].name


def _config(dataset: Dataset) -> str:
    kinds = (
        ("tag", "Choices", "tags", "Choice"),
        ("object", "RectangleLabels", "objects", "Label"),
    )
    parts = ""
    for level, control, name, option in kinds:
        values = [quoteattr(each.name) for each in dataset.categories if each.level == level]
        if values:
            several = ' choice="multiple"' if level == "tag" else ""
            options = "".join(f"    <{option} value={value}/>\n" for value in values)
            parts += (
                f'  <{control} name="{name}" toName="image"{several}>\n{options}  </{control}>\n'
            )
    return f'<View>\n  <Image name="image" value="$image"/>\n{parts}</View>\n'
