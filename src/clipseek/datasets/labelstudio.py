"""Label Studio: tasks of pictures with choices, and the configuration that shows them.

What people have decided on are annotations, and what rules propose are predictions. Pictures are
served as local files, whose root is the folder of the data set.
"""

import json
from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

from clipseek.datasets.dataset import DECIDED, Dataset, Track
from clipseek.datasets.formats import PICTURES


def files(dataset: Dataset) -> Mapping[str, bytes]:
    """Return `tasks.json` to import, and `config.xml` for the labelling interface."""
    said: dict[int, list[Track]] = {}
    for label in dataset.labels:
        said.setdefault(label.picture, []).append(dataset.tracks[label.track - 1])
    tasks = []
    for number, picture in enumerate(dataset.pictures, 1):
        tracks = said.get(number, [])
        decided = [track for track in tracks if track.state in DECIDED]
        proposed = [track for track in tracks if track.state not in DECIDED]
        task: dict[str, object] = {
            "id": number,
            "data": {
                "image": f"/data/local-files/?d={PICTURES}/{picture.file}",
                "video_id": picture.video_id,
                "time": picture.time,
            },
        }
        if decided:
            task["annotations"] = [{"result": _choices(dataset, decided)}]
        if proposed:
            task["predictions"] = [
                {
                    "model_version": dataset.name,
                    "score": min(track.relevance for track in proposed),
                    "result": _choices(dataset, proposed),
                }
            ]
        tasks.append(task)
    written = json.dumps(tasks, ensure_ascii=True, indent=1)
    return {"tasks.json": f"{written}\n".encode(), "config.xml": _config(dataset).encode()}


def _choices(dataset: Dataset, tracks: list[Track]) -> list[dict[str, object]]:
    names = sorted({dataset.categories[track.category - 1].name for track in tracks})
    return [
        {
            "id": "tags",
            "from_name": "tags",
            "to_name": "image",
            "type": "choices",
            "value": {"choices": names},
        }
    ]


def _config(dataset: Dataset) -> str:
    choices = "".join(
        f"    <Choice value={quoteattr(category.name)}/>\n" for category in dataset.categories
    )
    return (
        '<View>\n  <Image name="image" value="$image"/>\n'
        '  <Choices name="tags" toName="image" choice="multiple">\n'
        f"{choices}  </Choices>\n</View>\n"
    )
