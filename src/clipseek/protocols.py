"""The seams of clipseek: what each replaceable part promises. One contract test runs over each."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from clipseek.types import (
    Change,
    Collection,
    FrameBatch,
    Named,
    Neighbours,
    Put,
    Relevance,
    Scoring,
    Segment,
    SegmentBlock,
    Video,
)

BiasOf = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Returns `calibration.bias` float32 (S,) of vectors float32 (S, dim)."""


class CutDetector(Protocol):
    """Decides, frame after frame, where a new shot begins."""

    def is_cut(self, luma: NDArray[np.uint8], time: float | None = None) -> bool:
        """Say whether this frame begins a new shot; `luma` is a small uint8 (h, w) picture.

        `time`, in seconds from anywhere, is given for all frames of a film or for none: where it
        is, frames may have been left out between two; where not, each frame follows the last.
        """
        ...


class FrameSource(Protocol):
    """One opened video. A context manager; read it once, from its start to its end.

    Times are seconds from the start of the file (the container's start time is zero).
    """

    @property
    def duration(self) -> float | None:
        """Seconds: what the container claims; after `read` is exhausted, the end of the last frame.

        None where the container does not say and nothing was read yet.
        """
        ...

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second on average, exact."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, upright."""
        ...

    @property
    def damage(self) -> str:
        """After `read` is exhausted: why the film is incomplete, or the empty string."""
        ...

    def read(
        self,
        times: Iterable[float | Fraction],
        *,
        short_side: int | None = None,
        cuts: CutDetector | None = None,
    ) -> Iterator[FrameBatch]:
        """Yield, for each time, the frame being shown at it, by presentation timestamp.

        `times` is ascending and may be endless; reading ends with the film. A frame shown at
        several of the times comes once; before the first frame, the first frame counts as shown.
        With `cuts`, the first frame of every shot comes too, marked. With `short_side`, pictures
        are scaled down (never up) so that their shorter side has that many pixels.

        Raises:
            UnreadableVideo: nothing at all could be decoded.
        """
        ...

    def __enter__(self) -> "FrameSource": ...

    def __exit__(self, *exc: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Intake:
    """How a tower wants its rows.

    most: Rows that go through it in one run, where more would not be faster, or would move a row's
    vector. normalised: Pictures come as float32 (N, 3, S, S) by the model's recipe, not as
    uint8 (N, S, S, 3). any_length: Rows of tokens may be cut behind the longest sentence.
    """

    most: int = 32
    normalised: bool = False
    any_length: bool = False


class Tower(Protocol):
    """One half of a model, wherever it runs: it turns prepared rows into vectors. Thread-safe.

    A visual tower takes pictures of the model's size, a text tower token ids int64 (N, L), L the
    model's context length; `BundleEmbedder` prepares both.
    """

    @property
    def intake(self) -> Intake:
        """How rows are wanted; asking may load the tower, and raise as `run` does."""
        ...

    def run(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 (N, dim), not normalised: a vector for each row, whatever is beside it.

        `rows` has one row at least and `intake.most` at most, and is not written to.

        Raises:
            ServiceUnavailable: the tower cannot be reached now; the same rows may be run later.
            ConfigError: the tower cannot run as it is set up.
        """
        ...

    def check(self) -> None:
        """Make sure, without running rows, that the tower can be used; raise as `run` does."""
        ...


class Embedder(Protocol):
    """Turns pictures and sentences into unit vectors of one space. Thread-safe."""

    @property
    def model(self) -> str:
        """`ARCHITECTURE/PRETRAINED`, "demo", or the name in the bundle."""
        ...

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    @property
    def image_size(self) -> int:
        """Side of the square picture that the model sees, in pixels."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of the weights and the preprocessing: equal fingerprints, equal vectors."""
        ...

    def fit(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize and crop uint8 (N, H, W, 3) by the model's recipe to (N, S, S, 3).

        S is `image_size`. Pictures of different films become rows of one batch by it;
        `embed_images(fit(x))` equals `embed_images(x)`, and fitted pictures fit as they are.
        """
        ...

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed uint8 (N, H, W, 3) RGB of any size; return float32 (N, dim), unit rows."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed sentences; return float32 (N, dim), unit rows. What is too long is cut."""
        ...

    def read(self, texts: Sequence[str]) -> list[int]:
        """Return how many characters of each sentence the model reads.

        All of them, unless the sentence has more words than the model takes; 0 where there is
        nothing in it for the model, as in "???", so that its vector says nothing.
        """
        ...


class VectorIndex(Protocol):
    """Nearest vectors by cosine. Read-only; safe for concurrent searches."""

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    def __len__(self) -> int: ...

    def search(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the k nearest of float32 (Q, dim) unit rows, among the ids in `allow` if given.

        Rows are ordered by descending score, then ascending id. There is no padding:
        K = min(k, number of vectors allowed).
        """
        ...

    @property
    def recall(self) -> float:
        """Share of the true ten nearest that `search` finds: 1 where it compares every vector.

        Any other index states what was measured when it was built, which is less than 1.
        """
        ...

    def exact(
        self, queries: NDArray[np.float32], k: int, *, allow: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Find the true k nearest, as `search` does where its recall is 1; may take long."""
        ...


class CatalogReader(Protocol):
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

        Its `name` is its own, also where it was asked for by an alias.
        """
        ...

    def collections(self) -> list[Collection]:
        """Return all collections by name."""
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

    def segment(self, segment_id: int) -> tuple[str, Segment]:
        """Return the collection's name and the segment; raise SegmentNotFound."""
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

    def thumbnails(self, collection: str) -> Iterator[str]:
        """Yield the thumbnail path of every segment of the collection."""
        ...

    def counts(self, collection: str) -> tuple[int, int, float]:
        """Return videos, segments and seconds indexed."""
        ...

    def check(self) -> None:
        """Raise ServiceUnavailable or CatalogOutdated unless the catalog can be read now."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class CatalogWriter(CatalogReader, Protocol):
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

        The name may be one that stood for another collection, or that of a collection, which is
        then hidden until the name is given back to it. All who read see the one or the other.

        Raises:
            CollectionNotFound: no such collection; the name stands for what it stood for.
        """
        ...

    def set_relevance(self, collection: str, relevance: Relevance) -> int:
        """Store the constants fitted on the user's queries; return the new version."""
        ...

    def rescore(self, collection: str, scoring: Scoring, bias: BiasOf) -> int:
        """Give every segment its bias anew, from its stored vector; return the new version.

        One change, seen as a whole or not at all. The constants fitted on the user's queries go
        where the evidence they were fitted to is another one now.
        """
        ...

    def put(self, collection: str, put: Put) -> int:
        """Store one video and replace what it was before, in one transaction.

        Another video that was indexed from the same uri is removed in the same transaction: the
        file has changed. Times of frames are stored as float32.

        Returns:
            The new version of the collection.

        Raises:
            CollectionNotFound: no such collection.
            ServiceUnavailable: the collection's biases are made by other means than `put.scoring`.
            ValueError: a vector has no direction or not the collection's length, or a text cannot
                be stored.
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

    def remove(self, collection: str, video_id: str) -> int:
        """Remove a video and return the new version; raise VideoNotFound."""
        ...

    def prune(self, collection: str, version: int) -> None:
        """Forget the changes up to a version; the version of the collection stays.

        The last change is kept, so that a reader that is further behind notices the gap.
        """
        ...


class FrameSourceOpener(Protocol):
    """Opens a local file as a FrameSource; raises UnreadableVideo."""

    def __call__(self, path: Path, *, descriptor: int | None = None) -> FrameSource:
        """Open the file; by its open descriptor where there is one, which stays the caller's."""
        ...


CacheFailure = Literal["timeout", "unreachable", "refused", "damaged", "skipped"]
"""Why a cache did not do what it was asked: no answer in time; no connection; an error as answer
(full, no permission, wrong password); a value that is not the one stored; not asked, because it
did not answer lately."""


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What one tier of a cache has counted since it was made.

    hits, misses: Keys looked up. A key that could not be looked up is a miss. failures: By kind.
    is_available: False while the tier is left alone because it did not answer.
    """

    hits: int = 0
    misses: int = 0
    failures: Mapping[CacheFailure, int] = field(default_factory=dict)
    is_available: bool = True


class Cache(Protocol):
    """Remembers computed bytes under keys that hold all they depend on. Thread-safe.

    It may forget anything at any time. No method raises: an outage is a miss, and counted.
    """

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the value under each key, or None, in their order."""
        ...

    def peek(self, key: str) -> bytes | None:
        """Return the value if it can be had without waiting, as on an event loop, else None.

        None is not counted as a miss: who gets it asks again by `get_many`, where waiting is fine.
        """
        ...

    def put_many(self, entries: Mapping[str, bytes], ttl_s: float) -> None:
        """Store each value under its key for `ttl_s` seconds; 0 or less stores nothing."""
        ...

    def stats(self) -> Mapping[str, CacheStats]:
        """Return what each tier has counted, by the tier's name."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
