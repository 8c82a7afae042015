"""Recognises the speech of a video: finds where somebody speaks, and asks what is said there."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clipseek.texts.recognised import Recognised

RATE = 16_000
"""Samples a second of all sound here."""
CONFIDENT = 0.4
"""What is recognised with less is dropped. Whisper's own limit is a mean log-probability of -1,
which is 0.37: Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision, 4.5."""
_WINDOW_S = 120
"""Sound that is looked at in one go: 8 MB, and speech at its end goes to the next window."""
LONGEST_S = 30.0
"""A recogniser gets no more in one go: the window of Whisper."""

Samples = NDArray[np.float32]
Stretch = tuple[int, int]
"""First sample, and the one after the last."""


class VoiceActivity(Protocol):
    """Finds speech in sound."""

    def stretches(self, sound: Samples) -> list[Stretch]:
        """Return where somebody speaks, ascending, each at most LONGEST_S; none in silence.

        `sound` is float32 (n,), mono at RATE, in [-1, 1].
        """
        ...


class Recogniser(Protocol):
    """Turns speech into text."""

    def hear(self, speech: Samples) -> list[Recognised]:
        """Return what is said, in seconds from the first sample; sound as of VoiceActivity."""
        ...


def listen(
    sound: Iterable[Samples], voices: VoiceActivity, recogniser: Recogniser, *, end: float
) -> Iterator[Recognised]:
    """Yield what is said in the sound of a video that ends at `end` seconds, in order of time.

    Args:
        sound: Blocks of samples that follow each other from the start of the video on.
        voices: Finds the speech.
        recogniser: Gets each stretch of speech.
        end: The end of the video in seconds; nothing is said after it.
    """
    for start, speech in _spoken(sound, voices):
        for heard in recogniser.hear(speech):
            text = " ".join(heard.text.split())
            first, last = heard.start + start / RATE, min(heard.end + start / RATE, end)
            if text and heard.confidence >= CONFIDENT and first < last:
                yield heard._replace(start=first, end=last, text=text)


def _spoken(sound: Iterable[Samples], voices: VoiceActivity) -> Iterator[tuple[int, Samples]]:
    """Yield each stretch of speech with the number of its first sample."""
    offset = 0
    for window, is_last in _windows(sound):
        samples = window.samples
        stretches = voices.stretches(samples)
        done = len(samples)
        if stretches and not is_last:
            first, after = stretches[-1]
            if first > 0 and done - after < RATE:
                # It may go on in the next window, which begins with it.
                stretches.pop()
                done = first
        for first, after in stretches:
            yield offset + first, samples[first:after]
        offset += done
        window.drop(done)


class _Window:
    """Samples that were read and are not done with."""

    def __init__(self) -> None:
        self._parts: list[Samples] = []
        self.length = 0

    @property
    def samples(self) -> Samples:
        """All of them in one array."""
        self._parts = [np.concatenate(self._parts or [np.zeros(0, dtype=np.float32)])]
        return self._parts[0]

    def add(self, samples: Samples) -> None:
        """Put samples at the end."""
        self._parts.append(samples)
        self.length += len(samples)

    def drop(self, count: int) -> None:
        """Remove the first ones."""
        self._parts = [self.samples[count:]]
        self.length = len(self._parts[0])


def _windows(sound: Iterable[Samples]) -> Iterator[tuple[_Window, bool]]:
    """Yield the window whenever it is full, and at the end; the caller drops what is done."""
    window = _Window()
    for samples in sound:
        window.add(samples)
        if window.length >= _WINDOW_S * RATE:
            yield window, False
    if window.length:
        yield window, True
