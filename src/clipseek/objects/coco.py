"""Boxes of the frames of a video as COCO writes them: images, annotations, categories. Pure.

https://cocodataset.org/#format-data; `videos` and `video_id` are those of YouTube-VIS.
"""

from collections.abc import Iterable
from typing import Any

from clipseek.objects.whereabouts import Whereabouts

_DIGITS = 2


def coco_of(
    found: Iterable[Whereabouts], *, name: str, title: str, size: tuple[int, int]
) -> dict[str, Any]:
    """Return the boxes of one video as a COCO data set; `size` is width and height in pixels.

    name: Of the category, which is what was asked for. Each box has the relevance as its `score`.
    """
    width, height = size
    images: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    for number, one in enumerate(found, 1):
        images.append(
            {
                "id": number,
                "file_name": f"{title}/{one.time:010.3f}.jpg",
                "width": width,
                "height": height,
                "video_id": 1,
                "frame_id": number - 1,
                "time": round(one.time, 4),
            }
        )
        if one.box is None:
            continue
        left, right = one.box.left * width, one.box.right * width
        top, bottom = one.box.top * height, one.box.bottom * height
        across, down = round(right - left, _DIGITS), round(bottom - top, _DIGITS)
        boxes.append(
            {
                "id": len(boxes) + 1,
                "image_id": number,
                "category_id": 1,
                "bbox": [round(left, _DIGITS), round(top, _DIGITS), across, down],
                "area": round(across * down, _DIGITS),
                "iscrowd": 0,
                "score": round(one.fit, 4),
            }
        )
    return {
        "info": {"description": f"{name} in {title}"},
        "videos": [{"id": 1, "name": title, "width": width, "height": height}],
        "images": images,
        "annotations": boxes,
        "categories": [{"id": 1, "name": name}],
    }
