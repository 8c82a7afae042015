"""Tiny videos, each of another content: quick to make and quick to index."""

import hashlib
from pathlib import Path
from random import Random

import av
import numpy as np

WIDTH, HEIGHT, FPS, SHOTS, SHOT_S = 64, 36, 4, 2, 1


def make_video(number: int, folder: Path) -> Path:
    """Write the video of a number: shots of a second, each a picture of coloured blocks."""
    path = folder / f"video-{number:05}.mp4"
    chance = np.random.default_rng(number)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for shot in range(SHOTS):
            blocks = chance.integers(0, 256, (3, 4, 3), np.uint8)
            pixels = np.kron(blocks, np.ones((12, 16, 1), np.uint8))
            for still in range(FPS * SHOT_S):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts = shot * FPS * SHOT_S + still
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def video_id(path: Path) -> str:
    """Return the id that the video will have: the hash of its content, as `indexer` takes it."""
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


QUERIES = (
    "a red car at night",
    "a green tree",
    "blue blocks",
    "a house in the snow",
    "a yellow boat",
    "nothing at all",
)


def some_query(chance: Random) -> str:
    """Choose one sentence to search for."""
    return chance.choice(QUERIES)
