"""Queries of the benchmark QVHighlights: read, asked of their videos, and answers written."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from clipseek.errors import ClipseekError, ConfigError, QueryNotRead
from clipseek.filters import Filters
from clipseek.highlights import MOST_WINDOWS, SLICE_S, Floats, Prediction, Truth, slices_of
from clipseek.parts import Text
from clipseek.query import MAX_BATCH, Query
from clipseek.service import Service
from clipseek.timeline import timeline
from clipseek.types import SearchResult, Video
from indexer.captions import read_lines
from indexer.output import counted, note
from indexer.videos import all_videos

_LONGEST_S = 86_400.0
_NOTHING = Prediction(np.empty((0, 3)), np.empty(0))


class Asked(BaseModel):
    """One line of the benchmark. Unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")

    qid: int | str
    query: str = Field(min_length=1)
    vid: str = Field(min_length=1)
    duration: float = Field(ge=SLICE_S, le=_LONGEST_S)
    relevant_windows: list[tuple[float, float]] = Field(min_length=1)
    relevant_clip_ids: list[int]
    saliency_scores: list[list[int]]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for start, end in self.relevant_windows:
            if not 0 <= start < end <= _LONGEST_S:
                raise ValueError(
                    "relevant_windows must be [start, end] in seconds with 0 <= start < end <= "
                    f"{_LONGEST_S:.0f}, got [{start:g}, {end:g}]"
                )
        outside = [each for each in self.relevant_clip_ids if not 0 <= each < self.slices]
        if outside:
            raise ValueError(
                f"relevant_clip_ids must be 0 to {self.slices - 1}, because {self.duration:g} "
                f"seconds have {self.slices} slices, got {outside[0]}"
            )
        widths = {len(each) for each in self.saliency_scores}
        if len(self.saliency_scores) != len(self.relevant_clip_ids) or len(widths) > 1:
            raise ValueError(
                "saliency_scores must have one list for each of relevant_clip_ids, all of one "
                f"length, got {len(self.saliency_scores)} lists for "
                f"{len(self.relevant_clip_ids)} slices"
            )
        return self

    @property
    def slices(self) -> int:
        """How many whole slices the video has."""
        return int(self.duration / SLICE_S)

    def truth(self) -> Truth:
        """Return what is right."""
        people = len(self.saliency_scores[0]) if self.saliency_scores else 1
        saliency = np.zeros((self.slices, people))
        saliency[self.relevant_clip_ids] = np.reshape(self.saliency_scores, (-1, people))
        return Truth(np.array(self.relevant_windows, np.float64), saliency)


def read(path: Path) -> list[Asked]:
    """Read the annotations of the benchmark, such as `highlight_val_release.jsonl`.

    Raises:
        ConfigError: the file cannot be read, a line is wrong, or a query is given twice.
    """
    asked = read_lines(path, Asked.model_validate)
    if not asked:
        raise ConfigError(f"{path}: no queries; a line is {{'qid', 'query', 'vid', 'duration', …}}")
    seen: set[int | str] = set()
    for each in asked:
        if each.qid in seen:
            raise ConfigError(f"{path}: qid {each.qid!r} must be given once, got it twice")
        seen.add(each.qid)
    return asked


def predict(service: Service, asked: Sequence[Asked], *, sharpen: bool) -> list[Prediction]:
    """Answer each query within its video, whose file is named `vid` and has any suffix.

    With `sharpen`, moments are cut to the frames that show what is asked for. If the video is not
    indexed or there is no word in the query, nothing is found, which is noted.
    """
    collection = service.settings.collection
    videos = {PurePath(video.uri).stem: video for video in all_videos(service.catalog, collection)}
    missing = sorted({each.vid for each in asked} - videos.keys())
    if missing:
        names = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        note(f"{counted(len(missing), 'video')} of the queries not indexed: {names}")
    found: dict[int | str, Prediction] = {}
    known = [each for each in asked if each.vid in videos]
    for start in range(0, len(known), MAX_BATCH):
        some = known[start : start + MAX_BATCH]
        queries = [
            Query.of(
                each.query,
                MOST_WINDOWS,
                collection=collection,
                filters=Filters(video_ids=(videos[each.vid].id,)),
                sharpen=sharpen,
            )
            for each in some
        ]
        for each, answer in zip(some, service.searcher.search(queries), strict=True):
            if isinstance(answer, QueryNotRead):
                note(f"indexer: {answer}")
            elif isinstance(answer, ClipseekError):
                raise answer
            else:
                saliency = _saliency(service, each, videos[each.vid])
                found[each.qid] = Prediction(_windows(answer), saliency)
    return [found.get(each.qid, _NOTHING) for each in asked]


def write(path: Path, asked: Sequence[Asked], predictions: Sequence[Prediction]) -> None:
    """Write predictions as the benchmark takes them; raise ConfigError if the file cannot be."""
    lines = [json.dumps(_line(each, found)) for each, found in zip(asked, predictions, strict=True)]
    try:
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--predictions {path}: cannot be written: {error.strerror}") from error


def _line(asked: Asked, found: Prediction) -> Mapping[str, object]:
    return {
        "qid": asked.qid,
        "query": asked.query,
        "vid": asked.vid,
        "pred_relevant_windows": found.windows.round(4).tolist(),
        "pred_saliency_scores": found.saliency.round(4).tolist(),
    }


def _windows(answer: SearchResult) -> Floats:
    """Return the moments, best first; a score is never above the one before."""
    rows = [[hit.span.start, hit.span.end, hit.relevance] for hit in answer.hits]
    windows = np.array(rows, np.float64).reshape(-1, 3)
    windows[:, 2] = np.minimum.accumulate(windows[:, 2])
    return windows


def _saliency(service: Service, asked: Asked, video: Video) -> Floats:
    searcher, name = service.searcher, service.settings.collection
    found = timeline(searcher.collections, searcher.texts, name, video.id, [Text(asked.query)])
    if not len(found.times):
        return np.zeros(asked.slices)
    return slices_of(found.times, found.relevance, asked.slices)
