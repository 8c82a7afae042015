"""Every store of rules, tags and decisions keeps the contract: tags follow what people decide."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from random import Random
from typing import get_args

import pytest

from clipseek.catalog import SqlCatalog, SqlCurating, SqlCuratingReader
from clipseek.curating import (
    Applied,
    Curating,
    Queue,
    Sample,
    SampleNotFound,
    SegmentTag,
    Show,
    Tagging,
    tag_id,
)
from clipseek.decisions import Decision, Verdict
from clipseek.errors import CollectionNotFound
from clipseek.marks import Mark
from clipseek.protocols import CatalogWriter
from clipseek.relations import Relation
from clipseek.rules import Rule, RuleNotFound
from clipseek.tagging.queue import waiting
from clipseek.testing import MemoryCatalog, MemoryCurating
from clipseek.testing.curating import decided_on, nearest_first
from clipseek.timed import Span
from clipseek.tracked import VideoObjects
from clipseek.watches import Hours
from tests.contracts.catalogs import DIM, RECORDED, a_video

RED = Rule(
    "red car",
    ("a red car", "a red van"),
    exclusions=("a red ball",),
    threshold=0.6,
    cameras=("yard",),
    hours=Hours(("sat", "sun"), 22 * 60, 6 * 60, "Europe/Vienna"),
)
SEA = Rule("sea", ("the sea",))


@dataclass(frozen=True)
class Both:
    """A store and the catalog that its videos are in."""

    store: Curating
    catalog: CatalogWriter

    @property
    def version(self) -> int:
        """The version of the default collection."""
        return self.catalog.collection("default").version


@pytest.fixture
def both(ledger_url: str | None) -> Iterator[Both]:
    """Return an empty store of each kind, with the videos a and b in the default collection."""
    if ledger_url is None:
        memory = MemoryCatalog()
        yield _filled(Both(MemoryCurating(memory), memory))
        return
    with (
        closing(SqlCatalog.open(ledger_url)) as catalog,
        closing(SqlCurating.open(ledger_url)) as store,
    ):
        yield _filled(Both(store, catalog))


def _filled(both: Both) -> Both:
    both.catalog.ensure_collection("default", "toy", DIM, "f1")
    for name in ("a", "b"):
        a_video(name).put_into(both.catalog)
    both.store.put_rules("default", [RED, SEA], "ann")
    return both


def tag(video: str = "a", start: float = 0.0, end: float = 2.0, rule: Rule = RED) -> SegmentTag:
    """Return a proposed tag."""
    its_id = tag_id(video, rule.name, start, end)
    return SegmentTag(its_id, video, start, end, rule.name, rule.version, 0.75)


def tagging(*tags: SegmentTag, video: str = "a", rule: Rule = RED) -> Tagging:
    """Return tags of one video by one rule."""
    return Tagging(video, rule.name, rule.version, "stamp", tags)


def decision(verdict: Verdict, of: SegmentTag | None = None, annotator: str = "ann") -> Decision:
    """Return what somebody says of a tag."""
    of = of or tag()
    span = (of.video_id, of.start, of.end)
    return Decision(of.id, *span, of.rule, verdict, annotator, of.version, of.relevance)


def shown(both: Both) -> list[tuple[str, float, float, str, str]]:
    """Return what all tags say, without times and ids."""
    found = both.store.tags("default")
    return [(each.video_id, each.start, each.end, each.rule, each.state) for each in found]


def test_rules_are_read_as_they_were_stored(both: Both) -> None:
    """By name, with everything that decides on tags."""
    assert both.store.rules("default") == [RED, SEA]


def test_a_changed_rule_is_another_version_and_the_old_one_stays(both: Both) -> None:
    """So that each tag says what it was made by."""
    fitted = replace(RED, threshold=0.8, is_fitted=True)
    both.store.put_rules("default", [fitted], "bob")
    assert both.store.rules("default") == [fitted, SEA]
    found = {each.rule.version: each for each in both.store.rule_versions("default", RED.name)}
    assert {version: each.is_current for version, each in found.items()} == {
        RED.version: False,
        fitted.version: True,
    }
    assert found[RED.version].by == "ann"
    both.store.put_rules("default", [RED], "bob")
    assert both.store.rules("default") == [RED, SEA]


def test_tags_replace_those_of_the_same_video_and_rule_alone(both: Both) -> None:
    """Each change of tags is one version of the collection, and no change is none."""
    both.store.apply(
        "default",
        [
            tagging(tag(), tag(start=4, end=6)),
            tagging(tag("b"), video="b"),
            tagging(tag(rule=SEA), rule=SEA),
        ],
    )
    before = both.version
    assert both.store.apply("default", [tagging(tag(start=4, end=6))]) == Applied(1, 0, 1)
    assert both.version == before + 1
    assert shown(both) == [
        ("a", 0, 2, "sea", "proposed"),
        ("a", 4, 6, "red car", "proposed"),
        ("b", 0, 2, "red car", "proposed"),
    ]
    assert both.store.apply("default", [tagging(tag(start=4, end=6))]) == Applied()
    assert both.version == before + 1
    assert both.store.taggings("default")["a", "red car"] == (RED.version, "stamp")
    assert both.store.tag_counts("default") == {"red car": {"proposed": 2}, "sea": {"proposed": 1}}


def test_tags_are_found_by_rule_video_state_and_page(both: Both) -> None:
    """In the order of videos and times."""
    tags = [tag(start=start, end=start + 1) for start in (0.0, 2.0, 10.0)]
    both.store.apply("default", [tagging(*tags), tagging(tag("b", rule=SEA), video="b", rule=SEA)])
    read = both.store.tags
    assert [each.start for each in read("default", rules=["red car"])] == [0, 2, 10]
    assert [each.rule for each in read("default", video_ids=["b"])] == ["sea"]
    assert read("default", states=["rejected"]) == []
    assert [each.start for each in read("default", limit=2)] == [0, 2]
    assert [each.rule for each in read("default", after=tags[1].id)] == ["red car", "sea"]
    assert both.store.tag("default", tags[2].id).start == 10
    with pytest.raises(SampleNotFound):
        both.store.tag("default", "nothing")


def test_tags_of_removed_videos_and_of_old_rules_are_left_out(both: Both) -> None:
    """Somebody may have changed either while relevance was computed."""
    old = replace(RED, threshold=0.9)
    gone = tagging(tag("c"), video="c")
    stale = tagging(tag(rule=old), rule=old)
    assert both.store.apply("default", [gone, stale]) == Applied()
    assert both.store.taggings("default") == {}


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_tags_go_with_their_video_and_decisions_stay(both: Both, how: str) -> None:
    """Tags that were decided on come back when rules are applied."""
    both.store.apply("default", [tagging(tag())])
    both.store.decide("default", decision("accept"))
    if how == "removed":
        both.catalog.remove("default", "a")
    else:
        a_video("a", seed=1).put_into(both.catalog)
    assert (shown(both), both.store.taggings("default")) == ([], {})
    assert [each.verdict for each in both.store.decisions("default")] == ["accept"]


def test_what_is_decided_is_the_state_of_the_tag(both: Both) -> None:
    """And `undo` makes it a proposal again."""
    both.store.apply("default", [tagging(tag())])
    states: dict[Verdict, str] = {"accept": "accepted", "reject": "rejected", "undo": "proposed"}
    for verdict, state in states.items():
        before = both.version
        both.store.decide("default", decision(verdict))
        assert shown(both) == [("a", 0, 2, "red car", state)]
        assert both.version == before + 1
    by = [(each.number, each.verdict, bool(each.at)) for each in both.store.decisions("default")]
    assert by == [(1, "accept", True), (2, "reject", True), (3, "undo", True)]


def test_a_corrected_span_moves_the_tag(both: Both) -> None:
    """Under the id of the sample, so that a second annotator finds it."""
    both.store.apply("default", [tagging(tag())])
    right = replace(decision("correct"), new_start=0.5, new_end=1.5)
    both.store.decide("default", right)
    assert shown(both) == [("a", 0.5, 1.5, "red car", "corrected")]
    assert both.store.tags("default")[0].id == tag().id
    both.store.decide("default", decision("undo"))
    assert shown(both) == [("a", 0, 2, "red car", "proposed")]


def test_a_corrected_label_gives_the_other_tag(both: Both) -> None:
    """And rejects the one that was proposed."""
    both.store.apply("default", [tagging(tag())])
    both.store.decide("default", replace(decision("correct"), label="sea"))
    assert shown(both) == [("a", 0, 2, "red car", "rejected"), ("a", 0, 2, "sea", "corrected")]


def test_taking_back_a_corrected_label_takes_the_other_tag_back(both: Both) -> None:
    """Otherwise a slip of the keyboard would stay in the data."""
    both.store.apply("default", [tagging(tag())])
    both.store.decide("default", replace(decision("correct"), label="sea"))
    both.store.decide("default", decision("undo"))
    assert shown(both) == [("a", 0, 2, "red car", "proposed")]


def test_annotators_who_disagree_leave_a_proposal_for_a_reviewer(both: Both) -> None:
    """Whose word counts, even if others decide later."""
    both.store.apply("default", [tagging(tag())])
    both.store.decide("default", decision("accept"))
    both.store.decide("default", decision("reject", annotator="bob"))
    assert shown(both) == [("a", 0, 2, "red car", "proposed")]
    both.store.decide("default", replace(decision("accept", annotator="eve"), by_reviewer=True))
    both.store.decide("default", decision("reject"))
    assert shown(both) == [("a", 0, 2, "red car", "accepted")]


def test_annotators_with_other_labels_leave_a_proposal(both: Both) -> None:
    """Neither label is given until both name the same one."""
    both.store.apply("default", [tagging(tag())])
    both.store.decide("default", replace(decision("correct"), label="sea"))
    both.store.decide("default", replace(decision("correct", annotator="bob"), label="lake"))
    assert shown(both) == [("a", 0, 2, "red car", "proposed")]
    both.store.decide("default", replace(decision("correct", annotator="bob"), label="sea"))
    assert shown(both) == [("a", 0, 2, "red car", "rejected"), ("a", 0, 2, "sea", "corrected")]


def test_a_sample_that_no_rule_proposed_becomes_a_tag_when_it_is_accepted(both: Both) -> None:
    """Samples are also drawn from what rules have not found."""
    both.store.decide("default", decision("accept"))
    assert shown(both) == [("a", 0, 2, "red car", "accepted")]


def test_a_sample_is_found_with_the_span_that_was_asked_about(both: Both) -> None:
    """Whether it is a proposal, one of a list, or was corrected."""
    asked = (both.store.sample, Sample(tag().id, "a", 0.0, 2.0, "red car", 0.75))
    both.store.put_samples("default", "hard", [asked[1]])
    assert asked[0]("default", tag().id) == (asked[1], "")
    both.store.apply("default", [tagging(tag())])
    assert asked[0]("default", tag().id) == (asked[1], RED.version)
    both.store.decide("default", replace(decision("correct"), new_start=0.5, new_end=1.5))
    assert asked[0]("default", tag().id) == (asked[1], RED.version)
    with pytest.raises(SampleNotFound):
        asked[0]("default", "nothing")


def test_decisions_are_found_by_rule_or_label_by_sample_and_by_video(both: Both) -> None:
    """In the order in which they were stored. By a label, also what others say of its samples."""
    both.store.decide("default", replace(decision("correct"), label="sea"))
    both.store.decide("default", decision("reject", tag("b")))
    both.store.decide("default", decision("accept", annotator="bob"))
    read = both.store.decisions
    assert [each.verdict for each in read("default", rules=["sea"])] == ["correct", "accept"]
    assert [each.video_id for each in read("default", rules=["red car"])] == ["a", "b", "a"]
    assert [each.verdict for each in read("default", samples=[tag("b").id])] == ["reject"]
    assert [each.verdict for each in read("default", video_ids=["a"])] == ["correct", "accept"]


def test_a_removed_rule_takes_its_tags_along(both: Both) -> None:
    """And a second removal says that there is none."""
    both.store.apply("default", [tagging(tag()), tagging(tag(rule=SEA), rule=SEA)])
    assert both.store.remove_rule("default", "red car") == 1
    assert shown(both) == [("a", 0, 2, "sea", "proposed")]
    assert both.store.rules("default") == [SEA]
    assert list(both.store.taggings("default")) == [("a", "sea")]
    with pytest.raises(RuleNotFound):
        both.store.remove_rule("default", "red car")


def test_facts_change_with_segments_and_decisions(both: Both) -> None:
    """They say of which videos the tags must be made again."""
    before = both.store.facts("default")
    assert [(each.video_id, each.stream, each.recorded_at) for each in before] == [
        ("a", "yard", RECORDED),
        ("b", "yard", RECORDED),
    ]
    a_video("b", seed=1).put_into(both.catalog)
    middle = both.store.facts("default")
    assert middle[0] == before[0]
    assert middle[1].segments != before[1].segments
    both.store.decide("default", decision("accept"))
    after = both.store.facts("default")
    assert after == [replace(middle[0], decided=1), middle[1]]


def test_facts_change_with_objects_too(both: Both) -> None:
    """Rules with relations depend on them; a video without any was looked at, too."""
    assert [each.objects for each in both.store.facts("default")] == ["", ""]
    both.catalog.put_objects("default", "a", VideoObjects("one detector"))
    assert [each.objects for each in both.store.facts("default")] == ["one detector", ""]


def test_a_rule_with_a_relation_is_stored(both: Both) -> None:
    """It comes back as it was."""
    rule = Rule("beside", (), relation=Relation("cat", "car", "left_of", 0.2, ("a black cat",)))
    both.store.put_rules("default", [rule], "ann")
    assert rule in both.store.rules("default")


def test_a_list_of_samples_is_replaced_as_a_whole(both: Both) -> None:
    """In its own order; an empty one is gone."""
    some = [Sample(tag(name).id, name, 0.0, 2.0, "red car", 0.5) for name in ("b", "a")]
    both.store.put_samples("default", "hard", some)
    assert both.store.samples("default", "hard") == some
    both.store.put_samples("default", "hard", some[:1])
    assert both.store.sample_lists("default") == {"hard": 1}
    both.store.put_samples("default", "hard", [])
    assert both.store.sample_lists("default") == {}


def test_a_collection_that_does_not_exist_has_nothing_and_takes_nothing(both: Both) -> None:
    """Reading is an answer, writing an error."""
    read = both.store
    assert (read.rules("none"), read.tags("none"), read.facts("none")) == ([], [], [])
    assert (read.decisions("none"), read.samples("none", "x"), read.tag_counts("none")) == (
        [],
        [],
        {},
    )
    with pytest.raises(CollectionNotFound):
        both.store.put_rules("none", [RED], "ann")


def test_a_removed_collection_leaves_nothing_to_one_of_its_name(both: Both) -> None:
    """Rules, samples and decisions are deleted with it."""
    both.store.decide("default", decision("accept"))
    both.store.put_samples("default", "hard", [Sample(tag().id, "a", 0.0, 2.0, "red car")])
    both.catalog.remove_collection("default")
    both.catalog.ensure_collection("default", "toy", DIM, "f1")
    assert both.store.rules("default") == []
    assert both.store.decisions("default") == []
    assert both.store.sample_lists("default") == {}


def test_a_catalog_that_is_not_there_yet_has_no_rules(bare_url: str) -> None:
    """The API may be started before anything is indexed."""
    with closing(SqlCuratingReader.open(bare_url)) as reader:
        assert (reader.rules("default"), reader.facts("default")) == ([], [])


def test_a_catalog_reads_the_tags_that_were_not_rejected(both: Both) -> None:
    """By video and start; those of some videos, and none of a video that was removed."""
    first, second = tag(), tag(start=4.0, end=5.0)
    other = tag("b", rule=SEA)
    both.store.apply("default", [tagging(second, first), tagging(other, video="b", rule=SEA)])
    both.store.decide("default", decision("accept", second))
    a = [
        ("a", Mark("red car", Span(0.0, 2.0), 0.75, "proposed")),
        ("a", Mark("red car", Span(4.0, 5.0), 0.75, "accepted")),
    ]
    b = [("b", Mark("sea", Span(0.0, 2.0), 0.75, "proposed"))]

    assert list(both.catalog.marks("default")) == a + b
    with both.catalog.consistent("default") as now:
        assert list(now.marks("default", video_ids=["b", "none"])) == b
    assert list(both.catalog.marks("elsewhere")) == []

    both.store.decide("default", decision("reject", first))
    both.catalog.remove("default", "b")
    assert list(both.catalog.marks("default")) == a[1:]


def test_a_decision_is_a_change_of_its_video(both: Both) -> None:
    """So that those who follow read its tags alone; what rules change may be of any video."""
    before = both.version
    both.store.apply("default", [tagging(tag())])
    both.store.decide("default", decision("accept"))

    changes = both.catalog.changes("default", before)
    assert [(each.kind, each.video_id) for each in changes] == [("tag", None), ("tag", "a")]


def test_what_people_have_said_goes_to_another_collection(both: Both) -> None:
    """With times, old versions and the tags that follow; a second time changes nothing."""
    both.store.put_rules("default", [replace(RED, threshold=0.9)], "bob")
    both.store.remove_rule("default", SEA.name)
    both.store.put_samples("default", "mine", [Sample("s1", "a", 0.0, 2.0, "red car")])
    both.store.decide("default", decision("accept"))
    both.store.decide("default", decision("reject", of=tag("b"), annotator="bob"))
    both.catalog.ensure_collection("new", "toy", DIM, "f1")
    a_video("a").put_into(both.catalog, "new")
    said = both.store.said("default")
    assert (len(said.rules), list(said.samples), len(said.decisions)) == (3, ["mine"], 2)

    both.store.say("new", said)

    found = both.store.said("new")
    assert (found.rules, found.samples) == (said.rules, said.samples)
    without = [replace(each, number=0) for each in said.decisions]
    assert [replace(each, number=0) for each in found.decisions] == without
    assert [(each.video_id, each.state) for each in both.store.tags("new")] == [("a", "accepted")]
    version = both.catalog.collection("new").version
    both.store.say("new", said)
    assert both.store.said("new") == found
    assert both.catalog.collection("new").version == version
    assert both.store.said("default") == said


def test_what_was_said_before_stays(both: Both) -> None:
    """Except rules and lists of the same names, of which those that come are current."""
    said = both.store.said("default")
    hill = Rule("hill", ("a hill",))
    both.store.put_rules("default", [replace(SEA, threshold=0.9), hill], "bob")
    both.store.decide("default", decision("accept"))
    both.store.say("default", said)
    assert both.store.rules("default") == [hill, RED, SEA]
    assert len(both.store.decisions("default")) == 1
    assert not both.store.said("nothing")
    with pytest.raises(CollectionNotFound):
        both.store.say("nothing", said)


VERDICTS: tuple[Verdict, ...] = ("accept", "reject", "correct", "skip", "undo")


@pytest.mark.parametrize("seed", range(6))
def test_the_queue_is_that_of_all_decisions(both: Both, seed: int) -> None:
    """Whatever was said by whom: as if all decisions were read; pages begin in the same way."""
    rng = Random(seed)
    tags = [tag(video, start, start + 2.0) for video in "ab" for start in (0.0, 1.0, 2.0, 3.0)]
    tags = [replace(each, relevance=rng.choice([0.4, 0.55, 0.7, 0.9])) for each in tags]
    for video in "ab":
        own = [each for each in tags if each.video_id == video]
        both.store.apply("default", [Tagging(video, RED.name, RED.version, "s", own)])
    for _ in range(40):
        of, verdict = rng.choice(tags), rng.choice(VERDICTS)
        one = decision(verdict, of, rng.choice(["ann", "bob", "eve"]))
        one = replace(one, by_reviewer=rng.random() < 0.05)
        if verdict == "correct":
            end = of.start + rng.choice([0.3, 1.0, 1.1])
            one = replace(one, new_start=of.start, new_end=end, label=rng.choice(["", SEA.name]))
        both.store.decide("default", one)
    if seed % 2:
        both.catalog.remove("default", "b")
    every = both.store.decisions("default")
    proposed = both.store.tags("default", states=["proposed"])
    thresholds = {rule.name: rule.threshold for rule in both.store.rules("default")}
    there = {video.id for video in both.catalog.videos("default")}
    for show in get_args(Show):
        open_ones = nearest_first(proposed, thresholds)
        candidates = open_ones if show == "open" else decided_on(every)
        for annotator in ("ann", "eve", "nobody"):
            left = waiting(candidates, every, annotator, show)
            expected = [each for each in left if each.video_id in there]
            found = both.store.queue("default", annotator, show, limit=100)
            assert (list(found.samples), found.waiting) == (expected, len(expected)), show
            page = both.store.queue("default", annotator, show, rule=RED.name, limit=2)
            red = [each for each in expected if each.rule == RED.name]
            assert (list(page.samples), page.waiting) == (red[:2], len(red))


def test_a_collection_without_decisions_has_an_empty_queue(both: Both) -> None:
    """Of each kind."""
    for show in get_args(Show):
        assert both.store.queue("default", "ann", show, limit=9) == Queue([], 0)
