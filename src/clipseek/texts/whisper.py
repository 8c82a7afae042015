"""Finds and recognises speech with faster-whisper (extra `speech`).

Its package contains the model of silero-vad, which finds the speech, and loads models of Whisper,
which it does not contain, by name or from a folder.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, Protocol, cast

from clipseek.errors import ConfigError
from clipseek.texts.recognised import Recognised
from clipseek.texts.speech import LONGEST_S, RATE, Samples, Stretch

_PAUSE_MS, _AROUND_MS = 500, 200
"""A pause that ends a stretch, and what is added around one, so that no consonant is cut off."""
_REPEATED = 2.4
"""Text that gzip shrinks more repeats itself, which Whisper does on music: Radford et al., 4.5."""


class SileroVoices:
    """A `speech.VoiceActivity`: silero-vad by onnxruntime."""

    def __init__(self, find: Callable[[Samples], list[dict[str, int]]]) -> None:
        self._find = find

    def stretches(self, sound: Samples) -> list[Stretch]:
        """Return where somebody speaks."""
        return [(found["start"], found["end"]) for found in self._find(sound)]


class _Segment(Protocol):
    """What is used of `faster_whisper.transcribe.Segment`."""

    @property
    def start(self) -> float: ...

    @property
    def end(self) -> float: ...

    @property
    def text(self) -> str: ...

    @property
    def avg_logprob(self) -> float: ...

    @property
    def compression_ratio(self) -> float: ...


class _Info(Protocol):
    @property
    def language(self) -> str: ...


class WhisperModel(Protocol):
    """What is used of `faster_whisper.WhisperModel`."""

    def transcribe(
        self, audio: Samples, *, condition_on_previous_text: bool, vad_filter: bool
    ) -> tuple[Iterable[_Segment], _Info]:
        """Return what is said, and in which language."""
        ...


class WhisperRecogniser:
    """A `speech.Recogniser` in any language that the model knows."""

    def __init__(self, model: WhisperModel) -> None:
        self._model = model

    def hear(self, speech: Samples) -> list[Recognised]:
        """Return the sentences of one stretch of speech; confidence is the mean of the tokens."""
        segments, info = self._model.transcribe(
            speech, condition_on_previous_text=False, vad_filter=False
        )
        return [
            Recognised(
                segment.start,
                segment.end,
                segment.text,
                info.language,
                min(1.0, math.exp(segment.avg_logprob)),
            )
            for segment in segments
            if segment.compression_ratio <= _REPEATED
        ]


def open_voices() -> SileroVoices:
    """Return what finds speech.

    Raises:
        ConfigError: faster-whisper is not installed.
    """
    try:
        from faster_whisper.vad import VadOptions, get_speech_timestamps
    except ImportError as error:
        raise _not_installed() from error
    options = VadOptions(
        min_silence_duration_ms=_PAUSE_MS,
        speech_pad_ms=_AROUND_MS,
        max_speech_duration_s=LONGEST_S,
    )
    return SileroVoices(lambda sound: get_speech_timestamps(sound, options, RATE))


def open_whisper(name: str, *, device: str = "cpu", threads: int = 1) -> WhisperRecogniser:
    """Return a recogniser by the name of a model, such as `small`, or from the folder of one.

    A model with a name is loaded from the cache of Hugging Face, or fetched into it.

    Raises:
        ConfigError: faster-whisper is not installed, or the model cannot be loaded.
    """
    try:
        from faster_whisper import WhisperModel as Model
    except ImportError as error:
        raise _not_installed() from error
    # On the CPU in int8, which CTranslate2 recommends there.
    kind = "int8" if device == "cpu" else "default"
    try:
        model: Any = Model(name, device=device, compute_type=kind, cpu_threads=threads)
    except (ValueError, RuntimeError, OSError) as error:  # also those of huggingface_hub
        raise ConfigError(
            f"the speech model {name!r} cannot be loaded: {error}; name a size of Whisper, such as "
            "small, or a folder with a model that ct2-transformers-converter made"
        ) from error
    return WhisperRecogniser(cast("WhisperModel", model))


def _not_installed() -> ConfigError:
    return ConfigError(
        "speech needs the extra speech, which is not installed: pip install 'clipseek[speech]'"
    )
