"""Following: one collection brought to what another one has, in its own model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from clipseek.errors import UnreadableVideo, VideoNotFound
from clipseek.files import as_text
from clipseek.ingest import Report
from clipseek.protocols import CatalogReader, CatalogWriter
from clipseek.types import Put, Video
from indexer.output import note
from indexer.videos import all_videos

Embed = Callable[[Sequence[str], Callable[[Put], Put]], Sequence[Report] | None]
"""Indexes videos, given by their uris, in the model of the one that follows, and returns a report
of each; it passes each through the function before it is stored. None if it was interrupted."""
Recut = Callable[[Sequence[Video]], Mapping[str, str] | None]
"""Embeds the objects of videos for the one that follows; returns why not, by the ids of those of
which it cannot. None if it was interrupted."""


_CHANGED = "the file has changed since it was indexed; run `indexer ingest` on it first"


@dataclass(frozen=True, slots=True)
class Difference:
    """What one collection lacks of another one, which is at a version.

    embed: Videos whose vectors it does not have. edit: videos of which something else is stored
    than their vectors. recut: videos whose objects it does not have, or which lose them by being
    embedded. remove: the ids of videos that the other one does not have.
    """

    version: int
    embed: tuple[Video, ...]
    edit: tuple[Video, ...]
    recut: tuple[Video, ...]
    remove: tuple[str, ...]

    @classmethod
    def of(
        cls,
        catalog: CatalogReader,
        source: str,
        target: str,
        *,
        after: int | None = None,
        changed_at: str = "",
        kept: frozenset[str] = frozenset(),
    ) -> Self:
        """Compare two collections at one moment.

        Args:
            catalog: Has both.
            source: The name of the one that is followed.
            target: The name of the one that follows.
            after: Only videos that changed after this version are compared, unless the changes
                since then were forgotten. None compares all.
            changed_at: A video that was put at or after this time (RFC 3339), and after it was put
                into `target`, is embedded again: it may have been read in another way.
            kept: The ids of videos that `target` may have alone.
        """
        with catalog.consistent(source) as now:
            version = now.collection(source).version
            ids = _changed(now, source, after, version)
            if ids is None:
                wanted = {video.id: video for video in all_videos(now, source)}
                had = {video.id: video for video in all_videos(now, target)}
            else:
                wanted = now.videos_by_id(source, ids)
                had = now.videos_by_id(target, ids)
            both = sorted(wanted.keys() & had.keys())
            stamps, others = now.text_stamps(source, both), now.text_stamps(target, both)
            shown = now.object_stamps(source, sorted(wanted))
            known = now.object_stamps(target, both)
        shared = [(video, had[video.id]) for video in wanted.values() if video.id in had]
        again = {one.id for one, other in shared if _is_put_since(one, other, changed_at)}
        return cls(
            version,
            tuple(v for v in wanted.values() if v.id not in had or v.id in again),
            tuple(
                one
                for one, other in shared
                if (_said(one) != _said(other) or stamps.get(one.id) != others.get(one.id))
                and one.id not in again
            ),
            tuple(
                wanted[video_id]
                for video_id, stamp in shown.items()
                if video_id in again or known.get(video_id) != stamp
            ),
            tuple(sorted(had.keys() - wanted.keys() - kept)),
        )


def _changed(
    catalog: CatalogReader, collection: str, after: int | None, version: int
) -> list[str] | None:
    """Return the ids of the videos that changed after a version; None if that is not known."""
    if after is None or after > version:
        return None
    found = catalog.changes(collection, after)
    if [change.version for change in found] != list(range(after + 1, version + 1)):
        return None
    return sorted({change.video_id for change in found if change.video_id is not None})


def _is_put_since(one: Video, other: Video, changed_at: str) -> bool:
    """Whether a video was put again; times have seconds, so one of the same second counts."""
    return one.indexed_at >= max(other.indexed_at, changed_at)


def _said(video: Video) -> tuple[object, ...]:
    """Return what is stored of a video by words alone."""
    return video.uri, video.stamp, video.size_bytes, video.title, video.tags


@dataclass
class Following:
    """Brings `target` to what `source` has. Both are names of collections in one catalog.

    failed: Why videos could not be embedded, by their ids. bare: Why the objects of others could
    not be. recut: Embeds objects.
    """

    catalog: CatalogWriter
    source: str
    target: str
    embed: Embed
    recut: Recut
    changed_at: str = ""
    kept: frozenset[str] = frozenset()
    failed: dict[str, str] = field(default_factory=dict)
    bare: dict[str, str] = field(default_factory=dict)
    embedded: int = 0

    def catch_up(self, after: int | None = None) -> int | None:
        """Bring `target` to what `source` has, apart from what failed; return the version of that.

        None if that was interrupted.
        """
        while True:
            found = self._difference(after)
            wanted = {video.id: video for video in (*found.embed, *self._apply(found))}
            if not wanted and not found.recut:
                return found.version
            if wanted and not self._embed(wanted):
                return None
            if not self._recut(found.recut):
                return None
            after = found.version

    def _difference(self, after: int | None) -> Difference:
        found = Difference.of(
            self.catalog,
            self.source,
            self.target,
            after=after,
            changed_at=self.changed_at,
            kept=self.kept,
        )
        return replace(
            found,
            embed=tuple(v for v in found.embed if v.id not in self.failed),
            recut=tuple(v for v in found.recut if v.id not in self.failed | self.bare),
        )

    def _apply(self, found: Difference) -> list[Video]:
        """Do what needs no embedding; return the videos that have to be embedded after all.

        A video that moves to the place of another one removes that one, which may have moved too.
        """
        for video_id in found.remove:
            self.catalog.remove(self.target, video_id)
        gone = []
        for video in found.edit:
            try:
                self.catalog.relocate(
                    self.target, video.id, video.uri, video.size_bytes, video.stamp
                )
                self.catalog.edit(self.target, video.id, title=video.title, tags=video.tags)
                for _, text in self.catalog.texts(self.source, video_ids=[video.id]):
                    self.catalog.put_text(self.target, video.id, text)
            except VideoNotFound:
                gone.append(video)
        return gone

    def _embed(self, wanted: Mapping[str, Video]) -> bool:
        """Embed videos; return False if that was interrupted."""

        def as_wanted(put: Put) -> Put:
            video = wanted.get(put.video.id)
            if video is None:
                raise UnreadableVideo(
                    put.video.uri,
                    _CHANGED,
                )
            texts = tuple(each for _, each in self.catalog.texts(self.source, video_ids=[video.id]))
            said = replace(put.video, title=video.title, tags=video.tags)
            return replace(put, video=said, texts=texts)

        uris = {video.uri: video.id for video in wanted.values()}
        reports = self.embed(tuple(uris), as_wanted)
        if reports is None:
            return False
        for report in reports:
            if report.state == "failed":
                self.failed[uris[report.path]] = report.reason
        # A file with the content of another video of the collection is taken for a copy of that.
        there = self.catalog.videos_by_id(self.target, tuple(wanted))
        for video_id in wanted.keys() - there.keys() - self.failed.keys():
            self.failed[video_id] = _CHANGED
            note(f"indexer: {as_text(wanted[video_id].uri)}: {_CHANGED}")
        self.embedded += sum(report.state != "failed" for report in reports)
        return True

    def _recut(self, videos: Sequence[Video]) -> bool:
        """Embed the objects of videos that there are; return False if that was interrupted."""
        there = self.catalog.videos_by_id(self.target, [video.id for video in videos])
        problems = self.recut([video for video in videos if video.id in there])
        if problems is None:
            return False
        for video_id, reason in problems.items():
            note(f"indexer: {as_text(there[video_id].uri)}: its objects are left out: {reason}")
        self.bare |= problems
        return True
