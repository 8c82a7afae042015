"""What segments are judged by, to find those that are hard: sentences, or rules of tags."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipseek.curating import SegmentTag
from clipseek.errors import InvalidQuery
from clipseek.ledgers import open_curating_reader
from clipseek.rules import Rule, RuleNotFound
from clipseek.service import Service
from clipseek.tagging.fits import Seen, inside, is_for, relevance
from clipseek.tagging.tags import Judge
from indexer.candidates import Candidates

SETTLED = ("accepted", "corrected", "rejected")


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """What is asked of each segment.

    kind: "query" or "rule". names: Of the questions. relevance: float64 (Q, S), NaN where a
    question is not asked. thresholds: float64 (Q,).
    """

    kind: str
    names: Sequence[str]
    relevance: NDArray[np.float64]
    thresholds: NDArray[np.float64]


def of_queries(
    service: Service, candidates: Candidates, queries: Sequence[str], threshold: float
) -> Questions:
    """Judge all segments by sentences; raise InvalidQuery if one has no word."""
    for text in queries:
        if not text.strip():
            raise InvalidQuery("--query must have a word, got an empty one")
    model = service.collections.models.get(candidates.collection)
    found = candidates.relevance(model, model.embedder.embed_texts(list(queries)))
    return Questions("query", queries, found, np.full(len(queries), threshold))


def of_rules(service: Service, candidates: Candidates, rules: Sequence[Rule]) -> Questions:
    """Judge all segments by rules, where and when these are for."""
    model = service.collections.models.get(candidates.collection)
    judge = Judge.of(candidates.collection, model, service.searcher.texts, rules)
    block, name = candidates.block, candidates.collection.name
    objects = dict(service.catalog.objects(name)) if judge.needs_objects else {}

    def fits(rule: Rule) -> NDArray[np.float64]:
        asked = judge.asked[rule.name]
        if rule.relation is None:
            return relevance(asked, Seen.of(block), judge.curves)
        found = np.zeros(len(candidates))
        for video_id, rows in candidates.by_video.items():
            tracks = objects[video_id].tracks if video_id in objects else ()
            found[rows] = relevance(asked, Seen.of(block.taken(rows), tracks), judge.curves)
        return found

    found = np.stack([fits(rule) for rule in rules])
    for row, rule in zip(found, rules, strict=True):
        if rule.cameras is not None or rule.hours is not None:
            for video_id, rows in candidates.by_video.items():
                video = candidates.videos[video_id]
                is_asked = is_for(rule, block.spans[rows, 0], video.stream, video.recorded_at)
                row[rows[~is_asked]] = np.nan
    return Questions(
        "rule", [rule.name for rule in rules], found, np.array([rule.threshold for rule in rules])
    )


def leave_out_settled(
    questions: Questions, candidates: Candidates, tags: Sequence[SegmentTag]
) -> None:
    """Do not ask where people have decided on the tag of a rule."""
    decided: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for tag in tags:
        if tag.state in SETTLED:
            decided.setdefault((tag.video_id, tag.rule), []).append((tag.start, tag.end))
    for (video_id, rule), spans in decided.items():
        rows = candidates.by_video.get(video_id)
        if rows is not None and rule in questions.names:
            is_settled = inside(candidates.block.spans[rows], spans)
            questions.relevance[list(questions.names).index(rule), rows[is_settled]] = np.nan


def known_rules(service: Service, collection: str, names: Sequence[str]) -> list[Rule]:
    """Return the current rules of these names, or all; raise RuleNotFound."""
    with closing(open_curating_reader(service.settings)) as curating:
        rules = {rule.name: rule for rule in curating.rules(collection)}
    for name in names:
        if name not in rules:
            raise RuleNotFound(name, collection)
    return [rules[name] for name in dict.fromkeys(names or rules)]


def known_tags(service: Service, collection: str) -> list[SegmentTag]:
    """Return all tags of a collection."""
    with closing(open_curating_reader(service.settings)) as curating:
        return curating.tags(collection)
