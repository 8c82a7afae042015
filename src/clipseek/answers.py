"""Answers: what a search says of a page of hits."""

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray

from clipseek import ranking
from clipseek.composition import shown
from clipseek.following import Following
from clipseek.library.counts import counted
from clipseek.library.parts import vectors_of
from clipseek.library.view import View
from clipseek.matching import Judged
from clipseek.ordering import Matched, Ordered
from clipseek.paging import next_cursor
from clipseek.parts import cut_at
from clipseek.query import Query
from clipseek.types import Facet, FacetKind, Hit, Named, SearchResult, Video
from clipseek.vectors import Asked


def result_of(
    query: Query,
    asked: Asked,
    match: Matched | Ordered,
    moments: Sequence[Judged],
    videos: Mapping[str, Video | Named],
    gone: AbstractSet[str],
    view: View,
    sentences: str,
) -> SearchResult:
    """Limit the moments to what was asked for; a video removed meanwhile is left out.

    sentences: Fingerprint of the sentence model, or empty.
    """
    hits = [
        _hit(one, videos[one.moment.video_id], view, is_seen=query.is_seen)
        for one in moments
        if one.moment.video_id in videos
    ]
    page = tuple(hits[: query.size])
    if query.mark_similar and not isinstance(match, Following):
        page = _marked(page, match.before(query, gone), view)
    is_rest = len(hits) > query.size or len(match) > match.page(query).stop
    is_followed = (match.further or is_rest) and not view.lacks
    total, total_videos = match.counts(gone)
    return SearchResult(
        query=query.text,
        hits=page,
        collection=view.collection.name,
        model=view.collection.model,
        version=view.version,
        truncated_at=None if asked.end is None else cut_at(query.text, asked.end),
        total=total,
        total_videos=total_videos,
        more=match.more,
        next_cursor=next_cursor(query, page, view, sentences) if is_followed else None,
        like=asked.liked[0] if asked.liked and query.is_plain else None,
        alike_from=match.enough if query.is_seen else None,
        facets=_facets(query, match, view, gone),
        incomplete=tuple(map(str, sorted(view.lacks))),
    )


def _facets(
    query: Query, match: Matched | Ordered, view: View, gone: AbstractSet[str]
) -> Mapping[FacetKind, Facet] | None:
    """Count the videos that match, without those that are gone; None if that is not asked for."""
    return counted(view, match.found(), gone, query.facets) if query.facets else None


def _marked(page: Sequence[Hit], before: NDArray[np.int64], view: View) -> tuple[Hit, ...]:
    """Let each hit of a page name the better one that it is near-identical to, if there is one.

    `before` are the segments of the hits of the pages before, int64 (M,).
    """
    ids = np.concatenate([before, np.array([hit.segment_id for hit in page], np.int64)])
    first = ids[ranking.alike(vectors_of(view.parts, ids))][len(before) :]
    return tuple(
        hit if named == hit.segment_id else hit._replace(similar_to=named)
        for hit, named in zip(page, first.tolist(), strict=True)
    )


def _hit(judged: Judged, video: Video | Named, view: View, *, is_seen: bool) -> Hit:
    moment = judged.moment
    return Hit(
        video,
        moment.segment_id,
        moment.span,
        moment.best_time,
        shown(moment.score),
        math.nan if is_seen else judged.relevance,
        math.nan if is_seen else judged.evidence,
        steps=judged.steps,
        fields=judged.fields,
        more_in_video=judged.more_in_video,
        tags=view.fields.marks.over(video.id, moment.span),
    )
