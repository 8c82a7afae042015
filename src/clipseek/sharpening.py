"""Hits whose spans are cut to the frames that show what is asked for."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clipseek import calibration, ranking
from clipseek.errors import ServiceUnavailable
from clipseek.library.view import View
from clipseek.protocols import CatalogReader
from clipseek.timed import PICTURE
from clipseek.types import Hit, Scoring, SearchResult
from clipseek.vectors import stored


def sharpened(
    result: SearchResult,
    vector: NDArray[np.float32],
    scoring: Scoring,
    view: View,
    catalog: CatalogReader,
) -> SearchResult | ServiceUnavailable:
    """Cut the hits of one sentence, or say why the catalog cannot be read.

    A frame has the bias of the best segment of its hit, as in a timeline. Hits that words made stay
    as they are, and so do those of videos whose frame vectors were not kept. `vector` is that of
    the sentence, float32 (dim,).
    """
    name = view.collection.name
    hits = result.hits
    sharp = list(hits)
    seen = [place for place, hit in enumerate(hits) if _is_picture(hit)]
    try:
        with stored(view.collection, catalog) as now:
            for video_id in now.videos_by_id(name, sorted({hits[i].video.id for i in seen})):
                times, frames = now.frame_vectors(name, video_id)
                scores = (frames @ vector).astype(np.float64)
                for place in seen:
                    if hits[place].video.id == video_id:
                        sharp[place] = _cut(hits[place], times, scores, scoring)
    except ServiceUnavailable as error:
        return error
    return replace(result, hits=tuple(sharp))


def _is_picture(hit: Hit) -> bool:
    return not hit.fields or max(hit.fields, key=lambda each: each.relevance).field == PICTURE


def _cut(
    hit: Hit, times: NDArray[np.float64], scores: NDArray[np.float64], scoring: Scoring
) -> Hit:
    evidence = hit.evidence + scoring.logit_scale * (scores - hit.score)
    span = ranking.trimmed(hit.span, times, calibration.relevance(evidence, scoring.relevance))
    fields = (each._replace(span=span) if each.field == PICTURE else each for each in hit.fields)
    return hit._replace(span=span, fields=tuple(fields))
