"""Speaks the sentences of the demo videos with espeak-ng, a synthesiser that Debian has."""

import io
import shutil
import subprocess
import wave
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 22_050
"""Samples a second: the rate of the voices of espeak-ng."""
PROGRAM = "espeak-ng"
_VOICE, _WORDS_A_MINUTE = "en-us+f5", "130"
"""Of eight voices and speeds, the one that a recogniser understands best: 94 % of the words."""
_QUIET = 200  # of 32768: what espeak-ng adds before and after the words is below
_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Voice:
    """A synthesiser; `program` is its path."""

    program: str

    def speak(self, text: str) -> NDArray[np.int16]:
        """Return the sound of an English text: int16 (samples,), mono at RATE, no silence around.

        Raises:
            OSError: the program cannot be run, fails, or says nothing.
        """
        command = [self.program, "-v", _VOICE, "-s", _WORDS_A_MINUTE, "--stdout", "--", text]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_LIMIT_S, check=True)
        except subprocess.SubprocessError as error:
            raise OSError(f"{self.program} cannot speak {text!r}: {error}") from error
        samples = _samples(done.stdout)
        loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _QUIET)
        if not len(loud):
            raise OSError(f"{self.program} said nothing for {text!r}")
        return samples[loud[0] : loud[-1] + 1]


def find_voice() -> Voice | None:
    """Return the synthesiser, or None if it is not installed."""
    program = shutil.which(PROGRAM)
    return Voice(program) if program else None


def _samples(file: bytes) -> NDArray[np.int16]:
    with wave.open(io.BytesIO(file)) as sound:
        form = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
        if form != (1, 2, RATE):
            raise OSError(f"{PROGRAM} must give 16-bit mono at {RATE} Hz, got {form}")
        # The length in the header of a stream is not the real one: this reads to its end.
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").astype(np.int16)
