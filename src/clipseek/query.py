"""Query: what a search asks for, its limits, and the key of its answer.

A key contains everything that the answer depends on, so an answer in a cache never becomes wrong
and nothing is ever invalidated.
"""

import json
import math
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from typing import Self

import numpy as np
from numpy.typing import NDArray

from clipseek.cursor import DEEPEST, Cursor, digest_of
from clipseek.errors import InvalidQuery
from clipseek.types import PICTURE, Field

MAX_QUERY_CHARACTERS = 1000
MAX_LIMIT = 100
MAX_BATCH = 256

# Made once: `json.dumps` makes an encoder for each call.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Text:
    """A part of a query that is a sentence."""

    text: str
    weight: float = 1.0

    def meaning(self) -> list[object]:
        """Return what JSON takes, the same for all that ask for the same."""
        return ["text", normalised(self.text), _number(self.weight)]

    def problem(self) -> InvalidQuery | None:
        """Return what is wrong with the part, or None."""
        length = len(self.text.strip())
        if not 1 <= length <= MAX_QUERY_CHARACTERS:
            return InvalidQuery(
                f"query must have 1 to {MAX_QUERY_CHARACTERS} characters, got {length}"
            )
        if not _is_unicode(self.text):
            return InvalidQuery("query must be Unicode text; it holds bytes that are not UTF-8")
        return None


@dataclass(frozen=True, slots=True)
class Like:
    """A part of a query that is a moment of the same collection: what looks like it is found.

    The moment is named by a video and a time in seconds, which stay the same when the video is
    indexed again, as ids of segments do not.
    """

    video_id: str
    time: float
    weight: float = 1.0

    def meaning(self) -> list[object]:
        """Return what JSON takes, the same for all that ask for the same."""
        return ["like", self.video_id, _number(self.time), _number(self.weight)]

    def problem(self) -> InvalidQuery | None:
        """Return what is wrong with the part, or None."""
        if not (math.isfinite(self.time) and self.time >= 0):
            return InvalidQuery(f"like.time must be a number of seconds >= 0, got {self.time}")
        return None


@dataclass(frozen=True, slots=True)
class Picture:
    """A part of a query that is a picture: what looks like it is found.

    digest: Stands for the pixels, uint8 (H, W, 3) RGB, wherever pictures are compared.
    """

    digest: str
    pixels: NDArray[np.uint8] = field(repr=False, compare=False)
    weight: float = 1.0

    @classmethod
    def of(cls, pixels: NDArray[np.uint8]) -> Self:
        """Return the part of some pixels."""
        hashed = blake2b(repr(pixels.shape).encode(), digest_size=32)
        hashed.update(np.ascontiguousarray(pixels).data)
        return cls(hashed.hexdigest(), pixels)

    def meaning(self) -> list[object]:
        """Return what JSON takes, the same for all that ask for the same."""
        return ["picture", self.digest, _number(self.weight)]

    def problem(self) -> InvalidQuery | None:
        """Return what is wrong with the part, or None."""
        shape = self.pixels.shape
        if len(shape) != 3 or shape[2] != 3 or not self.pixels.size:
            return InvalidQuery(f"a picture must be uint8 (H, W, 3) RGB, got {shape}")
        return None


Part = Text | Like | Picture


