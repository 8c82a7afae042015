"""What a search has found, as it is printed."""

import math
from collections.abc import Mapping, Sequence
from itertools import islice

from clipseek.explaining import Explainer, Explanation, Matched
from clipseek.marks import Mark
from clipseek.patches import Box
from clipseek.query import Query
from clipseek.recorded import moment_at
from clipseek.service import Service
from clipseek.types import Facet, FacetKind, FieldHit, Hit, SearchResult
from indexer.output import Column, clock, emit, note, percent, table

_PATIENCE_S = 600.0
"""How long pictures are looked at; a user who has waited enough presses Ctrl-C."""

_CHARACTERS = 48
"""Characters of what is said that a line has."""

Why = Sequence[Sequence[Explanation]] | None
"""Of each hit why it matched, or each of its steps; None if that was not asked for."""


def explained(service: Service, query: Query, answer: SearchResult) -> list[list[Explanation]]:
    """Say why each hit matched; raise ClipseekError as `Explainer.explain` does."""
    explainer = Explainer(service.collections, service.searcher.texts, service.thumbnails)
    hits = [Matched.of(hit) for hit in answer.hits]
    moments = [each for hit in hits for each in hit]
    found = iter(explainer.explain(query, moments, limit_s=_PATIENCE_S))
    return [list(islice(found, len(hit))) for hit in hits]


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
                **_when(hit),
                "best_time": hit.best_time,
                "score": round(hit.score, 6),
                "relevance": None if math.isnan(hit.relevance) else round(hit.relevance, 6),
                "steps": _steps(hit, () if why is None else why[rank - 1]),
                **({"fields": [_field(field) for field in hit.fields]} if hit.fields else {}),
                **({"segment_tags": [_mark(mark) for mark in hit.tags]} if hit.tags else {}),
                **({} if hit.more_in_video is None else {"more_in_video": hit.more_in_video}),
                **({} if why is None or hit.steps else {"explanation": why[rank - 1][0].plain()}),
            }
        )
    if answer.facets is not None:
        counts = {kind: dict(facet.values) for kind, facet in answer.facets.items()}
        emit({"facets": counts, "videos": answer.total_videos, "more": answer.more})


def _mark(mark: Mark) -> dict[str, object]:
    return {
        "tag": mark.tag,
        "start": mark.span.start,
        "end": mark.span.end,
        "relevance": round(mark.relevance, 6),
        "state": mark.state,
    }


def _when(hit: Hit) -> dict[str, object]:
    """Return the camera of a hit, and when the moment was; nothing of other videos."""
    if not hit.video.stream:
        return {}
    recorded = hit.video.recorded_at
    times = {"start_at": hit.span.start, "end_at": hit.span.end}
    return {
        "camera": hit.video.stream,
        **{name: moment_at(recorded, seconds) or None for name, seconds in times.items()},
    }


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
    lives = any(hit.video.stream for hit in answer.hits)
    groups = any(hit.more_in_video is not None for hit in answer.hits)
    places = [_all_places(each) for each in why] if why is not None else [()] * len(answer.hits)
    table(
        [
            *(Column(name, right=True) for name in (*names, *more)),
            *([Column("camera"), Column("at")] if lives else []),
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
                *(_live(hit) if lives else []),
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
    reasons = (each.reason for moments in why or () for each in moments if each.reason)
    for reason in dict.fromkeys(reasons):
        note(reason)


def _live(hit: Hit) -> list[str]:
    """Return the camera of a hit, and when the moment began, to the second."""
    when = _when(hit)
    return [str(when["camera"]), str(when["start_at"])[:19] + "Z"] if when else ["", ""]


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
        **({} if field.where is None else {"where": field.where._asdict()}),
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


def _steps(hit: Hit, why: Sequence[Explanation]) -> list[dict[str, object]] | None:
    """Return the moment of each step, and why it matched if that is known."""
    found = [{"start": step.span.start, "end": step.span.end} for step in hit.steps]
    said = [{"explanation": each.plain()} for each in why] or [{}] * len(found)
    return [{**step, **more} for step, more in zip(found, said, strict=True)] if found else None


def _all_places(why: Sequence[Explanation]) -> tuple[str, ...]:
    """Return when the nearest frames of all steps are, and where in their pictures."""
    return tuple("; ".join(each) for each in zip(*map(_places, why), strict=True))


def _places(why: Explanation) -> tuple[str, str]:
    """Return when the nearest frame is, and where in the picture the sentence fits."""
    nearest = "-" if why.frame is None else clock(why.frame.time)
    return nearest, "-" if why.heat is None else _percent(why.heat.box)


def _percent(box: Box) -> str:
    left, top, right, bottom = (round(100 * edge) for edge in box)
    return f"{left}-{right}%, {top}-{bottom}%"
