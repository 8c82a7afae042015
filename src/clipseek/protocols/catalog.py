"""What stores videos and their segments: to read, and to write."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clipseek.protocols.fields import FieldReader, FieldWriter
from clipseek.stored import FrameBlocks, Growth, SegmentBlock, Some, VideoRows
from clipseek.switches import Switch
from clipseek.types import Change, Collection, Named, Put, Relevance, Scoring, Segment, Video

BiasOf = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Returns `calibration.bias` float32 (S,) of vectors float32 (S, dim)."""


class ClaimLost(Exception):
    """A run of an ingest gave no sign of life for so long that another one may have its video."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        super().__init__(
            f"{uri}: another ingest has taken it over meanwhile, because this one gave no sign of "
            "life; run again to see what became of it"
        )


class CatalogReader(FieldReader, Protocol):
    """The truth: videos, segments, vectors and the numbered changes of each collection, to read.

    A catalog that is not there yet reads as an empty one, until it is. Every method may raise
    ServiceUnavailable (database gone) or CatalogOutdated (it is of another revision).

    Wherever a collection is named, an alias of it may be given. It is resolved in the read itself.
    """

    def identity(self) -> str:
        """Return the id that this catalog was given when it was made; a backup has the same."""
        ...

    def collection(self, name: str) -> Collection:
        """Return the collection, with its version as committed now; raise CollectionNotFound.

        Its `name` is its own, also if it was requested by an alias.
        """
        ...

    def collections(self) -> list[Collection]:
        """Return all collections by name."""
        ...

    def aliases(self, names: Sequence[str] | None = None) -> dict[str, str]:
        """Return the name of the collection behind each alias, in the order of the aliases.

        Only those of some names, if they are given: others are not read.
        """
        ...

    def switches(self) -> list[Switch]:
        """Return the switches of models that are under way, by name."""
        ...

    def leftovers(self) -> list[str]:
        """Return the keys of removed collections whose index or thumbnails may be there still.

        A key that another collection has by now is not one of them.
        """
        ...

    def biases(self, collection: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return all segment ids, ascending, int64 (S,), and their biases float32 (S,)."""
        ...

    def video(self, collection: str, video_id: str) -> Video:
        """Return one video; raise VideoNotFound."""
        ...

    def video_at(self, collection: str, uri: str) -> Video | None:
        """Return the video that was indexed from this uri, if any."""
        ...

    def newest(self, collection: str, stream: str) -> Video | None:
        """Return the chunk of a camera that begins last, if any."""
        ...

    def videos_at(self, collection: str, uris: Sequence[str]) -> dict[str, Video]:
        """Return the videos that were indexed from some of these uris, by uri, in one query."""
        ...

    def videos_by_id(self, collection: str, video_ids: Sequence[str]) -> dict[str, Video]:
        """Return those of the videos that exist, by id, in one query."""
        ...

    def names(self, collection: str, *, video_ids: Sequence[str] | None = None) -> Iterator[Named]:
        """Yield what answers say of all videos, or of some, in any order."""
        ...

    def videos(
        self, collection: str, *, after: str = "", limit: int = 100, tags: Sequence[str] = ()
    ) -> list[Video]:
        """Return videos in the order of their ids, past `after`, that bear all `tags`."""
        ...

    def tagged(
        self, collection: str, *, video_ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, Sequence[str]]]:
        """Yield each tag with the ids of the videos that have it, of all videos or of some.

        A tag that many videos have comes several times, each time with others of them.
        """
        ...

    def tags(self, collection: str) -> list[str]:
        """Return every tag that some video bears, by code points."""
        ...

    def segments(self, collection: str, video_id: str) -> list[Segment]:
        """Return a video's segments in the order of time; raise VideoNotFound."""
        ...

    def shots(self, collection: str, video_id: str) -> list[float]:
        """Return where the shots of a video begin, seconds, ascending; none if it is not there."""
        ...

    def segment(
        self, segment_id: int, *, within: Sequence[str] | None = None
    ) -> tuple[str, Segment]:
        """Return the collection's name and the segment; raise SegmentNotFound.

        With `within`, only one of these collections, by their own names; one of the second
        collection that a switch prepares for them counts too.
        """
        ...

    def changes(self, collection: str, after_version: int) -> list[Change]:
        """Return the changes past a version, ascending; no earlier one can appear later."""
        ...

    def blocks(
        self, collection: str, *, video_ids: Sequence[str] | None = None, block: int = 4096
    ) -> Iterator[SegmentBlock]:
        """Yield all segments, or those of some videos, by ascending id, in bounded blocks.

        All blocks of one call come from one consistent read.
        """
        ...

    def consistent(self, collection: str) -> AbstractContextManager["CatalogReader"]:
        """Open a read-only view of one moment: what it returns belongs to one version."""
        ...

    def frame_vectors(
        self, collection: str, video_id: str
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return times float64 (N,) and vectors float32 (N, dim) of the sampled frames.

        Both are empty for a video whose frame vectors were not kept.

        Raises:
            VideoNotFound: no such video.
        """
        ...

    def frame_blocks(self, collection: str, video_id: str) -> FrameBlocks:
        """Return what `frame_vectors` does, the vectors in blocks of some hundred rows.

        A block is made when it is taken: the memory of the whole matrix costs more time to get
        than the matrix to compute.
        """
        ...

    def stored(
        self, collection: str, *, after: str = "", limit: int = 100, video_ids: Some = None
    ) -> list[VideoRows]:
        """Return videos past `after`, by id, with all that is stored of them, unchanged."""
        ...

    def thumbnails(self, collection: str) -> Iterator[str]:
        """Yield the thumbnail path of every segment of the collection."""
        ...

    def counts(self, collection: str) -> tuple[int, int, float]:
        """Return videos, segments and seconds indexed."""
        ...

    def part_bytes(self, collection: str) -> dict[str, int]:
        """Return the bytes of what is stored of videos, by part, without what a database adds.

        Parts: `frame_vectors`, `segments`, `texts`, `objects`.
        """
        ...

    def check(self) -> None:
        """Raise ServiceUnavailable or CatalogOutdated unless the catalog can be read now."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class CatalogWriter(CatalogReader, FieldWriter, Protocol):
    """A catalog that can be changed, one numbered change at a time.

    Every method may raise ServiceUnavailable (database gone, disk full) and leaves no half change.
    """

    def ensure_collection(
        self,
        name: str,
        model: str,
        dim: int,
        fingerprint: str,
        scoring: Scoring | None = None,
    ) -> Collection:
        """Return the collection, made if it is missing; one that is there keeps its scoring.

        Raises:
            ModelMismatch: it exists with another model or fingerprint.
        """
        ...

    def set_alias(self, name: str, collection: str) -> None:
        """Let a name stand for a collection from now on, which is given by its own name.

        The name may have stood for another collection. Every reader sees the one or the other, and
        never a part of both.

        Raises:
            CollectionNotFound: no such collection; the name stands for what it stood for.
            ValueError: the name is that of a collection, or cannot be stored.
        """
        ...

    def forget_leftover(self, key: str) -> None:
        """Note that what was derived from a removed collection is deleted."""
        ...

    def remove_collection(self, name: str) -> None:
        """Remove a collection, given by its own name, with its videos, changes and aliases.

        A new collection of this name has another `epoch`. Its key is one of `leftovers` then.

        Raises:
            CollectionNotFound: no collection has this name itself.
        """
        ...

    def set_relevance(self, collection: str, relevance: Relevance) -> int:
        """Store the constants fitted on the user's queries; return the new version."""
        ...

    def rescore(self, collection: str, scoring: Scoring, bias: BiasOf) -> int:
        """Compute every bias again, from the stored vectors; return the new version.

        One change, visible as a whole or not at all. The constants fitted on the user's queries
        are removed if the evidence that they were fitted to has changed.
        """
        ...

    def claim(self, collection: str, subject: str, *, by: str, lease_s: float) -> bool:
        """Claim the id of a video, or a uri, for `lease_s` seconds; False if another one has it.

        `by` names the run that works on it. A claim is another one's until its lease expires by
        the clock of the catalog. Who has a claim may take it again.

        Raises:
            CollectionNotFound: no such collection.
        """
        ...

    def renew_claims(self, by: str, lease_s: float) -> None:
        """Renew the leases that a run still has; those that another one has taken stay its own."""
        ...

    def claimed(self, collection: str, subjects: Sequence[str], *, by: str) -> set[str]:
        """Return which of the subjects another run has claimed, with a lease that is valid."""
        ...

    def release(self, collection: str, subjects: Sequence[str], *, by: str) -> None:
        """Give up those claims on the subjects that a run has."""
        ...

    def release_all(self, by: str) -> None:
        """Give up all claims of a run."""
        ...

    def put(self, collection: str, put: Put, *, by: str = "") -> int:
        """Store one video and replace what it was before, in one transaction.

        Another video that was indexed from the same uri is removed in the same transaction: the
        file has changed. Times of frames are stored as float32. With `by`, the video is stored only
        if that run has the claim on its id, which ends with this, as does one on its uri.

        Returns:
            The new version of the collection.

        Raises:
            CollectionNotFound: no such collection.
            ModelMismatch: the vectors are of other weights than the collection's: it was removed
                meanwhile, and one of another model was made by its name.
            ClaimLost: the run `by` has not the claim on the video; nothing is stored.
            ServiceUnavailable: the collection's biases are made by other means than `put.scoring`.
            ValueError: a vector has no direction or not the collection's length, or a text cannot
                be stored.
        """
        ...

    def grow(self, collection: str, growths: Sequence[Growth], *, by: str) -> frozenset[str]:
        """Store what is new of chunks that are being recorded, each as a change.

        One transaction. A chunk that is not there yet is made. Segments that begin before
        `Growth.since` stay as they are, under their ids, and so do frames before its first one.

        Returns:
            The ids of the chunks that were left out, because the recorder `by` has not their
            camera (`Video.stream`) any more.

        Raises:
            CollectionNotFound, ModelMismatch, ServiceUnavailable, ValueError: as `put` does;
                nothing is stored.
        """
        ...

    def restore(self, collection: str, rows: Sequence[VideoRows]) -> int:
        """Store videos as they were stored elsewhere; return the version after the last.

        One transaction, and a change for each video. Vectors stay as they are, bit for bit, and so
        does `Video.indexed_at`. Of videos that are there already, by id or by uri, the new one
        stays.

        Raises:
            CollectionNotFound: no such collection.
            ValueError: vectors have not the collection's length, or a text cannot be stored.
        """
        ...

    def relocate(
        self, collection: str, video_id: str, uri: str, size_bytes: int, stamp: str
    ) -> int:
        """Note that the same content is now at another uri; return the new version.

        The title follows, vectors stay. Another video that was indexed from that uri is removed,
        as a change of its own before this one.

        Raises:
            VideoNotFound: no such video; nothing was changed.
        """
        ...

    def edit(
        self,
        collection: str,
        video_id: str,
        *,
        title: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> int:
        """Give a video another title, other tags or both; return the new version.

        One change; if nothing is different there is none. What is None stays. Other tags give the
        segments new ids, as if the video had been put again.

        Raises:
            VideoNotFound: no such video.
            ValueError: a text cannot be stored.
        """
        ...

    def remove(self, collection: str, video_id: str) -> int:
        """Remove a video and return the new version; raise VideoNotFound."""
        ...

    def prune(self, collection: str, version: int) -> None:
        """Forget the changes up to a version; the version of the collection stays.

        The last change is kept, so that a reader that is further behind notices the gap.
        """
        ...
