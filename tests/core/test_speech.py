"""Speech: what recognisers get of the sound of a video, and what is kept of their answers."""

import math
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

from clipseek.demo.sentences import LANGUAGE, Said, grammar, sentence
from clipseek.demo.utterances import Passage
from clipseek.demo.videos import spoken, write_video
from clipseek.demo.voice import RATE as VOICE_RATE
from clipseek.errors import ConfigError
from clipseek.texts.recognised import Recognised
from clipseek.texts.speech import RATE, Samples, Stretch, listen
from clipseek.texts.sphinx import SphinxRecogniser, open_sphinx
from clipseek.texts.whisper import SileroVoices, WhisperRecogniser, open_voices, open_whisper
from clipseek.video.pyav import PyAVFrames
from tests.demo_words import still_plan, voice


class Loud:
    """Takes every run of samples above zero for speech."""

    def __init__(self) -> None:
        self.windows: list[int] = []

    def stretches(self, sound: Samples) -> list[Stretch]:
        """Return the runs."""
        self.windows.append(len(sound))
        edges = np.flatnonzero(np.diff(sound > 0, prepend=False, append=False))
        return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


class Length:
    """Hears how many seconds it gets."""

    def __init__(self, confidence: float = 1.0, text: str = " {:.1f}  s ") -> None:
        self.confidence, self.text = confidence, text

    def hear(self, speech: Samples) -> list[Recognised]:
        """Return one sentence as long as the sound."""
        seconds = len(speech) / RATE
        return [Recognised(0.0, seconds, self.text.format(seconds), "en", self.confidence)]


def _sound(length: float, *loud: tuple[float, float]) -> Iterator[Samples]:
    """Yield blocks of a second that are 1 in these stretches."""
    samples = np.zeros(round(length * RATE), dtype=np.float32)
    for start, end in loud:
        samples[round(start * RATE) : round(end * RATE)] = 1
    for first in range(0, len(samples), RATE):
        yield samples[first : first + RATE]


def _heard(sound: Iterable[Samples], end: float = 1000.0) -> list[tuple[float, float, str]]:
    return [(x.start, x.end, x.text) for x in listen(sound, Loud(), Length(), end=end)]


@pytest.mark.parametrize(
    ("length", "stretches"),
    [
        pytest.param(10, [(1.0, 3.5), (5.0, 6.0)], id="two"),
        pytest.param(10, [(8.0, 10.0)], id="to-the-end"),
        pytest.param(300, [(1.0, 2.0), (118.5, 123.0), (200.0, 210.0), (250.0, 299.5)], id="long"),
        pytest.param(240, [(100.0, 119.5), (120.5, 121.0)], id="pause-between-windows"),
    ],
)
def test_each_stretch_is_heard_once_and_whole(
    length: float, stretches: list[tuple[float, float]]
) -> None:
    """At its time in the video, also if it crosses the border of two windows."""
    expected = [(start, end, f"{end - start:.1f} s") for start, end in stretches]
    assert _heard(_sound(length, *stretches)) == expected


def test_windows_are_short() -> None:
    """Ten minutes of silence are looked at in parts of two minutes."""
    loud = Loud()
    assert list(listen(_sound(600), loud, Length(), end=600)) == []
    assert max(loud.windows) == 120 * RATE


@pytest.mark.parametrize(
    ("recogniser", "count"),
    [
        pytest.param(Length(0.41), 1, id="confident"),
        pytest.param(Length(0.39), 0, id="not-confident"),
        pytest.param(Length(text="  "), 0, id="no-words"),
    ],
)
def test_what_is_not_sure_is_dropped(recogniser: Length, count: int) -> None:
    """And so is what has no words."""
    assert len(list(listen(_sound(3, (1, 2)), Loud(), recogniser, end=3))) == count


def test_nothing_is_said_after_the_end() -> None:
    """Sound that is longer than the pictures is cut where the video ends."""
    assert _heard(_sound(10, (1.0, 6.0), (8.0, 9.0)), end=4.0) == [(1.0, 4.0, "5.0 s")]


def test_no_sound_is_no_speech() -> None:
    """A video may have no sound track."""
    assert _heard(iter(())) == []


# silero-vad and pocketsphinx ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def voices() -> SileroVoices:
    """Return what finds speech, or skip."""
    pytest.importorskip("faster_whisper", reason="the extra speech is not installed")
    return open_voices()


@pytest.fixture(scope="module")
def sphinx() -> SphinxRecogniser:
    """Return what knows the sentences of the demo videos, or skip."""
    pytest.importorskip("pocketsphinx", reason="the extra speech is not installed")
    return open_sphinx(grammar(), LANGUAGE)


@pytest.mark.parametrize("kind", ["silence", "noise", "hum"])
def test_where_nobody_speaks_nothing_is_heard(
    kind: str, voices: SileroVoices, sphinx: SphinxRecogniser
) -> None:
    """Not in silence, nor in noise, nor in a hum."""
    samples = {
        "silence": np.zeros(8 * RATE),
        "noise": np.random.default_rng(1).normal(0, 0.1, 8 * RATE),
        "hum": 0.3 * np.sin(np.arange(8 * RATE) * 2 * np.pi * 100 / RATE),
    }[kind].astype(np.float32)
    assert list(listen([samples], voices, sphinx, end=8)) == []


