"""How many faces are found and blurred, in public pictures that scikit-image ships.

    python -m benchmarks.redaction

`frontal`: the 100 faces of Labeled Faces in the Wild that scikit-image ships, grey, of 25 x 25
pixels, each scaled to a size and put into a picture of 640 x 360 without people, once. `tilted` and
`far`: the portrait of an astronaut, turned by up to 45 degrees, and made small. `not faces`: the
100 other parts of the same set, and pictures without people: how many regions are blurred there.
`left`: faces that are still found after blurring, at a certainty of 0.5. `moving`: a portrait that
moves through the picture at some widths of its face a second; frames of the excerpt in which it
is found at that certainty. `speed`: milliseconds of a look, and seconds for a second of a video of
1280 x 720 with 25 frames a second. `cost`: seconds of processor time for ten seconds of 384 x 216,
in which a portrait moves, or is still but for noise, and for ten seconds of a camera of 1280 x 720
that is sent live. `--only moving` and `--only costs` measure these alone.

Prints one JSON object for each.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from clipseek.live.blurring import Blurred
from clipseek.live.playing import Tail
from clipseek.redaction import Finder, Redactor
from clipseek.redaction.centerface import THRESHOLD, CenterFace
from clipseek.video.excerpting import Excerpting, Recipe

SIZES = (12, 16, 24, 32, 48, 96)
TURNS = (-45, -30, -15, 15, 30, 45)
FAR = (24, 32, 48, 64, 96, 128)
SPEEDS = (0.5, 2.0, 5.0)
WITHOUT_PEOPLE = ("coffee", "chelsea", "rocket", "brick", "grass", "hubble_deep_field")
SURE = 0.5
GROWING = "empty_moov+frag_keyframe+default_base_moof"
QUIET_S = 5.0
"""When nothing came for so long, a stream is at its end."""
FACE = (0.35, 0.11, 0.53, 0.35)
"""Where the face of the astronaut is, as shares of the picture."""

Picture = NDArray[np.uint8]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("moving", "costs"), help="measure this alone")
    only = parser.parse_args(arguments).only
    for line in measured() if only is None else _PARTS[only]():
        print(json.dumps(line), flush=True)
    return 0


def measured() -> Iterator[dict[str, object]]:
    """Yield each figure when it is known."""
    for threshold in (THRESHOLD, SURE):
        finder = CenterFace(threshold=threshold)
        for size in SIZES:
            found = [is_found(finder, *placed(face, size)) for face in lfw()[:100]]
            yield {"frontal": size, "threshold": threshold, "recall": share(found)}
    finder = CenterFace()
    turned = [is_found(finder, *tilted(turn)) for turn in TURNS]
    yield {"tilted": len(TURNS), "recall": share(turned)}
    yield {"far": len(FAR), "recall": share([is_found(finder, *far(side)) for side in FAR])}
    others = [placed(part, 48)[0] for part in lfw()[100:]] + [named(n) for n in WITHOUT_PEOPLE]
    yield {"not faces": len(others), "regions": sum(len(finder.find(each)) for each in others)}
    redactor, sure = Redactor([finder]), CenterFace(threshold=SURE)
    left = sum(
        is_found(sure, redactor.redacted(p), b) for p, b in (placed(f, 48) for f in lfw()[:100])
    )
    yield {"left": left, "of": 100}
    yield from all_moving()
    with tempfile.TemporaryDirectory() as folder:
        yield from timed(Path(folder))
    yield from costs()


def all_moving() -> Iterator[dict[str, object]]:
    """Yield how many frames of a preview show a face that moves at each speed."""
    sure = CenterFace(threshold=SURE)
    with tempfile.TemporaryDirectory() as folder:
        for speed in SPEEDS:
            yield moving(Path(folder), speed, sure)


def costs() -> Iterator[dict[str, object]]:
    """Yield the processor time of child processes for ten seconds of video."""
    portrait, rng = resized(named("astronaut"), 216, 216), np.random.default_rng(1)
    ground = np.full((216, 384, 3), 110, np.uint8)
    pictures: dict[str, list[Picture]] = {"moving": [], "still": []}
    for number in range(250):
        for name, at in (("moving", number * 2 % 160), ("still", 80)):
            picture = ground.astype(np.float64)
            picture[:, at : at + 216] = portrait
            picture += rng.normal(0, 2, picture.shape) if name == "still" else 0
            pictures[name].append(np.clip(picture, 0, 255).astype(np.uint8))
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name, shown_ in pictures.items():
            written(folder / "a.mp4", shown_)
            for kind in ("excerpt", "preview"):
                began = spent()
                excerpt(folder / "a.mp4", folder / "b.mp4", growing=kind == "preview", seconds=10.0)
                yield {"cost": kind, "of": name, "cpu s": round(spent() - began, 1)}
        large = [resized(picture, 1280, 720) for picture in pictures["moving"]]
        written(folder / "2026-11-29" / "10-00-00-000Z.mp4", large, movflags=GROWING)
        began = spent()
        streamed(folder)
        yield {"cost": "live", "of": "moving", "cpu s": round(spent() - began, 1)}


def streamed(folder: Path) -> None:
    """Blur a recording as it is sent live, until nothing more comes of it."""
    blurred = Blurred(Tail(folder), ("faces",), memory_bytes=2**30, frame_pixels=2**26)
    last = time.monotonic()
    while time.monotonic() - last < QUIET_S:
        if blurred.read():
            last = time.monotonic()
        time.sleep(0.05)
    blurred.close()


def spent() -> float:
    """Return the processor time of the children that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


