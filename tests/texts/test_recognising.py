"""Fields that are recognised, as an ingest produces them."""

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.config import Settings
from clipseek.demo.sentences import Said
from clipseek.demo.utterances import Passage
from clipseek.demo.videos import spoken, write_video
from clipseek.errors import ConfigError, UnreadableVideo
from clipseek.producers import open_texts
from clipseek.sources import LocalDisk, Places
from clipseek.testing import SyntheticFrames
from clipseek.texts.producer import Producer
from clipseek.texts.recognised import Recognised
from clipseek.texts.recognising import SpokenText, WrittenText
from clipseek.texts.speech import Samples, Stretch
from clipseek.texts.writing import Line
from clipseek.timed import FIELDS, Cue, Field
from clipseek.video import PyAVFrames
from tests.demo_words import still_plan, voice

SECOND = np.ones(16_000, dtype=np.float32)


class Reds:
    """Reads how red a picture is."""

    def read(self, picture: NDArray[np.uint8]) -> list[Line]:
        """Return one line."""
        return [Line(f"red {picture[..., 0].max()}" * 2, 1.0, (0, 0, 1, 1))]


class Everything:
    """Takes all sound for speech, and hears the same in it."""

    def stretches(self, sound: Samples) -> list[Stretch]:
        """Return one stretch."""
        return [(0, len(sound))]

    def hear(self, speech: Samples) -> list[Recognised]:
        """Return one sentence."""
        return [Recognised(0, len(speech) / 16_000, "hello\0 there", "EN", 0.9)]


def _film(path: str, /, *, descriptor: int | None = None) -> SyntheticFrames:
    shots = [(2, (200, 0, 0)), (2, (40, 0, 0))]
    return SyntheticFrames(shots, sound=[SECOND, SECOND])


def _broken(path: str, /, *, descriptor: int | None = None) -> SyntheticFrames:
    raise UnreadableVideo(path, "it is damaged")


def _produced(producer: Producer, path: Path, duration: float) -> tuple[tuple[Cue, ...], str]:
    path.touch()
    with path.open("rb") as file:
        source = LocalDisk().look(str(path))
        made = producer.produce(source, file.fileno(), duration=duration)
        assert made.text.field == producer.field
        assert made.text.stamp == producer.stamp(source)
    return made.text.cues, made.problem


def _written(opener: object = _film, max_cpu_s: float = 60) -> Producer:
    return WrittenText(opener, Reds(), max_cpu_s=max_cpu_s)  # type: ignore[arg-type]  # any opener


def _spoken(opener: object = _film, model: str = "one") -> Producer:
    return SpokenText(opener, Everything(), Everything(), model=model)  # type: ignore[arg-type]  # any opener


def test_texts_of_pictures_are_cues(tmp_path: Path) -> None:
    """At their times; nothing is a problem."""
    assert _produced(_written(), tmp_path / "a.mp4", 4.0) == (
        (Cue(0, 2, "red 200red 200"), Cue(2, 4, "red 40red 40")),
        "",
    )


def test_speech_is_cues_that_databases_store(tmp_path: Path) -> None:
    """Until the end of the video at most, without characters that cannot be stored."""
    cues = _produced(_spoken(), tmp_path / "a.mp4", 1.5)[0]
    assert cues == (Cue(0, 1.5, "hello\ufffd there", "en"),)


@pytest.mark.parametrize("producer", [_written(_broken), _spoken(_broken)], ids=["text", "speech"])
def test_what_cannot_be_read_is_a_problem(producer: Producer, tmp_path: Path) -> None:
    """And never an error: the pictures of the video are indexed."""
    cues, problem = _produced(producer, tmp_path / "a.mp4", 4.0)
    assert cues == ()
    assert problem.endswith("it is damaged")


def test_pictures_that_the_limit_left_out_are_counted(tmp_path: Path) -> None:
    """And the setting is named."""
    problem = _produced(_written(max_cpu_s=1e-9), tmp_path / "a.mp4", 4.0)[1]
    assert problem == (
        "the text of 2 of its pictures was not read within 1e-09 s of CPU (CLIPSEEK_MAX_TEXT_S)"
    )


def test_other_models_and_limits_give_other_stamps(tmp_path: Path) -> None:
    """So that the next ingest reads the videos again."""
    (tmp_path / "a.mp4").touch()
    source = LocalDisk().look(str(tmp_path / "a.mp4"))
    assert _spoken().stamp(source) == _spoken().stamp(source)
    assert _spoken().stamp(source) != _spoken(model="other").stamp(source)
    assert _written().stamp(source) != _written(max_cpu_s=1).stamp(source)


def test_only_cheap_fields_are_produced_unless_others_are_named() -> None:
    """Recognising takes long."""
    assert [each.field for each in open_texts(Settings.load(), PyAVFrames, Places({}))] == [
        "subtitle"
    ]


@pytest.mark.parametrize(
    ("field", "missing", "extra"),
    [("text", "rapidocr", "ocr"), ("speech", "faster_whisper.vad", "speech")],
)
def test_an_extra_that_is_missing_is_named(
    field: Field, missing: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a video is read."""
    monkeypatch.setitem(sys.modules, missing, None)
    settings = Settings.load(fields=("picture", field))
    with pytest.raises(ConfigError, match=rf"pip install 'clipseek\[{extra}\]'"):
        open_texts(settings, PyAVFrames, Places({}))


def test_the_engines_read_all_fields_of_a_video(tmp_path: Path) -> None:
    """A subtitle, a sentence and a sign of one file, each in its field."""
    pytest.importorskip("rapidocr", reason="the extra ocr is not installed")
    pytest.importorskip("faster_whisper", reason="the extra speech is not installed")
    words = (
        Passage("subtitle", 1.0, 2.0, Said("Greta counted five pillows", "")),
        Passage("speech", 0.5, 5.0, Said("Anna sold seven ladders on Friday", "")),
        Passage("sign", 3.0, 6.0, Said("HONEY MUSEUM", ""), (0.1, 0.02, 0.85, 0.17)),
    )
    path = tmp_path / "a.mp4"
    said, sound = spoken(still_plan(), words[1:2], voice())
    write_video(still_plan(), path, (words[0], *said, words[2]), sound)
    producers = open_texts(
        Settings.load(fields=FIELDS, speech_model="demo"), PyAVFrames, Places({})
    )
    texts = {each.field: _produced(each, path, 6.0) for each in producers}
    found = {field: [cue.text for cue in cues] for field, (cues, _) in texts.items()}
    assert found == {
        "subtitle": ["Greta counted five pillows"],
        "speech": ["anna sold seven ladders on friday"],
        "text": ["HONEY MUSEUM"],
    }
    assert not any(problem for _, problem in texts.values())
