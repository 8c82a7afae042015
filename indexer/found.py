"""What a search has found, as it is printed."""

import math
from collections.abc import Mapping, Sequence

from clipseek.explaining import Explainer, Explanation, Matched
from clipseek.patches import Box
from clipseek.query import Query
from clipseek.service import Service
from clipseek.types import Facet, FacetKind, FieldHit, Hit, SearchResult
from indexer.output import Column, clock, emit, note, percent, table

_PATIENCE_S = 600.0
"""How long pictures are looked at; a user who has waited enough presses Ctrl-C."""

_CHARACTERS = 48
"""Characters of what is said that a line has."""

Why = Sequence[Explanation] | None
"""Of each hit why it matched, or None if that was not asked for."""


def explained(service: Service, query: Query, answer: SearchResult) -> list[Explanation]:
    """Say why each hit matched; raise ClipseekError as `Explainer.explain` does."""
    explainer = Explainer(service.collections, service.searcher.texts, service.thumbnails)
    hits = [Matched.of(hit) for hit in answer.hits]
    return explainer.explain(query, hits, limit_s=_PATIENCE_S)


def matches(answer: SearchResult) -> bool:
    """Whether one of the hits shows what was asked for, as far as can be said."""
    least = answer.alike_from
    if least is None:
        return any(hit.relevance >= 0.5 for hit in answer.hits)
    return any(hit.score >= least for hit in answer.hits)


def as_json(answer: SearchResult, why: Why) -> None:
    """Print one object for each hit, and one for facets."""
    for rank, hit in enumerate(answer.hits, 1):
        emit(
            {
                "rank": rank,
                "video": {"id": hit.video.id, "title": hit.video.title, "uri": hit.video.uri},
                "segment_id": hit.segment_id,
                "start": hit.span.start,
                "end": hit.span.end,
                "best_time": hit.best_time,
                "score": round(hit.score, 6),
                "relevance": None if math.isnan(hit.relevance) else round(hit.relevance, 6),
                "steps": [{"start": s.span.start, "end": s.span.end} for s in hit.steps] or None,
                **({"fields": [_field(field) for field in hit.fields]} if hit.fields else {}),
                **({} if hit.more_in_video is None else {"more_in_video": hit.more_in_video}),
                **({} if why is None else {"explanation": why[rank - 1].plain()}),
            }
        )
    if answer.facets is not None:
        counts = {kind: dict(facet.values) for kind, facet in answer.facets.items()}
        emit({"facets": counts, "videos": answer.total_videos, "more": answer.more})


def as_table(answer: SearchResult, why: Why) -> None:
    """Print a line for each hit; where in the picture it is, in per cent of width and height."""
    least = answer.alike_from
    if not matches(answer):
        alike = "" if least is None else f"looks alike: that takes a score of {least:.2f} or more"
        note(f"nothing {alike or 'matches well'}; the nearest moments are:")
    names = ("relevance" if least is None else "score", "from", "to", "best")
    more = () if why is None else ("nearest", "where")
    steps = any(hit.steps for hit in answer.hits)
    says = any(_said(hit) for hit in answer.hits)
    groups = any(hit.more_in_video is not None for hit in answer.hits)
    places = [_places(each) for each in why] if why is not None else [()] * len(answer.hits)
    table(
        [
            *(Column(name, right=True) for name in (*names, *more)),
            *([Column("steps")] if steps else []),
            *([Column("says")] if says else []),
            *([Column("more", right=True)] if groups else []),
            Column("video"),
        ],
        (
            (
                percent(hit.relevance) if least is None else f"{hit.score:.2f}",
                *(clock(time) for time in (hit.span.start, hit.span.end, hit.best_time)),
                *place,
                *([" ".join(clock(step.span.start) for step in hit.steps)] if steps else []),
                *([_said(hit)] if says else []),
                *([str(hit.more_in_video)] if groups else []),
                hit.video.uri,
            )
            for hit, place in zip(answer.hits, places, strict=True)
        ),
    )
    if answer.facets is not None:
        _counts(answer, answer.facets)
    for reason in dict.fromkeys(each.reason for each in why or () if each.reason):
        note(reason)


def _counts(answer: SearchResult, facets: Mapping[FacetKind, Facet]) -> None:
    """Print how many of the videos that match have which value."""
    rows = [
        (kind, str(videos), value)
        for kind, facet in facets.items()
        for value, videos in facet.values
    ]
    if rows:
        table([Column("facet"), Column("videos", right=True), Column("value")], rows)
    elif not answer.total_videos:
        note("no video matches, so nothing is counted")
    else:
        note(f"none of {answer.total_videos} videos that match has a {' or a '.join(facets)}")
    if answer.more:
        note("more videos may match than are counted; a filter narrows the search")


def _field(field: FieldHit) -> dict[str, object]:
    return {
        "field": field.field,
        "relevance": round(field.relevance, 6),
        "start": field.span.start,
        "end": field.span.end,
        "text": field.text,
        "highlights": [list(each) for each in field.highlights],
    }


def _said(hit: Hit) -> str:
    """Return the best text of a hit, from a little before its first word that was asked for."""
    found = next((field for field in hit.fields if field.text), None)
    if found is None:
        return ""
    first = found.highlights[0][0] if found.highlights else 0
    start = 0 if len(found.text) <= _CHARACTERS else max(0, first - _CHARACTERS // 4)
    text = found.text[start : start + _CHARACTERS]
    is_cut = start + len(text) < len(found.text)
    return f"{'…' if start else ''}{text}{'…' if is_cut else ''}"


def _places(why: Explanation) -> tuple[str, str]:
    """Return when the nearest frame is, and where in the picture the sentence fits."""
    nearest = "-" if why.frame is None else clock(why.frame.time)
    return nearest, "-" if why.heat is None else _percent(why.heat.box)


def _percent(box: Box) -> str:
    left, top, right, bottom = (round(100 * edge) for edge in box)
    return f"{left}-{right}%, {top}-{bottom}%"
