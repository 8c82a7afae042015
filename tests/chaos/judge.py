"""Is this answer right? Pure: an answer, what is expected of each video, and nothing else."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from tests.chaos.ledger import Expected

ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one answer."""

    kind: Literal["lost", "duplicate", "wrong"]
    what: str


def judge_hits(
    hits: list[dict[str, Any]], expected: Mapping[str, Expected], segments: Mapping[str, int]
) -> Iterator[Fault]:
    """Compare the hits of a search that all videos could answer with what is expected.

    Args:
        hits: As the API gives them, not cut by a limit.
        expected: For each video that the search looked into; any other video is a fault.
        segments: How many segments videos have, where known.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for hit in hits:
        found.setdefault(hit["video"]["id"], []).append(hit)
    yield from _presence(set(found), expected)
    yield from _order(hits)
    for video, moments in found.items():
        yield from _video(video, moments, segments.get(video))


def judge_age(answer: Mapping[str, Any], limit_s: float) -> Iterator[Fault]:
    """Compare what a search's answer says of its age with what it may say."""
    stale, age_s = answer.get("stale"), answer.get("age_s")
    if stale is False and age_s is None:
        return
    if stale is not True or not isinstance(age_s, float | int):
        yield Fault("wrong", f"stale is {stale!r} at an age of {age_s!r} s")
    elif not 0 < age_s <= limit_s:
        yield Fault("wrong", f"it is stale for {age_s} s, and may be for {limit_s} s")


def judge_list(videos: list[dict[str, Any]], expected: Mapping[str, Expected]) -> Iterator[Fault]:
    """Compare a full list of videos with what is expected."""
    times = Counter(video["id"] for video in videos)
    yield from _presence(set(times), expected)
    for video, count in times.items():
        if count > 1:
            yield Fault("duplicate", f"{video} is listed {count} times")


def _presence(found: set[str], expected: Mapping[str, Expected]) -> Iterator[Fault]:
    for video in sorted(found - set(expected)):
        yield Fault("wrong", f"{video} was not asked for")
    for video, wanted in expected.items():
        if wanted == "present" and video not in found:
            yield Fault("lost", f"{video} is missing")
        if wanted == "absent" and video in found:
            yield Fault("wrong", f"{video} was removed and is still found")


def _order(hits: list[dict[str, Any]]) -> Iterator[Fault]:
    """Hits come by descending score, then by video, then by time."""
    keys = [(-hit["score"], hit["video"]["id"], hit["start"]) for hit in hits]
    if any(first > second for first, second in pairwise(keys)):
        yield Fault("wrong", "the hits are out of order")


def _video(video: str, moments: list[dict[str, Any]], segments: int | None) -> Iterator[Fault]:
    spans = sorted((moment["start"], moment["end"]) for moment in moments)
    if any(first[1] > second[0] + ROUNDING_S for first, second in pairwise(spans)):
        yield Fault("duplicate", f"{video} has moments that overlap: {spans}")
    if segments is not None and len(moments) > segments:
        yield Fault("duplicate", f"{video} has {len(moments)} moments of {segments} segments")
    duration = moments[0]["video"]["duration"]
    covered = sum(end - start for start, end in spans)
    # A search that nothing limits finds every segment, so its moments cover the video.
    if abs(covered - duration) > 0.01:
        yield Fault("wrong", f"{video} is covered for {covered:.2f} of {duration:.2f} s: {spans}")
