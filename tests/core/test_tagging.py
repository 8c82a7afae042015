"""Rules applied to videos of known colours: spans, what is left as it is, and what people say."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clipseek.cache import NoCache, TextVectors
from clipseek.curating import TAG_STATES, Curating
from clipseek.decisions import Decision, Verdict
from clipseek.rules import Rule
from clipseek.tagging.tags import Judge, Report, apply
from clipseek.testing import MemoryCatalog, MemoryCurating
from clipseek.types import Relevance
from clipseek.watches import Hours
from indexer.tag_options import STATES
from tests.api.library import Library, toy_model

RED, BLUE = Rule("red", ("red",)), Rule("blue", ("blue",))
Tags = list[tuple[str, float, float, str, str]]


class World:
    """Videos of known colours, and rules over them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.library = Library(folder, MemoryCatalog())
        self.catalog = self.library.catalog
        self.store: Curating = MemoryCurating(self.catalog)
        self.library.add("a.mp4", ["red", "red", "blue", "red"], stream="yard")
        self.library.add("b.mp4", ["blue", "green"], recorded_at="2026-11-29T21:59:58Z")

    def apply(self, *rules: Rule, is_dry: bool = False) -> Report:
        """Make the rules the current ones and apply all."""
        if not is_dry:
            self.store.put_rules("default", rules, "ann")
        collection = self.catalog.collection("default")
        texts = TextVectors(NoCache(), 0.0)
        every = {rule.name: rule for rule in (*self.store.rules("default"), *rules)}
        judge = Judge.of(collection, toy_model(collection), texts, list(every.values()))
        return apply(self.store, self.catalog, judge, is_dry=is_dry)

    def tags(self) -> Tags:
        """Return what the tags say."""
        found = self.store.tags("default")
        return [(tag.video_id, tag.start, tag.end, tag.rule, tag.state) for tag in found]

    def decide(self, verdict: Verdict, start: float, rule: Rule = RED, **more: Any) -> None:
        """Say something of the tag of the video a that begins there."""
        tags = self.store.tags("default", rules=[rule.name], video_ids=["a"])
        tag = next(each for each in tags if each.start == start)
        span = ("a", tag.start, tag.end)
        said = Decision(tag.id, *span, rule.name, verdict, "ann", relevance=tag.relevance)
        self.store.decide("default", replace(said, **more))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return two videos without tags."""
    return World(tmp_path)


def test_adjacent_segments_have_one_tag(world: World) -> None:
    """From the first to the last that fits, and each rule has its own."""
    report = world.apply(RED, BLUE)
    assert world.tags() == [
        ("a", 0, 4, "red", "proposed"),
        ("a", 4, 6, "blue", "proposed"),
        ("a", 6, 8, "red", "proposed"),
        ("b", 0, 2, "blue", "proposed"),
    ]
    assert (report.added, report.removed, report.changed, report.scored) == (4, 0, 2, 4)


def test_the_prompt_that_fits_best_counts_and_an_exclusion_takes_away(world: World) -> None:
    """A rule of two colours without one of them is the other one."""
    both = Rule("both", ("red", "blue"))
    world.apply(both, Rule("red alone", ("red", "blue"), exclusions=("blue",)))
    by_rule = {
        rule: [tag[:3] for tag in world.tags() if tag[3] == rule] for rule in ("both", "red alone")
    }
    assert by_rule == {
        "both": [("a", 0, 8), ("b", 0, 2)],
        "red alone": [("a", 0, 4), ("a", 6, 8)],
    }


@pytest.mark.parametrize(
    ("rule", "starts"),
    [
        (replace(RED, prompts=("blue",), cameras=("yard",)), [("a", 4.0)]),
        (replace(RED, prompts=("blue",), cameras=("door",)), []),
        (replace(RED, prompts=("blue", "green"), hours=Hours(start=22 * 60, end=0)), [("b", 2.0)]),
    ],
    ids=["its camera", "another camera", "from ten o'clock on"],
)
def test_cameras_and_hours_say_where_a_rule_holds(
    world: World, rule: Rule, starts: list[tuple[str, float]]
) -> None:
    """The video a has no time of recording, so with hours it gets no tag."""
    world.apply(rule)
    assert [(video, start) for video, start, *_ in world.tags()] == starts


def test_a_second_run_looks_at_nothing(world: World) -> None:
    """And makes no version."""
    world.apply(RED, BLUE)
    version = world.catalog.collection("default").version
    report = world.apply(RED, BLUE)
    assert (report.looked_at, report.scored, report.added, report.removed) == (0, 0, 0, 0)
    assert world.catalog.collection("default").version == version


CHANGES: dict[str, Callable[[World], object]] = {
    "a new video": lambda world: world.library.add("c.mp4", ["red"]),
    "a video with other pictures": lambda world: world.library.add("b.mp4", ["red", "red"]),
    "a removed video": lambda world: world.catalog.remove("default", "a"),
    "a decision": lambda world: world.decide("reject", 0.0),
    "another curve": lambda world: world.catalog.set_relevance(
        "default", Relevance(0.5, -9.0, True)
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_has_changed_alone_is_looked_at_with_the_result_of_a_full_run(
    tmp_path: Path, change: Callable[[World], object]
) -> None:
    """A changed rule is scored on every video, and nothing else is."""
    step, full = World(tmp_path / "step"), World(tmp_path / "full")
    for world in (step, full):
        world.apply(RED, BLUE)
        change(world)
    lower = replace(BLUE, threshold=0.4)
    step.apply()
    videos = len(step.store.facts("default"))
    report = step.apply(lower)
    assert (report.looked_at, report.scored) == (videos, videos)
    full.store.remove_rule("default", "red")
    full.store.remove_rule("default", "blue")
    assert full.apply(RED, lower).scored == 2 * videos
    assert step.store.tags("default") == full.store.tags("default")


def test_one_changed_video_is_looked_at_alone(world: World) -> None:
    """Whatever the size of the library."""
    world.apply(RED, BLUE)
    world.library.add("b.mp4", ["red", "red"])
    report = world.apply()
    assert (report.looked_at, report.scored) == (1, 2)


def test_a_dry_run_says_what_would_change_and_stores_nothing(world: World) -> None:
    """Neither tags nor what they would be made from."""
    world.store.put_rules("default", [RED], "ann")
    assert world.apply(RED, is_dry=True).added == 2
    assert (world.tags(), world.store.taggings("default")) == ([], {})


def test_what_was_decided_stays_when_rules_change(world: World) -> None:
    """It is not proposed again, and comes back when its video is indexed again."""
    world.apply(RED)
    world.decide("reject", 0.0)
    world.decide("correct", 6.0, new_start=6.5, new_end=7.5)
    said = [("a", 0, 4, "red", "rejected"), ("a", 6.5, 7.5, "red", "corrected")]
    assert world.tags() == said
    world.apply(replace(RED, threshold=0.3))
    assert world.tags() == said
    world.library.add("a.mp4", ["red", "red", "blue", "red"], stream="yard", tags=("new",))
    world.apply()
    assert world.tags() == said


def test_a_label_without_a_rule_comes_back_too(world: World) -> None:
    """People may name what no rule looks for."""
    world.apply(RED)
    world.decide("correct", 0.0, label="fire")
    world.library.add("a.mp4", ["red", "red", "blue", "red"], stream="yard", tags=("new",))
    assert world.tags() == []
    world.apply()
    assert world.tags() == [
        ("a", 0, 4, "fire", "corrected"),
        ("a", 0, 4, "red", "rejected"),
        ("a", 6, 8, "red", "proposed"),
    ]


def test_the_command_knows_all_states() -> None:
    """Its options are not made of the library, so that its help is fast."""
    assert STATES == TAG_STATES