def test_a_sentence_of_a_video_is_recognised(
    voices: SileroVoices, sphinx: SphinxRecogniser, tmp_path: Path
) -> None:
    """Word for word, and its times to 0.4 s."""
    planned = (Passage("speech", 1.2, 6, Said("Anna sold seven ladders on Friday", "")),)
    (truth,), sound = spoken(still_plan(), planned, voice())
    path = tmp_path / "a.mp4"
    write_video(still_plan(), path, (truth,), sound)
    with PyAVFrames(str(path)) as opened:
        (heard,) = listen(opened.sound(longest_s=60), voices, sphinx, end=6)
    assert heard.start == pytest.approx(truth.start, abs=0.4)
    assert heard.end == pytest.approx(truth.end, abs=0.4)
    assert heard[2:] == (truth.text.lower(), "en", 1.0)


def test_most_words_of_the_demo_are_recognised(
    voices: SileroVoices, sphinx: SphinxRecogniser
) -> None:
    """Of ten sentences that follow each other, five words of six at least."""
    rng = Random(6)
    texts = [sentence(rng).text for _ in range(10)]
    pause = np.zeros(RATE, dtype=np.float32)
    sounds = [pause]
    for text in texts:
        said = voice().speak(text)
        times = np.arange(len(said) * RATE // VOICE_RATE) * VOICE_RATE / RATE
        heard = np.interp(times, np.arange(len(said)), said) / 32768
        sounds += [heard.astype(np.float32), pause]
    answers = [heard.text for heard in listen(sounds, voices, sphinx, end=100)]
    assert len(answers) == len(texts)
    pairs = [
        (one, other)
        for text, answer in zip(texts, answers, strict=True)
        for one, other in zip_longest(text.lower().split(), answer.split())
    ]
    assert sum(one == other for one, other in pairs) / len(pairs) >= 5 / 6


# Whisper ------------------------------------------------------------------------------------------


def test_segments_of_whisper_are_read() -> None:
    """Times, text, language and confidence; text that repeats itself is dropped."""
    transcribe = pytest.importorskip("faster_whisper.transcribe", reason="no extra speech")
    common = {"seek": 0, "tokens": [], "no_speech_prob": 0.0, "words": None, "temperature": 0.0}
    segments = [
        transcribe.Segment(
            id=1,
            start=0.5,
            end=2.0,
            text=" Hello.",
            avg_logprob=-0.25,
            compression_ratio=1.1,
            **common,
        ),
        transcribe.Segment(
            id=2,
            start=2.0,
            end=9.0,
            text=" la la la la",
            avg_logprob=-0.1,
            compression_ratio=2.5,
            **common,
        ),
    ]

    class Model:
        def transcribe(
            self, audio: Samples, *, condition_on_previous_text: bool, vad_filter: bool
        ) -> tuple[Iterable[object], object]:
            assert (len(audio), condition_on_previous_text, vad_filter) == (RATE, False, False)
            return iter(segments), SimpleNamespace(language="de")

    recogniser = WhisperRecogniser(Model())  # type: ignore[arg-type]
    assert recogniser.hear(np.zeros(RATE, dtype=np.float32)) == [
        Recognised(0.5, 2.0, " Hello.", "de", math.exp(-0.25))
    ]


def test_a_model_of_whisper_is_loaded_from_a_folder(voices: SileroVoices, tmp_path: Path) -> None:
    """One that says "Hi!" in the first second of any speech; its time in the video is right."""
    from tests import tiny_whisper

    folder = tiny_whisper.make(tmp_path / "tiny", "<|0.00|>", "H", "i", "!", "<|1.00|>")
    said = voice().speak("Anna sold seven ladders on Friday")
    times = np.arange(len(said) * RATE // VOICE_RATE) * VOICE_RATE / RATE
    speech = (np.interp(times, np.arange(len(said)), said) / 32768).astype(np.float32)
    sound = np.concatenate([np.zeros(3 * RATE, dtype=np.float32), speech])
    (heard,) = listen([sound], voices, open_whisper(folder), end=60)
    assert heard.start == pytest.approx(3.0, abs=0.4)
    assert heard.end == pytest.approx(heard.start + 1.0)
    assert (heard.text, heard.language) == ("Hi!", "en")
    assert heard.confidence > 0.99


@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("enormous", "Invalid model size", id="no-such-size"),
        pytest.param("{}", "model.bin", id="not-a-model"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_named(name: str, why: str, tmp_path: Path) -> None:
    """With the reason, and what can be named."""
    pytest.importorskip("faster_whisper", reason="the extra speech is not installed")
    with pytest.raises(ConfigError, match=f"(?s)cannot be loaded: .*{why}.*name a size of Whisper"):
        open_whisper(name.format(tmp_path))
