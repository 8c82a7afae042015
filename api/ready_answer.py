"""Answers ready to be sent: JSON in bytes, complete except for what differs between requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from math import isnan
from typing import Self

from pydantic_core import to_json

from api.schemas import play_url, thumbnail_url
from clipseek.marks import Mark
from clipseek.parts import cut_at, normalised
from clipseek.recorded import moment_at
from clipseek.types import Facet, FacetKind, FieldHit, Hit, Liked, SearchResult, StepHit

_TAG_BYTES = 12
# From 2048 bytes on, hashing lets go of the interpreter, and the event loop would wait for it again
# behind the threads that search: 20 us an answer instead of 5.
_SLICE = 2047

_CUT = b'{"truncated_at":'
_WHOLE = _CUT + b"null"

_FRESH = b'"stale":false,"age_s":null'
_STALE = b'"stale":true,"age_s":%.3f'


@dataclass(frozen=True, slots=True)
class Ready:
    """The answer to one search, the same for all equal searches of the same version.

    common: a JSON object without its first field, `query`, and its last ones, `stale`, `age_s` and
    `took_ms`. Queries that differ only in white space share it: its first field, `truncated_at`,
    counts characters of the normalised query.
    age_s: The age of this version, if the database could not be asked for a newer one.
    is_incomplete: Whether shards of the index did not answer.
    """

    query: str
    common: bytes
    age_s: float | None = None
    is_incomplete: bool = False

    @classmethod
    def of(cls, result: SearchResult, root: str = "") -> Self:
        """Write a result as `schemas.SearchAnswer` documents it, with links below `root`.

        Made of plain values: models of them would be validated for nothing, which took twice as
        long as all the rest.
        """
        common = {
            "truncated_at": _normalised_at(result),
            "like": None if result.like is None else _liked(result.like, result.collection, root),
            "alike_from": result.alike_from,
            "model": result.model,
            "collection": result.collection,
            "version": result.version,
            "total": result.total,
            "total_videos": result.total_videos,
            "more": result.more,
            "facets": None if result.facets is None else _facets(result.facets),
            "hits": [_hit(hit, result.collection, root) for hit in result.hits],
            "next_cursor": result.next_cursor,
            "incomplete": result.incomplete,
        }
        return cls(result.query, to_json(common), result.age_s, bool(result.incomplete))

    @property
    def etag(self) -> str:
        """The strong entity tag; fresh answers with the same differ in `took_ms` alone."""
        return _remembered_tag(self.query, self.common)

    def json(self, took_ms: float) -> bytes:
        """Return the whole JSON object."""
        return b"%b%b" % self.halves(took_ms)

    def halves(self, took_ms: float) -> tuple[bytes, bytes]:
        """Return the whole JSON object in two: what the tag stands for, and what differs."""
        age = _FRESH if self.age_s is None else _STALE % self.age_s
        steady = b'{"query":%b,%b' % (to_json(self.query or None), self._fields())
        return steady, b',%b,"took_ms":%.3f}' % (age, took_ms)

    def _fields(self) -> bytes:
        """Return the common fields, with the position at which exactly this query is cut."""
        if self.common.startswith(_WHOLE):
            return self.common[1:-1]
        place, _, others = self.common.removeprefix(_CUT).partition(b",")
        return b'"truncated_at":%d,%b' % (cut_at(self.query, int(place)), others[:-1])


def _normalised_at(result: SearchResult) -> int | None:
    """Return where the normalised query, which all who share the answer have, is cut."""
    at = result.truncated_at
    return None if at is None else len(normalised(result.query[:at]))


def _hit(hit: Hit, collection: str, root: str) -> dict[str, object]:
    """Return the fields of `hit_schemas.HitAnswer`."""
    return {
        **_where(hit),
        "score": hit.score,
        "relevance": None if isnan(hit.relevance) else hit.relevance,
        "similar_to": hit.similar_to,
        "more_in_video": hit.more_in_video,
        "steps": [_step(step, root) for step in hit.steps] or None,
        **({"fields": [_field(field) for field in hit.fields]} if hit.fields else {}),
        **({"segment_tags": [_mark(mark) for mark in hit.tags]} if hit.tags else {}),
        "explanation": None,
        **_links(hit, collection, root),
    }


def _facets(facets: Mapping[FacetKind, Facet]) -> dict[str, object]:
    """Return for each kind the fields of `schemas.FacetAnswer`."""
    return {
        kind: {
            "values": [{"value": value, "videos": videos} for value, videos in facet.values],
            "more": facet.more,
        }
        for kind, facet in facets.items()
    }


def _field(field: FieldHit) -> dict[str, object]:
    """Return the fields of `field_schemas.FieldAnswer`."""
    return {
        "field": field.field,
        "relevance": field.relevance,
        "start": field.span.start,
        "end": field.span.end,
        "text": field.text,
        "highlights": field.highlights,
        "where": None if field.where is None else field.where._asdict(),
    }


def _mark(mark: Mark) -> dict[str, object]:
    """Return the fields of `hit_schemas.SegmentTagAnswer`."""
    return {
        "tag": mark.tag,
        "start": mark.span.start,
        "end": mark.span.end,
        "relevance": mark.relevance,
        "state": mark.state,
    }


def _step(step: StepHit, root: str) -> dict[str, object]:
    """Return the fields of `hit_schemas.StepAnswer`."""
    return {
        "segment_id": step.segment_id,
        "start": step.span.start,
        "end": step.span.end,
        "best_time": step.best_time,
        "score": step.score,
        "relevance": None if isnan(step.relevance) else step.relevance,
        "thumbnail_url": thumbnail_url(step.segment_id, root),
        "explanation": None,
    }


def _liked(liked: Liked, collection: str, root: str) -> dict[str, object]:
    """Return the fields of `hit_schemas.LikedAnswer`."""
    return {**_where(liked), **_links(liked, collection, root)}


def _where(moment: Hit | Liked) -> dict[str, object]:
    """Return which seconds of which video a moment is."""
    video = moment.video
    return {
        "video": {
            "id": video.id,
            "title": video.title,
            "uri": video.uri,
            "duration": video.duration,
            "recorded_at": video.recorded_at or None,
            "indexed_at": video.indexed_at,
        },
        "segment_id": moment.segment_id,
        "start": moment.span.start,
        "end": moment.span.end,
        **_when(moment),
        "best_time": moment.best_time,
    }


def _when(moment: Hit | Liked) -> dict[str, object]:
    """Return the camera of a moment, and when the moment was."""
    video, span = moment.video, moment.span
    if not video.stream:
        return {"camera": None, "start_at": None, "end_at": None}
    return {
        "camera": video.stream,
        "start_at": moment_at(video.recorded_at, span.start) or None,
        "end_at": moment_at(video.recorded_at, span.end) or None,
    }


def _links(moment: Hit | Liked, collection: str, root: str) -> dict[str, object]:
    """Return where its picture and its video are."""
    return {
        "thumbnail_url": thumbnail_url(moment.segment_id, root),
        "play_url": play_url(moment.video.id, collection, moment.span, root),
    }


def _tag(query: str, common: bytes) -> str:
    digest = blake2b(digest_size=_TAG_BYTES, key=_digest(query))
    for start in range(0, len(common), _SLICE):
        digest.update(common[start : start + _SLICE])
    return f'"{digest.hexdigest()}"'


def _digest(query: str) -> bytes:
    return blake2b(query.encode(), digest_size=_TAG_BYTES).digest()


# Those that are asked for again and again; a cache keeps the same bytes for them.
_remembered_tag = lru_cache(maxsize=256)(_tag)
