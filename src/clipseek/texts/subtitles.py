"""Subtitles: the streams of a video file that contain text, and the files beside the video."""

from itertools import chain

from clipseek.errors import UnreadableVideo
from clipseek.files import as_text
from clipseek.protocols import FrameSourceOpener
from clipseek.sources import LOCAL, Places, Source, scheme_of
from clipseek.texts.fitting import fitted
from clipseek.texts.producer import Produced
from clipseek.texts.sidecars import FarSidecars, Sidecar, Sidecars, UnreadableText
from clipseek.timed import SUBTITLE, Cue, Field, TimedText

_RULES = 1
"""Counts up when the same files give other text than before; then they are read again."""


class Subtitles:
    """Produces the text of one field, as one for speech or for text in pictures would. Thread-safe.

    The stamp says what the text would be read from now; `produce` reads it.
    """

    field: Field = SUBTITLE

    def __init__(self, open_video: FrameSourceOpener, places: Places) -> None:
        """Keep what opens video files, and the places that other files are read from."""
        self._open_video = open_video
        self._beside = Sidecars()
        self._far = FarSidecars(places)

    def stamp(self, source: Source) -> str:
        """Return the state of what is read: the rules, and the files beside the video.

        The streams of the video itself are those of its content, which names the video. If the
        files beside it cannot be listed now, it is empty: `produce` says so.
        """
        try:
            return _stamp(self._sidecars(source))
        except OSError:
            return ""

    def produce(
        self, source: Source, descriptor: int, *, duration: float, has_streams: bool | None = None
    ) -> Produced:
        """Read the subtitles of a video of `duration` seconds, which is open as `descriptor`.

        Without `has_streams`, the file is opened to see whether it contains streams of subtitles.
        What cannot be read is a problem, and never an error: the video has its pictures.

        Raises:
            OSError: files beside the video cannot be fetched now.
        """
        found = self._sidecars(source)
        problems: list[str] = []
        cues: list[Cue] = []
        if has_streams is not False:
            try:
                cues += self._streamed(source, descriptor)
            except UnreadableVideo as error:
                problems.append(f"its subtitles cannot be read: {error.reason}")
        for sidecar in found:
            try:
                cues += sidecar.read()
            except UnreadableText as error:
                problems.append(str(error))
        fit = fitted(cues, duration)
        if fit.problem:
            problems.append(fit.problem)
        return Produced(TimedText(self.field, _stamp(found), fit.cues), "; ".join(problems))

    def _sidecars(self, source: Source) -> list[Sidecar]:
        beside = self._beside if scheme_of(source.uri) == LOCAL else self._far
        return beside.of(source.uri)

    def _streamed(self, source: Source, descriptor: int) -> list[Cue]:
        with self._open_video(source.uri, descriptor=descriptor) as opened:
            return [*chain(*opened.cues())] if opened.has_subtitles else []


def _stamp(sidecars: list[Sidecar]) -> str:
    return " ".join([str(_RULES), *(f"{as_text(each.suffix)} {each.stamp}" for each in sidecars)])
