"""Reading one source after another: from the look to the last frame."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from clipseek.errors import UnreadableVideo
from clipseek.files import as_text
from clipseek.ingest import steps
from clipseek.ingest.claims import Claims
from clipseek.ingest.draft import Draft
from clipseek.ingest.fates import Report, reason_of
from clipseek.ingest.recognition import Recognition, unstorable
from clipseek.ingest.sharing import Sharing
from clipseek.ingest.steps import Ended, Frames, Opened
from clipseek.ingest.texts import Texts
from clipseek.ingest.tools import Options, Tools
from clipseek.sources import Source


@dataclass(frozen=True, slots=True, eq=False)
class Failed:
    """Nothing more of a video comes, because it cannot be read."""

    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Of:
    """What was read of a video."""

    draft: Draft
    part: Opened | Frames | Ended | Failed


@dataclass(frozen=True)
class Reading:
    """Reads sources in decoding threads, from the look to the last frame."""

    tools: Tools
    recognition: Recognition
    listed: dict[str, Source]
    options: Options
    claims: Claims
    sharing: Sharing
    stop: threading.Event

    def messages(self, uri: str) -> Iterator[Report | Of]:
        """Yield reports if nothing is to be done or can be; else what is read, and its end.

        Whatever goes wrong with this source is its own fate, and the others are read.

        Raises:
            ClipseekError: the catalog cannot be used, so no video can be indexed.
        """
        draft: Draft | None = None
        self.claims.begin(uri)
        try:
            for message in self._steps(uri):
                if isinstance(message, Draft):
                    draft = message
                else:
                    yield message
                if draft is not None and draft.is_over:
                    return
        except Exception as error:  # noqa: BLE001  one video, one fate
            reason = reason_of(error, as_text(uri))
            if draft is None:
                yield Report(as_text(uri), "failed", reason=reason)
            else:
                yield Of(draft, Failed(reason))
        finally:
            self.claims.leave(uri)
            if draft is None:
                self.sharing.release(uri)

    def _steps(self, uri: str) -> Iterator[Report | Draft | Of]:
        """Yield what `messages` does, and a draft before anything is read of it."""
        if reason := unstorable(uri):
            yield Report(as_text(uri), "failed", reason=reason)
            return
        source = self.listed.pop(uri, None) or self.tools.places.look(uri)
        texts = Texts(self.tools)
        if (known := self.recognition.by_stamp(source)) is not None:
            yield texts.refreshed(known, source, lambda: self.recognition.text_stamps(source))
            return
        if not self.sharing.take(uri, uri):
            return
        if (known := self.recognition.by_others(source)) is not None:
            yield known
            return
        with source.open() as file:
            found = steps.identify(source, file, go_on=lambda: not self.stop.is_set())
            if found is None:
                return
            reports = self.recognition.by_content(found)
            if reports is not None:
                yield from (texts.renewed(report, source) for report in reports)
                return
            tools, draft = self.tools, Draft(found)
            yield draft
            parts = steps.read(
                source,
                file,
                tools.open_video,
                tools.model.embedder,
                fps=self.options.fps,
                longest_s=self.options.longest_s,
            )
            has_subtitles, ended = False, None
            try:
                for part in parts:
                    if isinstance(part, Opened):
                        has_subtitles = part.has_subtitles
                    if isinstance(part, Ended):
                        ended = part  # its texts are read once its decoder has freed its memory
                    else:
                        yield Of(draft, part)
            except Exception:
                if ended is None:  # else all of it was read before its source failed to close
                    raise
            if ended is not None and not self.stop.is_set():
                ended = texts.added(ended, source, file.fileno(), has_subtitles=has_subtitles)
                self._require_same(source)
                yield Of(draft, ended)

    def _require_same(self, source: Source) -> None:
        """Make sure that the source which was hashed and read is as it was.

        Raises:
            UnreadableVideo: it was written to, or something else is there now.
        """
        if self.tools.places.look(source.uri) != source:
            raise UnreadableVideo(source.uri, "it changed while it was read; run again")
