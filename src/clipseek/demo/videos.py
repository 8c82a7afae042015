"""Draws, encodes and labels the demo videos."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import av
import numpy as np
from numpy.typing import NDArray

from clipseek.demo.composed import write_composed
from clipseek.demo.drawing import draw
from clipseek.demo.labels import label
from clipseek.demo.shots import Plan, plan_video
from clipseek.demo.signs import paint
from clipseek.demo.tracks import Tracks
from clipseek.demo.utterances import (
    WORD_KINDS,
    Passage,
    WordKind,
    plan_words,
    queries,
    spoken_until,
)
from clipseek.demo.voice import RATE, Voice
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


def make_videos(
    count: int,
    seed: int,
    folder: Path,
    *,
    words: Collection[WordKind] = (),
    voice: Voice | None = None,
) -> list[Video]:
    """Write `count` videos as H.264 MP4 and their queries as captions.jsonl into the folder.

    Queries of several parts, of steps, of pictures, and of pictures with words are in
    composed.jsonl.

    The same arguments give the same videos and the same captions. The folder is made if it is
    missing; files with the same names are overwritten.

    Args:
        count: How many videos, at least 1.
        seed: Chooses the videos.
        folder: Where they go, as `video-001.mp4` and so on.
        words: Which kinds of words the videos have. A video without words is the same file
            whatever kinds the others have, and the queries about pictures are the same too.
        voice: Speaks the sentences; without one, no video has speech.

    Raises:
        ValueError: `count` is less than 1.
        OSError: The folder cannot be written, or the voice fails.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    rng = Random(seed)
    plans = {f"video-{number:03}.mp4": plan_video(rng) for number in range(1, count + 1)}
    labelled = label(plans, rng)
    kinds = [kind for kind in WORD_KINDS if kind in words and (voice or kind != "speech")]
    folder.mkdir(parents=True, exist_ok=True)
    said: dict[str, tuple[Passage, ...]] = {}
    for number, (file, plan) in enumerate(plans.items(), 1):
        planned = plan_words(plan, number, seed=seed, kinds=kinds)
        said[file], sound = spoken(plan, planned, voice)
        write_video(plan, folder / file, said[file], sound)
    lines = [each.line() for each in labelled] + list(queries(said, kinds, seed=seed))
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / CAPTIONS).write_text(text, encoding="utf-8")
    write_composed(plans, folder, seed, said)
    asked = [line.get("file") for line in lines]
    return [_record(file, plan, asked.count(file)) for file, plan in plans.items()]


def _record(file: str, plan: Plan, asked: int) -> Video:
    duration = round(plan.seconds(plan.frames), 3)
    rate = str(plan.frame_rate)
    return Video(file, duration, rate, WIDTH, HEIGHT, len(plan.shots), asked)


def spoken(
    plan: Plan, words: tuple[Passage, ...], voice: Voice | None
) -> tuple[tuple[Passage, ...], NDArray[np.int16] | None]:
    """Return the passages with the ends that they have when they are spoken, and the sound.

    The sound is int16 (samples,) at RATE, as long as the video; None if nothing is spoken.
    """
    if voice is None or not any(each.kind == "speech" for each in words):
        return words, None
    sound = np.zeros(round(plan.seconds(plan.frames) * RATE), dtype=np.int16)
    heard = []
    for passage in words:
        spoken = voice.speak(passage.text)
        first = round(passage.start * RATE)
        if first + len(spoken) > len(sound):
            raise ValueError(f"{passage.text!r} takes {len(spoken) / RATE:.1f} s: it does not fit")
        sound[first : first + len(spoken)] = spoken
        heard.append(spoken_until(passage, len(spoken) / RATE))
    return tuple(heard), sound


def write_video(
    plan: Plan, path: Path, words: Sequence[Passage] = (), sound: NDArray[np.int16] | None = None
) -> None:
    """Write one video with its words as H.264 MP4; the sound is int16 (samples,) at RATE."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=plan.frame_rate)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "20", "threads": "1"}
        tracks = Tracks(container, [each for each in words if each.kind == "subtitle"], sound)
        for number, pixels in enumerate(_pictures(plan, words)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, 1 / plan.frame_rate
            tracks.write(plan.seconds(number))
            container.mux(stream.encode(frame))
        tracks.write(float("inf"))
        container.mux(stream.encode(None))


def _pictures(plan: Plan, words: Sequence[Passage]) -> Iterator[NDArray[np.uint8]]:
    """Yield the pixels of every frame; each picture is drawn once and held until the next."""
    drawn = plan.drawn()
    ends = [first for first, _ in drawn[1:]] + [plan.frames]
    last, pixels = None, np.empty(0, dtype=np.uint8)
    for (first, scene), end in zip(drawn, ends, strict=True):
        if _still(scene) != last:
            last, pixels = _still(scene), draw(scene, WIDTH, HEIGHT, oversampling=2)
        shown = _signed(pixels, words, plan.seconds(first))
        for _ in range(first, end):
            yield shown


def _signed(
    pixels: NDArray[np.uint8], words: Sequence[Passage], second: float
) -> NDArray[np.uint8]:
    """Return the picture with the signs that are shown at this second."""
    for each in words:
        if each.box and each.start <= second < each.end:
            pixels = paint(pixels, each.text, each.box)
    return pixels


def _still(scene: Scene) -> Scene:
    """Return the scene without its clock if nothing falls: the clock moves rain and snow."""
    return scene if scene.weather in ("rain", "snow") else replace(scene, clock=0.0)
