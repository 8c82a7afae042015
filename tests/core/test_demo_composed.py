"""The queries of several parts, steps and pictures of the demo: their truth, without videos."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from clipseek.demo.composed import SLACK_S, _following, _without, write_composed
from clipseek.demo.labels import SHORTEST_S
from clipseek.demo.meetings import Words
from clipseek.demo.sentences import Said
from clipseek.demo.shots import Plan, plan_video
from clipseek.demo.truth import Facts, truth
from clipseek.demo.utterances import Passage
from clipseek.demo.world import COLOURS, KINDS, Description, Item
from clipseek.types import Span

VIDEOS = 6


@pytest.fixture(scope="module")
def plans() -> dict[str, Plan]:
    """Plans of some videos."""
    rng = Random(5)
    return {f"video-{number:03}.mp4": plan_video(rng) for number in range(1, VIDEOS + 1)}


@pytest.fixture(scope="module")
def words() -> Words:
    """Two names in turns, in each video three times."""
    said = [Said(f"{name} sold two pianos", "pianos") for name in ("Anna", "Boris", "Anna")]
    return {
        f"video-{number:03}.mp4": [
            Passage("subtitle", start, start + 2.5, each)
            for start, each in zip((0.0, 3.0, 6.0), said, strict=True)
        ]
        for number in range(1, VIDEOS + 1)
    }


@pytest.fixture(scope="module")
def folder(plans: dict[str, Plan], words: Words, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with their queries."""
    made = tmp_path_factory.mktemp("composed")
    write_composed(plans, made, 5, words)
    return made


@pytest.fixture(scope="module")
def lines(folder: Path) -> list[dict[str, Any]]:
    """The queries."""
    return [json.loads(line) for line in (folder / "composed.jsonl").read_text().splitlines()]


def _spans(line: dict[str, Any]) -> list[Span]:
    return [Span(line["start"], line["end"]), *(Span(*pair) for pair in line.get("alt_spans", ()))]


def test_each_kind_has_queries_and_absent_ones(lines: list[dict[str, Any]]) -> None:
    """Pictures have no absent ones."""
    kinds = [(line["kind"], line.get("absent", False)) for line in lines]
    assert kinds.count(("image", False)) == VIDEOS
    assert kinds.count(("sequence", False)) == VIDEOS
    assert kinds.count(("negative", False)) >= VIDEOS / 2
    assert kinds.count(("negative", True)) >= 1
    assert kinds.count(("sequence", True)) >= VIDEOS / 2
    assert kinds.count(("both", False)) >= VIDEOS / 2
    assert kinds.count(("both", True)) >= 1


def test_right_moments_are_in_their_videos_and_long_enough(
    lines: list[dict[str, Any]], plans: dict[str, Plan]
) -> None:
    """A frame is sampled in each."""
    for line in lines:
        if not line.get("absent"):
            plan = plans[line["file"]]
            end = plan.seconds(plan.frames)
            assert all(span.end <= end + 1e-3 for span in _spans(line))
            assert all(span.length >= SHORTEST_S for span in _spans(line))


def test_a_right_moment_does_not_show_what_is_excluded(lines: list[dict[str, Any]]) -> None:
    """And other moments do, so that the query is not answered by its sentence alone."""
    asked = [line for line in lines if line["kind"] == "negative" and not line.get("absent")]
    for line in asked:
        assert line["unwanted"]
        for start, end in line["unwanted"].get(line["file"], ()):
            assert all(span.overlap(Span(start, end)) < 1e-2 for span in _spans(line))


def test_an_absent_sequence_is_a_present_one_reversed(lines: list[dict[str, Any]]) -> None:
    """With the same time between."""
    asked = [line for line in lines if line["kind"] == "sequence"]
    present = {
        (line["query"], line["then"][0]["query"], line["then"][0]["within"])
        for line in asked
        if not line.get("absent")
    }
    for line in asked:
        if line.get("absent"):
            (then,) = line["then"]
            assert (then["query"], line["query"], then["within"]) in present


def test_what_is_shown_and_said_is_both_where_the_answer_is_and_not_both_elsewhere(
    lines: list[dict[str, Any]], plans: dict[str, Plan], words: Words
) -> None:
    """Each alone is in other videos too; of an absent query both are somewhere, but apart."""
    asked = [line for line in lines if line["kind"] == "both"]
    for line in asked:
        (name,) = line["and"]
        meet = {
            file
            for file, said in words.items()
            for each in said
            if name in each.text.lower() and _shows(plans[file], line["query"], each)
        }
        expected = set() if line.get("absent") else {line["file"], *line.get("also", ())}
        assert meet == expected
        always = Passage("subtitle", 0, 1e9, Said("", ""))
        assert {file for file in plans if _shows(plans[file], line["query"], always)} > meet
        if not line.get("absent"):
            said = [each for each in words[line["file"]] if name in each.text.lower()]
            right = [Span(each.start, each.end) for each in said]
            assert all(max(span.overlap(one) for one in right) > 0 for span in _spans(line))


def _shows(plan: Plan, query: str, passage: Passage) -> bool:
    """Whether a picture in the passage has the thing that the query names."""
    kind = next(kind for kind in KINDS if kind in query.split())
    colour = next(colour for colour in COLOURS if colour in query.split())
    drawn = plan.drawn()
    ends = [plan.seconds(first) for first, _ in drawn[1:]] + [plan.seconds(plan.frames)]
    scenes = [
        scene
        for (first, scene), end in zip(drawn, ends, strict=True)
        if plan.seconds(first) < passage.end and end > passage.start
    ]
    return bool(truth([Description((Item(kind, colour),))], Facts.of(scenes)).any())


def test_pictures_are_small_copies(folder: Path, lines: list[dict[str, Any]]) -> None:
    """Of another size and coding than the videos."""
    for line in lines:
        if line["kind"] == "image":
            with Image.open(folder / line["image"]) as picture:
                assert (picture.format, picture.size) == ("JPEG", (160, 90))


def test_the_same_videos_have_the_same_queries(
    folder: Path, plans: dict[str, Plan], words: Words, tmp_path: Path
) -> None:
    """Figures can be compared."""
    write_composed(plans, tmp_path, 5, words)
    name = "composed.jsonl"
    assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_what_is_left_of_a_span() -> None:
    """Outside others that overlap its start, its middle and its end."""
    others = [Span(0, 1), Span(3, 4), Span(9, 20)]
    assert _without([Span(0.5, 10)], others) == [Span(1, 3), Span(4, 9)]
    assert _without([Span(3, 4)], others) == []
    assert _without([Span(5, 6)], others) == [Span(5, 6)]


def test_what_follows_starts_later_and_in_time() -> None:
    """In the same file."""
    one, two = {"a": [Span(0, 4)], "b": [Span(0, 4)]}, {"a": [Span(6, 8)]}
    assert _following(one, two, SLACK_S) == {"a": [Span(0, 8)]}
    assert _following(one, two, SLACK_S - 0.1) == {}
    assert _following(two, one, 60) == {}
