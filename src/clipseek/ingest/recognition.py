"""Whether a source is indexed already: by its stamp, or by its content."""

import errno

from clipseek.errors import VideoNotFound
from clipseek.files import is_text
from clipseek.ingest.claims import Claims
from clipseek.ingest.fates import Report, same_content
from clipseek.ingest.indexed import Indexed, Stored
from clipseek.ingest.sharing import Sharing
from clipseek.ingest.steps import Identified
from clipseek.protocols import CatalogWriter
from clipseek.sources import Places, Source
from clipseek.types import Field, Video


class Recognition:
    """Recognises the sources of one run. Thread-safe.

    With `force`, only those are recognised that another run has stored since this one began.
    """

    def __init__(
        self,
        catalog: CatalogWriter,
        collection: str,
        places: Places,
        *,
        indexed: Indexed,
        known: Indexed,
        claims: Claims,
        sharing: Sharing,
        force: bool,
    ) -> None:
        self._catalog = catalog
        self._collection = collection
        self._places = places
        self._indexed = indexed
        self._known = known
        self._claims = claims
        self._sharing = sharing
        self._stored_since = Stored(catalog, collection) if force else None

    def content(self, source: Source) -> str:
        """Return the id of what a source contains if its stamp says it, or the empty text."""
        video = self._known.at(source.uri)
        return video.id if video is not None and video.stamp == source.stamp else ""

    def by_stamp(self, source: Source) -> Report | None:
        """Return the report of a source that is indexed as it is; its bytes are not read."""
        if self._stored_since is not None:
            return None
        video = self._indexed.at(source.uri)
        if video is None or video.stamp != source.stamp:
            return None
        return Report(source.uri, "unchanged", video.id, video.reason, video.duration)

    def by_others(self, source: Source) -> Report | None:
        """Return the report of a source that another run has indexed since this one looked.

        None if it is to be read. It is asked once the source is claimed, so what it says stays so.
        """
        video = self._catalog.videos_at(self._collection, [source.uri]).get(source.uri)
        if video is None or video.stamp != source.stamp:
            return None
        if self._stored_since is not None and not self._stored_since.has(video.id):
            return None
        reason = "; ".join(filter(None, [video.reason, "another ingest has indexed it"]))
        return Report(source.uri, "unchanged", video.id, reason, video.duration, elsewhere=True)

    def text_stamps(self, source: Source) -> dict[Field, str]:
        """Return what the texts of a source that is indexed were read from, by field."""
        return self._indexed.stamps(source.uri)

    def by_content(self, found: Identified) -> list[Report] | None:
        """Return what is to be reported of content that is known; None if it is to be read.

        A copy of content that is being read waits, and so does content that another run has
        claimed, so there is nothing to report yet.
        """
        uri = found.source.uri
        taken = self._claims.take(found.id, uri)
        if taken is not None:
            return [same_content(uri, found.id, taken.first)] if taken.is_indexed else []
        try:
            if not self._sharing.take(uri, found.id):
                self._claims.give_back(found.id)
                return []
            report = self._stored(found)
        except Exception:
            self._claims.give_back(found.id)
            raise
        if report is None:
            return None
        copies = self._claims.indexed(found.id)
        return [report, *(same_content(copy, found.id, uri) for copy in copies)]

    def _stored(self, found: Identified) -> Report | None:
        """Return what the catalog says of content: the same source touched, moved, or copied.

        None if it is not stored, or was removed at this very moment.
        """
        if self._stored_since is not None and not self._stored_since.has(found.id):
            return None
        source = found.source
        stored = self._catalog.videos_by_id(self._collection, [found.id]).get(found.id)
        if stored is None:
            return None
        if stored.uri != source.uri and self._is_still_there(stored):
            return same_content(source.uri, found.id, stored.uri)
        try:
            self._catalog.relocate(
                self._collection, found.id, source.uri, source.size_bytes, source.stamp
            )
        except VideoNotFound:
            return None
        moved = f"moved from {stored.uri}" if stored.uri != source.uri else ""
        return Report(source.uri, "unchanged", found.id, moved, stored.duration)

    def _is_still_there(self, video: Video) -> bool:
        """Whether the source that a video was indexed from is there as it was.

        A source in a kind of place that is not known here counts as there: another installation
        has indexed it, and only that one can know.
        """
        try:
            return self._places.look(video.uri).stamp == video.stamp
        except OSError as error:
            return error.errno == errno.EPROTONOSUPPORT


def unstorable(uri: str) -> str:
    """Return why a row cannot store a uri, or the empty string."""
    return "" if is_text(uri) else "the name is not valid UTF-8; rename the file"
