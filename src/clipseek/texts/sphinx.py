"""Recognises the sentences of a grammar with pocketsphinx, whose model is in its package.

It is for the demo videos and for tests: every sound becomes the nearest sentence of the grammar.
"""

from typing import Protocol, cast

import numpy as np

from clipseek.errors import ConfigError
from clipseek.texts.recognised import Recognised
from clipseek.texts.speech import RATE, Samples

_PAUSE = np.zeros(RATE * 2 // 5, dtype=np.int16)
"""0.4 s of silence before and after: the decoder adapts to the level of the sound."""


class _Hypothesis(Protocol):
    @property
    def hypstr(self) -> str: ...


class _Decoder(Protocol):
    """What is used of `pocketsphinx.Decoder`."""

    def start_utt(self) -> None: ...

    def end_utt(self) -> None: ...

    def process_raw(self, data: bytes, *, full_utt: bool) -> object: ...

    def hyp(self) -> _Hypothesis | None: ...


class SphinxRecogniser:
    """A `speech.Recogniser` of one language. Not thread-safe."""

    def __init__(self, decoder: _Decoder, language: str) -> None:
        self._decoder = decoder
        self._language = language

    def hear(self, speech: Samples) -> list[Recognised]:
        """Return the one sentence of the grammar; its confidence is 1, because it has no other."""
        samples = (speech * 32767).astype(np.int16)
        self._decoder.start_utt()
        sound = np.concatenate([_PAUSE, samples, _PAUSE])
        self._decoder.process_raw(sound.tobytes(), full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        if found is None or not found.hypstr:
            return []
        return [Recognised(0.0, len(speech) / RATE, found.hypstr, self._language, 1.0)]


def open_sphinx(grammar: str, language: str) -> SphinxRecogniser:
    """Return a recogniser of the sentences of a grammar (JSGF) in English.

    Raises:
        ConfigError: pocketsphinx is not installed.
    """
    try:
        from pocketsphinx import Config, Decoder
    except ImportError as error:
        raise ConfigError(
            "recognising the sentences of the demo videos needs the extra speech, which is not "
            "installed: pip install 'clipseek[speech]'"
        ) from error
    decoder = Decoder(Config(samprate=float(RATE), loglevel="FATAL", lm=None))
    decoder.add_jsgf_string("grammar", grammar)
    decoder.activate_search("grammar")
    return SphinxRecogniser(cast("_Decoder", decoder), language)
