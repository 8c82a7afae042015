"""Query: what a search asks for, its limits, and the key of its answer.

A key contains everything that the answer depends on, so an answer in a cache never becomes wrong
and nothing is ever invalidated.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Self

from clipseek.arranging import GROUPS, SORTS, Group, Sort
from clipseek.cursor import DEEPEST, Cursor, digest_of
from clipseek.errors import InvalidQuery
from clipseek.filters import NO_FILTERS as NO_FILTERS
from clipseek.filters import Filters as Filters
from clipseek.parts import Part, Text, is_seen, number, problem_of
from clipseek.timed import FIELDS, PICTURE, Field
from clipseek.types import FACETS, FacetKind

MAX_LIMIT = 100
MAX_BATCH = 256
MAX_THEN = 3
MAX_WITHIN_S = 3600.0
WITHIN_S = 10.0
"""Seconds in which a step follows the one before, if nothing else is asked for."""

# Made once: `json.dumps` makes an encoder for each call.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Step:
    """What must follow in the same video: some parts, and in how many seconds after the others."""

    parts: tuple[Part, ...]
    within_s: float

    def meaning(self) -> list[object]:
        """Return what JSON takes, the same for all that ask for the same."""
        return [number(self.within_s), *(part.meaning() for part in self.parts)]

    def problem(self) -> InvalidQuery | None:
        """Return what is wrong with the step, or None."""
        if not 0 < self.within_s <= MAX_WITHIN_S:
            return InvalidQuery(
                f"within must be more than 0 and at most {MAX_WITHIN_S:g} seconds, got "
                f"{self.within_s:g}"
            )
        return problem_of(self.parts)


@dataclass(frozen=True, slots=True)
class Query:
    """One search: what is asked, of which fields, where, and how many hits at most.

    after: Where the page before ended, or None for the first page. mark_similar: Whether hits name
    the better one that they are near-identical to. sort, group_by: See `arranging`. facets: What
    the videos that match are counted by. sharpen: Whether moments are cut to the frames
    that show what is asked for; see `ranking.trimmed`.

    Parts of negative weight are not wanted; `composition` says what all parts together ask for.
    With `then`, moments are asked for that are followed, step by step, by moments of the same
    video. Fields made of text are searched for all sentences, if the collection has any.
    """

    parts: tuple[Part, ...]
    filters: Filters = NO_FILTERS
    fields: tuple[Field, ...] = FIELDS
    collection: str = "default"
    limit: int = 10
    after: Cursor | None = None
    mark_similar: bool = False
    then: tuple[Step, ...] = ()
    sort: Sort = "relevance"
    group_by: Group | None = None
    facets: tuple[FacetKind, ...] = ()
    sharpen: bool = False
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
        arranged = self.sort, self.group_by, self.facets
        return self.parts, *where, self.mark_similar, self.then, *arranged, self.sharpen

    @classmethod
    def of(
        cls,
        asked: str | Part | Sequence[Part],
        limit: int = 10,
        *,
        collection: str = "default",
        video_ids: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        min_relevance: float = 0.0,
        filters: Filters = NO_FILTERS,
        cursor: str | None = None,
        mark_similar: bool = False,
        then: Sequence[Step] = (),
        fields: Sequence[Field] = FIELDS,
        sort: Sort = "relevance",
        group_by: Group | None = None,
        facets: Sequence[FacetKind] = (),
        sharpen: bool = False,
    ) -> Self:
        """Return the query of a sentence or other parts; raise InvalidQuery for a wrong cursor.

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
        if isinstance(asked, str):
            asked = Text(asked)
        return cls(
            (asked,) if isinstance(asked, Part) else tuple(asked),
            filters,
            collection=collection,
            limit=limit,
            after=after,
            mark_similar=mark_similar,
            then=tuple(then),
            fields=tuple(fields),
            sort=sort,
            group_by=group_by,
            facets=tuple(facets),
            sharpen=sharpen,
        )

    @property
    def steps(self) -> tuple[tuple[Part, ...], ...]:
        """The parts of each step."""
        return self.parts, *(step.parts for step in self.then)

    @property
    def is_plain(self) -> bool:
        """Whether it is one part; the weight of a single one makes no difference."""
        return len(self.parts) == 1 and not self.then

    @property
    def text(self) -> str:
        """The sentence that is asked for; empty if something else is, or more than that."""
        part = self.parts[0]
        return part.text if isinstance(part, Text) and self.is_plain else ""

    @property
    def asks_text(self) -> bool:
        """Whether fields made of text are searched, if the collection has any."""
        has_sentence = any(isinstance(part, Text) for parts in self.steps for part in parts)
        return has_sentence and self.fields != (PICTURE,)

    @property
    def is_seen(self) -> bool:
        """Whether a part is a picture or a moment, so that answers have scores, no relevance."""
        return any(map(is_seen, self.steps))

    @property
    def is_arranged(self) -> bool:
        """Whether hits are in another order than by relevance, or stand for others."""
        return self.sort != "relevance" or self.group_by is not None

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
        said = [self.collection, self.fields, self.sort, self.group_by, *self._said()]
        return digest_of(digest("asked", said))

    def problem(self) -> InvalidQuery | None:
        """Return what is wrong with the query, or None."""
        if (wrong := problem_of(self.parts)) is not None:
            return wrong
        if (wrong := self._problem_of_steps()) is not None:
            return wrong
        if (wrong := self._problem_of_fields()) is not None:
            return wrong
        if (wrong := self._problem_of_order()) is not None:
            return wrong
        if not 1 <= self.limit <= MAX_LIMIT:
            return InvalidQuery(f"limit must be 1 to {MAX_LIMIT}, got {self.limit}")
        if (wrong := self.filters.problem()) is not None:
            return wrong
        least = self.filters.min_relevance
        if least and self.is_seen:
            return InvalidQuery(
                f"min_relevance must be 0 unless sentences alone are asked for, got {least:g}; "
                "moments that look alike have a score and no relevance"
            )
        return None

    def _problem_of_fields(self) -> InvalidQuery | None:
        given = ", ".join(self.fields) or "none"
        if not self.fields or not set(self.fields) <= set(FIELDS):
            return InvalidQuery(f"fields must be some of {', '.join(FIELDS)}, got {given}")
        if PICTURE not in self.fields and not self.text:
            return InvalidQuery(
                f"fields must have {PICTURE} unless one sentence alone is asked for, got {given}; "
                "several parts are searched in words beside pictures, and pictures and moments are "
                "not searched in words"
            )
        return None

    def _problem_of_order(self) -> InvalidQuery | None:
        if self.sort not in SORTS:
            return InvalidQuery(f"sort must be one of {', '.join(SORTS)}, got {self.sort!r}")
        if self.group_by not in (None, *GROUPS):
            return InvalidQuery(f"group_by must be {GROUPS[0]} or none, got {self.group_by!r}")
        if unknown := [kind for kind in self.facets if kind not in FACETS]:
            return InvalidQuery(f"facets must be some of {', '.join(FACETS)}, got {unknown[0]!r}")
        if self.sharpen and not (self.text and PICTURE in self.fields):
            return InvalidQuery(
                "sharpen must be false unless one sentence alone is searched for in pictures, got "
                "true; frames are compared with one sentence"
            )
        return None

    def _said(self) -> list[object]:
        """Return what JSON takes of the parts, with the steps as one more, and of the filters."""
        parts = [part.meaning() for part in self.parts]
        if self.then:
            parts.append(["then", *(step.meaning() for step in self.then)])
        return [parts, self.filters.meaning()]

    def _problem_of_steps(self) -> InvalidQuery | None:
        if len(self.then) > MAX_THEN:
            return InvalidQuery(
                f"then must be nested at most {MAX_THEN} times, got {len(self.then)}"
            )
        if self.then and self.mark_similar:
            return InvalidQuery(
                "mark_similar must be false with then, got true; spans of several moments are not "
                "compared"
            )
        return next((wrong for step in self.then if (wrong := step.problem()) is not None), None)

    def key(self, version: int, fingerprint: str) -> str:
        """Return the key of the answer at a version of the collection.

        Queries that ask for the same share a key: an answer that repeats the sentence must be given
        the one that was asked. `fingerprint` stands for all else that decides the answer.
        """
        arranged = [self.sort, self.group_by, self.facets]
        asked = [self.collection, self.limit, self.fields, *arranged, *self._said()]
        after = None if self.after is None else self.after.text()
        return digest(
            "result", [version, fingerprint, *asked, after, self.mark_similar, self.sharpen]
        )


def digest(kind: str, parts: list[object]) -> str:
    """Return a key: BLAKE2b-256 (RFC 7693) of JSON, in which no two inputs look alike."""
    # Not ASCII: as escapes, a surrogate pair and the character that it stands for look alike.
    hashed = blake2b(_encode(parts).encode("utf-8", "surrogatepass"), digest_size=32)
    return f"{kind}:{hashed.hexdigest()}"
