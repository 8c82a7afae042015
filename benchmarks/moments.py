"""How well segments and merged hits follow generated videos whose events are known.

    python -m benchmarks.moments

A generated video has scenes of 10 to 60 s, with shots of 2 to 25 s, with events of 2 to 15 s. Each
adds its own random direction to the vectors of its frames, in addition to a direction of the video,
slow drift, noise and odd frames. Cuts between shots are given, as by a cut detector; events inside
a shot are not.

`segments` prints the mean over all events of the IoU with the segment nearest to them. `hits` asks
for events and for whole scenes among 2, 8 and 40 videos and prints the mean IoU of the first hit.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipseek import ranking, segments
from clipseek.index import ExactIndex
from clipseek.ranking import Rows
from clipseek.types import Segments, Span

DIM, LENGTH_S, COHERENCE = 256, 240.0, 0.85
KINDS: dict[str, dict[str, float]] = {
    "plain": {},
    "noisy": {"noise": 0.6},
    "subtle": {"event": 0.4, "noise": 0.3},
    "drifting": {"drift": 0.3},
    "two a second": {"fps": 2.0},
    "every 2 s": {"fps": 0.5},
    "odd frames": {"odd": 0.12},
}
CONE = np.random.default_rng(123).normal(size=DIM) / DIM**0.5

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Video:
    """Frames of a generated video, and what happens when."""

    times: NDArray[np.float64]
    vectors: NDArray[np.float32]
    cuts: NDArray[np.bool_]
    scenes: list[tuple[Span, Vector]]
    events: list[tuple[Span, Vector]]

    def spans(self) -> NDArray[np.float64]:
        """Return the spans of its segments."""
        return self.formed().spans

    def formed(self) -> Segments:
        """Return its segments."""
        return segments.form(self.times, self.vectors, self.cuts, LENGTH_S, coherence=COHERENCE)


def unit(rows: Vector) -> NDArray[np.float32]:
    """Return rows of length one."""
    lengths: Vector = np.linalg.norm(rows, axis=-1, keepdims=True)
    scaled: NDArray[np.float32] = np.divide(rows, lengths).astype(np.float32)
    return scaled


def parts(chance: np.random.Generator, span: Span, low: float, high: float) -> list[Span]:
    """Divide a span into stretches of random length, none shorter than 1.5 s."""
    bounds = [span.start]
    while bounds[-1] < span.end:
        end = bounds[-1] + chance.uniform(low, high)
        bounds.append(end if span.end - end >= 1.5 else span.end)
    return [Span(start, end) for start, end in itertools.pairwise(bounds)]


def made(
    seed: int,
    *,
    fps: float = 1.0,
    noise: float = 0.35,
    event: float = 0.7,
    drift: float = 0.12,
    odd: float = 0.05,
) -> Video:
    """Generate a video."""
    chance = np.random.default_rng(seed)

    def direction(length: float) -> Vector:
        return np.asarray(length * chance.normal(size=DIM) / DIM**0.5, np.float64)

    base, scenes, events, shots, shown = direction(0.5), [], [], [], []
    for scene in parts(chance, Span(0, LENGTH_S), 10, 60):
        scenes.append((scene, direction(0.7)))
        for shot in parts(chance, scene, *((2, 6) if chance.random() < 0.5 else (6, 25))):
            shots.append(shot.start)
            of_shot = scenes[-1][1] + direction(0.5)
            for part in parts(chance, shot, 2, 15):
                own = direction(event)
                events.append((part, own + 0.5 * scenes[-1][1]))
                shown.append(base + of_shot + own)
    times = np.union1d(np.arange(0, LENGTH_S, 1 / fps), shots)
    starts = np.array([span.start for span, _ in events])
    frames, slow = [], np.zeros(DIM)
    for at in np.searchsorted(starts, times, side="right") - 1:
        slow = 0.9 * slow + direction(drift)
        strange = direction(1.0) if chance.random() < odd else 0.0
        frames.append(CONE + shown[at] + slow + direction(noise) + strange)
    return Video(times, unit(np.array(frames)), np.isin(times, shots), scenes, events)


def nearest(span: Span, spans: NDArray[np.float64]) -> float:
    """Return the IoU with the span that is nearest."""
    return max(span.iou(Span(start, end)) for start, end in spans)


def running_mean(video: Video) -> NDArray[np.float64]:
    """Return the spans where each frame joins the running mean or begins a segment: the rival."""
    starts, mean = [0.0], video.vectors[0].astype(np.float64)
    for time, vector, cut in zip(video.times[1:], video.vectors[1:], video.cuts[1:], strict=True):
        if cut or vector @ mean / np.linalg.norm(mean) < COHERENCE:
            starts.append(time)
            mean = np.zeros(DIM)
        mean = mean + vector
    return np.stack([starts, [*starts[1:], LENGTH_S]], axis=1)


def segment_iou(videos: list[Video], spans: Callable[[Video], NDArray[np.float64]]) -> float:
    """Return the mean IoU of all events with the segment nearest to each."""
    ious = []
    for video in videos:
        found = spans(video)
        ious += [nearest(span, found) for span, _ in video.events]
    return float(np.mean(ious))


def hit_iou(videos: list[Video], asked: list[tuple[int, Span, Vector]], *, merged: bool) -> float:
    """Return the mean IoU of what was asked for with the first hit, zero in another video."""
    formed = [video.formed() for video in videos]
    owners = np.repeat(np.arange(len(videos)), [len(f) for f in formed])
    names = np.array([f"{number:03}" for number in range(len(videos))])
    spans = np.concatenate([f.spans for f in formed])
    index = ExactIndex(np.arange(len(spans)), np.concatenate([f.vectors for f in formed]))
    chance = np.random.default_rng(9)
    ious = []
    for number, span, meant in asked:
        text = unit(unit(meant) + 0.7 * chance.normal(size=DIM) / DIM**0.5 - 0.3 * CONE)
        near = index.search(text[None], ranking.candidates(10) if merged else 1)
        ids = near.ids[0]
        rows = Rows(names[owners[ids]], owners[ids], spans[ids], spans[ids, 0], near.scores[0])
        first = ranking.merge(near, rows, [len(ids)], [1])[0][0]
        ious.append(first.span.iou(span) if first.video_id == f"{number:03}" else 0.0)
    return float(np.mean(ious))


def main() -> None:
    """Print the figures."""
    for name, kind in KINDS.items():
        videos = [made(seed, **kind) for seed in range(12)]
        ours, theirs = segment_iou(videos, Video.spans), segment_iou(videos, running_mean)
        print(f"segments  {name:12}  IoU {ours:.3f}  (running mean {theirs:.3f})")
    for size in (2, 8, 40):
        videos = [made(seed) for seed in range(size)]
        chance = np.random.default_rng(0)
        for level in ("events", "scenes"):
            asked = [(n, *one) for n, video in enumerate(videos) for one in getattr(video, level)]
            asked = [asked[i] for i in chance.permutation(len(asked))[:300]]
            ours, alone = (hit_iou(videos, asked, merged=merged) for merged in (True, False))
            print(f"hits      {level} of {size:2} videos  IoU {ours:.3f}  (not merged {alone:.3f})")


if __name__ == "__main__":
    main()
