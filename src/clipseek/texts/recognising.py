"""Produces the fields that are recognised: what is said in a video, and what its pictures show."""

import threading
from collections.abc import Iterable

from clipseek import sampling
from clipseek.errors import UnreadableVideo
from clipseek.protocols import FrameSourceOpener
from clipseek.sources import Source
from clipseek.texts.fitting import fitted
from clipseek.texts.producer import Produced
from clipseek.texts.recognised import Recognised
from clipseek.texts.screen import SHORT_SIDE, Reader, read_screen
from clipseek.texts.speech import Recogniser, VoiceActivity, listen
from clipseek.timed import SPEECH, TEXT, Cue, Field, TimedText

_RULES = 1
"""Counts up when the same videos give other text than before; then they are read again."""
_FPS = 1.0
"""Pictures a second that are looked at: nobody reads a text that is shown for less."""
_SLACK_S = 10.0
"""Sound that is read after the last picture, because the end that a container says is rough."""


class WrittenText:
    """Produces the text in the pictures of a video. One picture is read at a time."""

    field: Field = TEXT

    def __init__(self, open_video: FrameSourceOpener, reader: Reader, *, max_cpu_s: float) -> None:
        """Keep what opens video files, what reads their pictures, and for how long it may."""
        self._open_video = open_video
        self._reader = reader
        self._max_cpu_s = max_cpu_s
        self._turn = threading.Lock()

    def stamp(self, source: Source) -> str:  # noqa: ARG002  the content of a video names it
        """Return the rules, and the limit within which pictures are read."""
        return f"{_RULES} {self._max_cpu_s:g}"

    def produce(
        self,
        source: Source,
        descriptor: int,
        *,
        duration: float,
        has_streams: bool | None = None,  # noqa: ARG002  it is about subtitles
    ) -> Produced:
        """Read the pictures; how many the limit left out is a problem."""
        try:
            with self._turn, self._open_video(source.uri, descriptor=descriptor) as opened:
                batches = opened.read(sampling.grid(_FPS), short_side=SHORT_SIDE)
                found = read_screen(
                    batches, self._reader, duration=duration, max_cpu_s=self._max_cpu_s
                )
        except UnreadableVideo as error:
            problem = f"the text in its pictures cannot be read: {error.reason}"
            return _produced(self, source, (), duration, problem)
        problem = ""
        if found.unread:
            problem = (
                f"the text of {found.unread} of its pictures was not read within "
                f"{self._max_cpu_s:g} s of CPU (CLIPSEEK_MAX_TEXT_S)"
            )
        return _produced(self, source, found.passages, duration, problem)


class SpokenText:
    """Produces what is said in a video. One video is listened to at a time."""

    field: Field = SPEECH

    def __init__(
        self,
        open_video: FrameSourceOpener,
        voices: VoiceActivity,
        recogniser: Recogniser,
        *,
        model: str,
    ) -> None:
        """Keep what opens video files, what finds speech, and the model that recognises it."""
        self._open_video = open_video
        self._voices = voices
        self._recogniser = recogniser
        self._model = model
        self._turn = threading.Lock()

    def stamp(self, source: Source) -> str:  # noqa: ARG002  the content of a video names it
        """Return the rules, and the name of the model."""
        return f"{_RULES} {self._model}"

    def produce(
        self,
        source: Source,
        descriptor: int,
        *,
        duration: float,
        has_streams: bool | None = None,  # noqa: ARG002  it is about subtitles
    ) -> Produced:
        """Listen to the sound; a video without sound says nothing."""
        try:
            with self._turn, self._open_video(source.uri, descriptor=descriptor) as opened:
                sound = opened.sound(longest_s=duration + _SLACK_S)
                heard = list(listen(sound, self._voices, self._recogniser, end=duration))
        except UnreadableVideo as error:
            problem = f"its speech cannot be recognised: {error.reason}"
            return _produced(self, source, (), duration, problem)
        return _produced(self, source, heard, duration, "")


def _produced(
    producer: WrittenText | SpokenText,
    source: Source,
    found: Iterable[Recognised],
    duration: float,
    problem: str,
) -> Produced:
    cues = (Cue(each.start, each.end, each.text, each.language) for each in found)
    text = TimedText(producer.field, producer.stamp(source), fitted(cues, duration).cues)
    return Produced(text, problem)