_PARTS = {"moving": all_moving, "costs": costs}


def share(found: Sequence[bool]) -> float:
    """Return the share of what was found."""
    return round(sum(found) / len(found), 3)


def named(name: str) -> Picture:
    """Return a picture that scikit-image ships, as RGB."""
    picture = np.asarray(getattr(data, name)(), np.uint8)
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def resized(picture: Picture, width: int, height: int) -> Picture:
    """Return a picture in another size."""
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def lfw() -> list[Picture]:
    """Return 100 faces and 100 other parts of photographs, uint8 (25, 25, 3)."""
    shares = data.lfw_subset()  # type: ignore[no-untyped-call]  # it has no types
    grey = (shares * 255).astype(np.uint8)
    return [np.repeat(each[..., None], 3, axis=2) for each in grey]


Box = tuple[float, float, float, float]


def placed(face: Picture, size: int) -> tuple[Picture, Box]:
    """Return a picture of 640 x 360 with a face of a size, and where it is."""
    picture = resized(named("coffee"), 640, 360).copy()
    picture[60 : 60 + size, 80 : 80 + size] = resized(face, size, size)
    return picture, (80 / 640, 60 / 360, (80 + size) / 640, (60 + size) / 360)


def tilted(turn: int) -> tuple[Picture, Box]:
    """Return the portrait turned by some degrees, and where its face is."""
    picture = np.asarray(Image.fromarray(named("astronaut")).rotate(turn, Image.Resampling.BICUBIC))
    x, y = (FACE[0] + FACE[2]) / 2 - 0.5, (FACE[1] + FACE[3]) / 2 - 0.5
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    at_x, at_y = 0.5 + cos * x + sin * y, 0.5 - sin * x + cos * y
    return picture, (at_x - 0.12, at_y - 0.12, at_x + 0.12, at_y + 0.12)


def far(side: int) -> tuple[Picture, Box]:
    """Return the portrait small in a picture of 640 x 360, and where its face is."""
    picture, (left, top, right, bottom) = placed(named("astronaut"), side)
    wide, high = right - left, bottom - top
    return picture, (
        left + FACE[0] * wide,
        top + FACE[1] * high,
        left + FACE[2] * wide,
        top + FACE[3] * high,
    )


def is_found(finder: Finder, picture: Picture, box: Box) -> bool:
    """Whether the centre of a region is in the box."""
    found = finder.find(picture)
    x, y = (found[:, 0] + found[:, 2]) / 2, (found[:, 1] + found[:, 3]) / 2
    return bool(((x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])).any())


def moving(folder: Path, speed: float, sure: Finder) -> dict[str, object]:
    """Return how many frames show the face before and after, if it moves at a speed."""
    portrait = resized(named("astronaut"), 360, 360)
    width = (FACE[2] - FACE[0]) * 360
    ground = np.full((360, 640, 3), 110, np.uint8)
    pictures = []
    for number in range(50):
        picture, at = ground.copy(), round(number / 25 * speed * width) % 280
        picture[:, at : at + 360] = portrait
        pictures.append(picture)
    written(folder / "a.mp4", pictures)
    excerpt(folder / "a.mp4", folder / "b.mp4", growing=True, seconds=2.0)
    before, after = (shown(folder / name, sure) for name in ("a.mp4", "b.mp4"))
    return {"moving": speed, "frames": 50, "with a face": before, "after": after}


def written(path: Path, pictures: Sequence[Picture], *, movflags: str = "faststart") -> None:
    """Write a video of 25 frames a second."""
    path.parent.mkdir(exist_ok=True)
    with av.open(str(path), "w", options={"movflags": movflags}) as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def excerpt(path: Path, target: Path, *, growing: bool, seconds: float) -> float:
    """Write a redacted excerpt, and return how many seconds that took."""
    height = 360 if growing else 720
    recipe = Recipe(0.0, seconds, height, copy=False, growing=growing, redact=("faces",))
    began = time.perf_counter()
    with path.open("rb") as file:
        Excerpting(
            recipe,
            name=str(path),
            descriptor=file.fileno(),
            target=target,
            limit_s=600.0,
            memory_bytes=2**30,
            frame_pixels=10**8,
        ).wait()
    return time.perf_counter() - began


def shown(path: Path, sure: Finder) -> int:
    """Return how many frames of a video show a face."""
    with av.open(str(path), "r") as opened:
        frames = (frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0))
        return sum(len(sure.find(np.asarray(frame, np.uint8))) > 0 for frame in frames)


def timed(folder: Path) -> Iterator[dict[str, object]]:
    """Yield how long a look and a second of video take."""
    picture, _ = placed(named("astronaut"), 300)
    for side in (640, 960):
        finder = CenterFace(side=side)
        finder.find(picture)
        took = []
        for _ in range(10):
            began = time.perf_counter()
            finder.find(picture)
            took.append(time.perf_counter() - began)
        yield {"speed": f"look at {side}", "ms": round(1000 * float(np.median(took)), 1)}
    written(folder / "c.mp4", [resized(picture, 1280, 720)] * 250)
    for growing in (True, False):
        took_s = excerpt(folder / "c.mp4", folder / "d.mp4", growing=growing, seconds=10.0)
        name = "preview" if growing else "excerpt"
        yield {"speed": name, "s for a second": round(took_s / 10, 2)}


if __name__ == "__main__":
    sys.exit(main())
