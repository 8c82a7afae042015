"""MemoryRetaining: what retention looks at, over a catalog and cameras that are fakes too."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from clipseek.holds import Chunk, Hold, HoldNotFound, Rule
from clipseek.protocols import CameraReader, CatalogReader
from clipseek.types import Video

_WHEN = "2026-01-01T00:00:00Z"
"""The time of everything: no time passes in the texts of this store."""


class MemoryRetaining:
    """A `Retaining` in dictionaries, for one thread. No watch keeps anything in it."""

    def __init__(self, catalog: CatalogReader, cameras: CameraReader) -> None:
        self._catalog, self._cameras = catalog, cameras
        self._limits: dict[str, tuple[float | None, int | None]] = {}
        self._holds: dict[str, Hold] = {}
        self._going: dict[tuple[str, str], None] = {}
        self._departed: dict[tuple[str, str], float] = {}

    def rules(self) -> list[Rule]:
        """Return the rules that let something go: of cameras, and of collections."""
        found = []
        for each in self._cameras.cameras():
            here = self._named(each.collection)
            if each.retain_s or each.retain_bytes:
                found += [Rule(name, each.name, each.retain_s, each.retain_bytes) for name in here]
        limits = ((key, *limit) for key, limit in self._limits.items() if any(limit))
        found += [Rule(key, None, age, most) for key, age, most in limits]
        return found + [
            Rule(name, camera, None, None, before)
            for (collection, camera), before in self._departed.items()
            for name in self._named(collection)
        ]

    def _named(self, collection: str) -> list[str]:
        names = [self._catalog.aliases().get(collection), collection]
        return [info.name for info in self._catalog.collections() if info.name in names]

    def chunks(self, collection: str, camera: str | None) -> list[Chunk]:
        """Return what a camera has recorded in a collection, or what all have."""
        videos = self._catalog.videos(collection, limit=10_000)
        return [_chunk(each) for each in videos if each.stream and camera in (None, each.stream)]

    def kept(self) -> list[tuple[str, float, float]]:
        """Return what is kept by holds."""
        return [
            (hold.camera, _seconds(hold.start_at), _seconds(hold.end_at))
            for hold in self._holds.values()
        ]

    def let_go(self, collection: str, chunks: Sequence[Chunk]) -> list[Chunk]:
        """Decide that chunks are removed, but for those that are kept by now; return the others."""
        there = {video.id for video in self._catalog.videos(collection, limit=10_000)}
        gone = []
        for chunk in chunks:
            spans = [(start, end) for camera, start, end in self.kept() if camera == chunk.camera]
            is_free = all(end <= chunk.start or chunk.end <= start for start, end in spans)
            if is_free and chunk.id in there:
                self._going[self._catalog.collection(collection).name, chunk.id] = None
                gone.append(chunk)
        return gone

    def going(self) -> list[tuple[str, Chunk]]:
        """Return what was decided and is not removed yet, with the names of the collections."""
        return [
            (name, chunk)
            for name, video_id in self._going
            for chunk in self.chunks(name, None)
            if chunk.id == video_id
        ]

    def limit(self, collection: str, retain_s: float | None, retain_bytes: int | None) -> None:
        """Say how long, and how much of what cameras record in a collection is kept."""
        self._limits[self._catalog.collection(collection).name] = retain_s, retain_bytes

    def depart(self, collection: str, camera: str, before: float) -> None:
        """Say that a camera was removed with all that began before a time."""
        self._departed[collection, camera] = before

    def forget(self, rule: Rule) -> None:
        """Remove the rule of a camera that was removed."""
        self._departed = {
            (collection, camera): before
            for (collection, camera), before in self._departed.items()
            if (camera, before) != (rule.camera, rule.before)
        }

    def holds(self, *, cameras: Sequence[str] | None = None) -> list[Hold]:
        """Return the holds, the oldest first: all, or those on some cameras."""
        return [each for each in self._holds.values() if cameras is None or each.camera in cameras]

    def hold(self, hold: Hold) -> Hold:
        """Store a hold, and return it as it is stored."""
        if "\x00" in hold.camera + hold.reason + hold.by:
            raise ValueError("a text cannot be stored")
        return self._holds.setdefault(hold.id, replace(hold, created_at=_WHEN))

    def release(self, hold_id: str) -> Hold:
        """Remove a hold and return it; raise HoldNotFound."""
        if hold_id not in self._holds:
            raise HoldNotFound(hold_id)
        return self._holds.pop(hold_id)

    def close(self) -> None:
        """Keep everything: there is nothing to give back."""


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def _chunk(video: Video) -> Chunk:
    start = _seconds(video.recorded_at)
    end = start + video.duration
    return Chunk(video.id, video.stream, video.uri, start, end, video.size_bytes)