@dataclass(frozen=True, slots=True)
class Filters:
    """What a moment must be to be found: in a video that passes, and relevant.

    None lets every video through. No ids let none through, and no tags all.

    folder: What the uri of the video begins with, up to a `/`. min_duration, max_duration: Seconds
    that the video has at least and at most. indexed_from, indexed_before: The video was indexed at
    this time or later, and before that time; both have a time zone.
    """

    video_ids: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    min_relevance: float = 0.0
    folder: str | None = None
    min_duration: float = 0.0
    max_duration: float | None = None
    indexed_from: datetime | None = None
    indexed_before: datetime | None = None

    @property
    def of_videos(self) -> "Filters | None":
        """What is asked of the videos, without what is asked of moments; None if nothing is."""
        asked = replace(self, tags=self.tags or None, min_relevance=0.0)
        return None if asked == NO_FILTERS else asked

    def meaning(self) -> list[object]:
        """Return what JSON takes, the same for all that let the same through."""
        ids = None if self.video_ids is None else sorted(set(self.video_ids))
        tags = sorted(set(self.tags)) if self.tags else None
        folder = None if self.folder is None else below(self.folder)
        longest = None if self.max_duration is None else _number(self.max_duration)
        times = [
            None if time is None else _number(time.timestamp())
            for time in (self.indexed_from, self.indexed_before)
        ]
        numbers = [_number(self.min_relevance), _number(self.min_duration), longest]
        return [ids, tags, folder, *numbers, *times]

    def problem(self) -> InvalidQuery | None:
        """Return what is wrong with the filters, or None."""
        if not 0 <= self.min_relevance <= 1:
            return InvalidQuery(f"min_relevance must be 0 to 1, got {self.min_relevance}")
        shortest, longest = self.min_duration, self.max_duration
        if not 0 <= shortest < math.inf:
            return InvalidQuery(f"min_duration must be 0 seconds or more, got {shortest:g}")
        if longest is not None and not shortest <= longest < math.inf:
            return InvalidQuery(
                f"max_duration must be min_duration ({shortest:g} seconds) or more, got {longest:g}"
            )
        if self.folder is not None and not (self.folder and _is_unicode(self.folder)):
            return InvalidQuery(f"folder must be Unicode text, not empty, got {self.folder!r}")
        return self._problem_of_times()

    def _problem_of_times(self) -> InvalidQuery | None:
        first, end = self.indexed_from, self.indexed_before
        for name, time in (("indexed_from", first), ("indexed_before", end)):
            if time is not None and time.tzinfo is None:
                return InvalidQuery(f"{name} must have a time zone, got {time.isoformat()}")
        if first is not None and end is not None and not first < end:
            return InvalidQuery(
                f"indexed_before must be after indexed_from ({first.isoformat()}), got "
                f"{end.isoformat()}"
            )
        return None


NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class Query:
    """One search: what is asked, of which fields, where, and how many hits at most.

    after: Where the page before ended, or None for the first page. mark_similar: Whether hits name
    the better one that they are near-identical to.

    Today it has one part of weight 1, and searches pictures; `problem` refuses others.
    """

    parts: tuple[Part, ...]
    filters: Filters = NO_FILTERS
    fields: tuple[Field, ...] = (PICTURE,)
    collection: str = "default"
    limit: int = 10
    after: Cursor | None = None
    mark_similar: bool = False
    # Computed once: on its way to an answer, a query is looked up some twenty times.
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self._asked()))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        # Without the hash, which is another one in another process.
        return type(self), self._asked()

    def _asked(self) -> tuple[object, ...]:
        where = self.filters, self.fields, self.collection, self.limit, self.after
        return self.parts, *where, self.mark_similar

    @classmethod
    def of(
        cls,
        asked: str | Part,
        limit: int = 10,
        *,
        collection: str = "default",
        video_ids: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        min_relevance: float = 0.0,
        filters: Filters = NO_FILTERS,
        cursor: str | None = None,
        mark_similar: bool = False,
    ) -> Self:
        """Return the query of a sentence or another part; raise InvalidQuery for a wrong cursor.

        `filters` are the others; `video_ids`, `tags` and `min_relevance` are added to them.
        """
        if video_ids is not None or tags is not None or min_relevance:
            filters = replace(
                filters,
                video_ids=filters.video_ids if video_ids is None else tuple(video_ids),
                tags=filters.tags if tags is None else tuple(tags),
                min_relevance=min_relevance or filters.min_relevance,
            )
        after = None if cursor is None else Cursor.of(cursor)
        return cls(
            (Text(asked) if isinstance(asked, str) else asked,),
            filters,
            collection=collection,
            limit=limit,
            after=after,
            mark_similar=mark_similar,
        )

    @property
    def part(self) -> Part:
        """What is asked for."""
        return self.parts[0]

    @property
    def text(self) -> str:
        """The sentence that is asked for; empty if there is none."""
        return self.part.text if isinstance(self.part, Text) else ""

    @property
    def is_seen(self) -> bool:
        """Whether it asks for what looks like something, so that scores are of two pictures."""
        return not isinstance(self.part, Text)

    @property
    def reach(self) -> int:
        """How many hits the pages up to this one have at most, together."""
        return min(DEEPEST, self.limit + (self.after.reach if self.after else 0))

    @property
    def size(self) -> int:
        """How many hits this page has at most."""
        return self.reach - (self.after.reach if self.after else 0)

    def asked(self) -> bytes:
        """Return a digest of what is asked for, the same for all pages."""
        parts = [part.meaning() for part in self.parts]
        said: list[object] = [self.collection, self.fields, parts, self.filters.meaning()]
        return digest_of(digest("asked", said))

    def problem(self) -> InvalidQuery | None:
        """Return what is wrong with the query, or None."""
        if len(self.parts) != 1 or self.parts[0].weight != 1:
            said = ", ".join(f"one of weight {part.weight:g}" for part in self.parts) or "none"
            return InvalidQuery(f"a query must have one part, of weight 1, got {said}")
        if self.fields != (PICTURE,):
            return InvalidQuery(f"fields must be {PICTURE}, got {', '.join(self.fields) or 'none'}")
        if (wrong := self.part.problem()) is not None:
            return wrong
        if not 1 <= self.limit <= MAX_LIMIT:
            return InvalidQuery(f"limit must be 1 to {MAX_LIMIT}, got {self.limit}")
        if (wrong := self.filters.problem()) is not None:
            return wrong
        least = self.filters.min_relevance
        if least and self.is_seen:
            return InvalidQuery(
                f"min_relevance must be 0 unless a sentence is asked for, got {least:g}; moments "
                "that look alike have a score and no relevance"
            )
        return None

    def key(self, version: int, fingerprint: str) -> str:
        """Return the key of the answer at a version of the collection.

        Queries that ask for the same share a key: an answer that repeats the sentence must be given
        the one that was asked. `fingerprint` stands for all else that decides the answer.
        """
        parts = [part.meaning() for part in self.parts]
        asked = [self.collection, self.limit, self.fields, parts, self.filters.meaning()]
        after = None if self.after is None else self.after.text()
        return digest("result", [version, fingerprint, *asked, after, self.mark_similar])


def normalised(text: str) -> str:
    """Return a sentence without the differences that no one means.

    White space at the ends goes, runs of it become one space, and letters are composed (NFC,
    Unicode Standard Annex 15). Case stays: some tokenizers tell it apart.
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def below(folder: str) -> str:
    """Return what the uri of everything in a folder begins with."""
    return folder.rstrip("/") + "/"


def cut_at(text: str, length: int) -> int:
    """Return how many characters of a sentence make the first `length` of it when normalised."""
    longer = bisect_right(range(len(text) + 1), length, key=lambda end: len(normalised(text[:end])))
    return len(text[: longer - 1].rstrip())


def digest(kind: str, parts: list[object]) -> str:
    """Return a key: BLAKE2b-256 (RFC 7693) of JSON, in which no two inputs look alike."""
    # Not ASCII: as escapes, a surrogate pair and the character that it stands for look alike.
    hashed = blake2b(_encode(parts).encode("utf-8", "surrogatepass"), digest_size=32)
    return f"{kind}:{hashed.hexdigest()}"


def _number(value: float) -> float:
    """Return the same number as one that JSON always writes alike: 0, 0.0 and -0.0 are equal."""
    return float(value) + 0.0


def _is_unicode(text: str) -> bool:
    """Whether a text has no lone surrogates, which stand for other bytes of a command line."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
