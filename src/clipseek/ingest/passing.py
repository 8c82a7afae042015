"""One pass over the content of a source, wherever it runs: it is hashed, decoded and read."""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from clipseek.errors import UnreadableVideo
from clipseek.ingest import steps
from clipseek.ingest.steps import Ended, Frames, Identified, Opened
from clipseek.ingest.texts import added
from clipseek.ingest.tools import Options
from clipseek.protocols import Embedder, FrameSourceOpener
from clipseek.sources import Places, Source
from clipseek.texts.producer import Producer

Part = Identified | Opened | Frames | Ended
Pass = Callable[[Source], Generator[Part]]
"""Yields what a source is, and if it is asked for more, what is read of it, and its end. Close it.

Raises:
    UnreadableVideo: the source cannot be read, or was written to meanwhile.
"""


@dataclass(frozen=True, slots=True)
class Gear:
    """What a pass works with, where it runs. Pictures are prepared for the embedder."""

    open_video: FrameSourceOpener
    embedder: Embedder
    places: Places
    texts: tuple[Producer, ...] = ()


def passing(
    source: Source, gear: Gear, options: Options, go_on: Callable[[], bool] = lambda: True
) -> Generator[Part]:
    """Make a pass over a source; as `Pass`. It ends early once `go_on` says no."""
    with source.open() as file:
        found = steps.identify(source, file, go_on=go_on)
        if found is None:
            return
        yield found
        parts = steps.read(
            source,
            file,
            gear.open_video,
            gear.embedder,
            fps=options.fps,
            longest_s=options.longest_s,
        )
        has_subtitles, ended = False, None
        try:
            for part in parts:
                if isinstance(part, Opened):
                    has_subtitles = part.has_subtitles
                if isinstance(part, Ended):
                    ended = part  # its texts are read once its decoder has freed its memory
                else:
                    yield part
        except Exception:
            if ended is None:  # else all of it was read before its source failed to close
                raise
        if ended is not None and go_on():
            ended = added(gear.texts, ended, source, file.fileno(), has_subtitles=has_subtitles)
            _require_same(gear.places, source)
            yield ended


def _require_same(places: Places, source: Source) -> None:
    """Make sure that the source which was hashed and read is as it was.

    Raises:
        UnreadableVideo: it was written to, or something else is there now.
    """
    if places.look(source.uri) != source:
        raise UnreadableVideo(source.uri, "it changed while it was read; run again")
