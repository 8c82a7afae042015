"""Reading one source after another: from the look to the last frame."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from clipseek.files import as_text
from clipseek.ingest.claims import Claims
from clipseek.ingest.draft import Draft
from clipseek.ingest.fates import Report, reason_of
from clipseek.ingest.passing import Pass
from clipseek.ingest.recognition import Recognition, unstorable
from clipseek.ingest.sharing import Sharing
from clipseek.ingest.steps import Ended, Frames, Identified, Opened
from clipseek.ingest.texts import Texts
from clipseek.ingest.tools import Tools
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
    through: Pass
    claims: Claims
    sharing: Sharing

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
        with closing(self.through(source, self.recognition.content(source))) as parts:
            found = next(parts, None)
            if not isinstance(found, Identified):
                return
            reports = self.recognition.by_content(found)
            if reports is not None:
                yield from (texts.renewed(report, source) for report in reports)
                return
            draft = Draft(found)
            yield draft
            yield from (Of(draft, part) for part in parts if not isinstance(part, Identified))
