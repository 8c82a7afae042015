"""Draws, encodes and labels the demo videos."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import av
import numpy as np
from numpy.typing import NDArray

from clipseek.demo.drawing import draw
from clipseek.demo.labels import label
from clipseek.demo.shots import Plan, plan_video
from clipseek.demo.world import Scene

WIDTH, HEIGHT = 384, 216
CAPTIONS = "captions.jsonl"


@dataclass(frozen=True, slots=True)
class Video:
    """One video that was written. `frame_rate` is a fraction as text, `duration` in seconds."""

    file: str
    duration: float
    frame_rate: str
    width: int
    height: int
    shots: int
    queries: int


def make_videos(count: int, seed: int, folder: Path) -> list[Video]:
    """Write `count` videos as H.264 MP4 and their queries as captions.jsonl into the folder.

    The same count and seed give the same videos and the same captions. The folder is made if it is
    missing; files with the same names are overwritten.

    Args:
        count: How many videos, at least 1.
        seed: Chooses the videos.
        folder: Where they go, as `video-001.mp4` and so on.

    Raises:
        ValueError: `count` is less than 1.
        OSError: The folder cannot be written.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    rng = Random(seed)
    plans = {f"video-{number:03}.mp4": plan_video(rng) for number in range(1, count + 1)}
    labelled = label(plans, rng)
    folder.mkdir(parents=True, exist_ok=True)
    for file, plan in plans.items():
        _encode(plan, folder / file)
    lines = [json.dumps(each.line(), ensure_ascii=False) + "\n" for each in labelled]
    (folder / CAPTIONS).write_text("".join(lines), encoding="utf-8")
    asked = [each.file for each in labelled]
    return [_record(file, plan, asked.count(file)) for file, plan in plans.items()]


def _record(file: str, plan: Plan, queries: int) -> Video:
    duration = round(plan.seconds(plan.frames), 3)
    rate = str(plan.frame_rate)
    return Video(file, duration, rate, WIDTH, HEIGHT, len(plan.shots), queries)


def _encode(plan: Plan, path: Path) -> None:
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=plan.frame_rate)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "20", "threads": "1"}
        for number, pixels in enumerate(_pictures(plan)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, 1 / plan.frame_rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _pictures(plan: Plan) -> Iterator[NDArray[np.uint8]]:
    """Yield the pixels of every frame; each picture is drawn once and held until the next."""
    drawn = plan.drawn()
    ends = [first for first, _ in drawn[1:]] + [plan.frames]
    last, pixels = None, np.empty(0, dtype=np.uint8)
    for (first, scene), end in zip(drawn, ends, strict=True):
        if _still(scene) != last:
            last, pixels = _still(scene), draw(scene, WIDTH, HEIGHT, oversampling=2)
        for _ in range(first, end):
            yield pixels


def _still(scene: Scene) -> Scene:
    """Return the scene without its clock if nothing falls: the clock moves rain and snow."""
    return scene if scene.weather in ("rain", "snow") else replace(scene, clock=0.0)
