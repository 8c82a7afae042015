"""One pass over the content of a source, wherever it runs: it is hashed, decoded and read."""

import io
from collections.abc import Callable, Generator
from contextlib import nullcontext
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
Pass = Callable[[Source, str], Generator[Part]]
"""Yields what a source is, and if it is asked for more, what is read of it, and its end. Close it.

The id of what the source contains is given if it is known, or else the empty text.

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
    source: Source,
    known: str,
    gear: Gear,
    options: Options,
    go_on: Callable[[], bool] = lambda: True,
) -> Generator[Part]:
    """Make a pass over a source; as `Pass`. It ends early once `go_on` says no."""
    with source.parts() if known and options.by_parts else source.open() as file:
        if isinstance(file, io.FileIO):
            found = steps.identify(source, file, go_on=go_on)
        else:  # what is behind a socket is of the stamp of the source, and so of this id
            found = Identified(source, known)
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
            # A decoder that was ended may have left half of an answer in its socket.
            with nullcontext(file) if isinstance(file, io.FileIO) else source.parts() as other:
                texts = gear.texts
                ended = added(texts, ended, source, other.fileno(), has_subtitles=has_subtitles)
            _require_same(gear.places, source)
            yield ended


def _require_same(places: Places, source: Source) -> None:
    """Make sure that the source which was hashed and read is as it was.

    Raises:
        UnreadableVideo: it was written to, or something else is there now.
    """
    if places.look(source.uri) != source:
        raise UnreadableVideo(source.uri, "it changed while it was read; run again")
