"""Generated vectors that are distributed like those of frames and of sentences.

Frames of a video are a random walk on the sphere with cuts, around a theme of the video, in the
cone that all pictures share: neighbours in time are near-duplicates. Components have a power-law
spectrum, rotated at random, so that no component is larger than another. Sentences are in another
cone, shifted a little towards one picture: their cosine with the best of a million pictures is 0.2
to 0.35, and with most pictures 0.15, as with CLIP (Liang et al. 2022, "Mind the gap").
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VIDEO, WALK, CUTS = 400, 0.97, 0.05
_POWER = 0.5  # of the spectrum
_THEME, _SHOT = 0.6, 0.8  # lengths relative to the cone of pictures
_TOWARDS, _ALIKE, _APART = 0.16, 0.12, 0.6  # lengths relative to the cone of sentences
_SHARED = 0.25  # of the cone of pictures in a sentence

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Made:
    """Unit rows float32: frames (N, dim), held and asked sentences (Q, dim) each.

    Frames are float16 numbers, as indexes store them.
    """

    frames: Vectors
    held: Vectors
    asked: Vectors

    def noisy(self, count: int) -> Vectors:
        """Return pictures that are asked with: frames with noise, at a cosine of 0.89."""
        chance = np.random.default_rng(5)
        rows = self.frames[chance.integers(len(self.frames), size=count)]
        noise = unit(chance.standard_normal(rows.shape, np.float32))
        return unit(rows + 0.5 * noise)


def unit(rows: Vectors) -> Vectors:
    """Return the rows at length one."""
    scaled: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def made(count: int, dim: int, *, sentences: int = 512, seed: int = 0, cuts: float = CUTS) -> Made:
    """Make `count` frames, and so many sentences to tune with and to search for.

    With `cuts` 1, every frame begins a shot: no two are near-duplicates.
    """
    chance = np.random.default_rng(seed)
    videos = -(-count // VIDEO)
    cone, other = unit(chance.standard_normal((2, dim), np.float32))
    spectrum = np.arange(1, dim + 1, dtype=np.float32) ** -_POWER
    spectrum /= np.linalg.norm(spectrum)
    turned = np.linalg.qr(chance.standard_normal((dim, dim)))[0].astype(np.float32)

    def some(rows: int) -> Vectors:
        drawn: Vectors = chance.standard_normal((rows, dim), np.float32) * spectrum
        return drawn

    frames = np.empty((videos, VIDEO, dim), np.float32)
    themes, shots = _THEME * some(videos), some(videos)
    for step in range(VIDEO):
        shots = WALK * shots + np.float32((1 - WALK**2) ** 0.5) * some(videos)
        cut = chance.random(videos) < cuts
        shots[cut] = some(int(cut.sum()))
        frames[:, step] = unit(cone + (themes + _SHOT * shots) @ turned).astype(np.float16)
    rows = frames.reshape(-1, dim)[:count]
    targets = rows[chance.integers(count, size=2 * sentences)]
    towards = unit(targets - rows[:: max(1, count // 4000)].mean(axis=0))
    apart = unit(chance.standard_normal((2 * sentences, dim), np.float32))
    alike = some(2 * sentences) @ turned
    texts = unit(
        other + _SHARED * cone + _TOWARDS * towards + _ALIKE * alike + _APART * apart
    ).astype(np.float32)
    return Made(rows, texts[:sentences], texts[sentences:])
