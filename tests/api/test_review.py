"""Review over HTTP: rules, samples, decisions by annotators and reviewers, and agreement."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.middleware import Middleware

from api.app import create_app
from api.principal import Permission, Principal
from clipseek.curating import Sample, SegmentTag, Tagging, tag_id
from clipseek.rules import Rule
from clipseek.testing import MemoryCurating
from tests.api.library import Library
from tests.api.test_permissions import As

RED, SEA = Rule("red", ("red",), threshold=0.6), Rule("sea", ("blue",))
DURATION_S = 6.0
"""Of the video `traffic`."""
Somebody = Callable[..., TestClient]


def tag(
    start: float, relevance: float = 0.7, video: str = "traffic", rule: Rule = RED
) -> SegmentTag:
    """Return a proposed tag of two seconds."""
    span = (start, start + 2)
    its_id = tag_id(video, rule.name, *span)
    return SegmentTag(its_id, video, *span, rule.name, rule.version, relevance)


TAGS = [tag(0.0, 0.99), tag(2.0, 0.61), tag(4.0, 0.8)]


@contextmanager
def opened(library: Library) -> Iterator[tuple[Somebody, MemoryCurating]]:
    """Serve three proposed tags; return what makes clients of somebody, and the store."""
    app = create_app(library.service())
    principals = [Principal("nobody", frozenset())]
    app.user_middleware.append(Middleware(As, principals=principals))
    app.state.curating.close()
    store = app.state.curating = MemoryCurating(library.catalog)
    store.put_rules("default", [RED, SEA], "ann")
    store.apply("default", [Tagging("traffic", "red", RED.version, "stamp", TAGS)])
    with TestClient(app, raise_server_exceptions=False) as client:

        def become(
            name: str, *scopes: Permission, collections: frozenset[str] | None = None
        ) -> TestClient:
            principals.append(Principal(name, frozenset(scopes), collections))
            return client

        yield become, store


@pytest.fixture
def world(library: Library) -> Iterator[tuple[Somebody, MemoryCurating]]:
    """Return what makes clients, and the store."""
    with opened(library) as made:
        yield made


def decide(client: TestClient, of: SegmentTag, verdict: str, **more: Any) -> dict[str, Any]:
    """Decide on a tag; return the answer."""
    body = {"sample": of.id, "verdict": verdict, "seconds": 2.0, **more}
    answer = client.post("/v1/decisions", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def waiting(client: TestClient, **params: str) -> list[str]:
    """Return the ids of the samples that wait for somebody."""
    answer = client.get("/v1/samples", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.json()["waiting"] == len(answer.json()["samples"])
    return [each["id"] for each in answer.json()["samples"]]


def test_samples_come_with_what_the_rule_is_least_sure_of_first(
    world: tuple[Somebody, MemoryCurating],
) -> None:
    """With the title of the video and a picture of the middle of the span."""
    ann = world[0]("ann", "annotator")
    assert waiting(ann, rule="red") == [TAGS[1].id, TAGS[2].id, TAGS[0].id]
    first = ann.get("/v1/samples", params={"rule": "red", "limit": 1}).json()
    assert first["waiting"] == 3
    (sample,) = first["samples"]
    assert (sample["title"], sample["start"], sample["end"]) == ("traffic", 2.0, 4.0)
    assert sample["thumbnail_url"].endswith("at=3.000")
    assert world[0]("ann", "search").get(sample["thumbnail_url"]).status_code == 200
    assert waiting(world[0]("ann", "annotator"), rule="sea") == []


def test_a_decision_takes_a_sample_from_the_queue_and_undo_brings_it_back(
    world: tuple[Somebody, MemoryCurating],
) -> None:
    """A skipped one comes last."""
    become, store = world
    ann = become("ann", "annotator")
    decide(ann, TAGS[1], "accept")
    assert waiting(ann) == [TAGS[2].id, TAGS[0].id]
    assert store.tag("default", TAGS[1].id).state == "accepted"
    decide(ann, TAGS[1], "undo")
    decide(ann, TAGS[1], "skip")
    assert waiting(ann) == [TAGS[2].id, TAGS[0].id, TAGS[1].id]
    assert store.tag("default", TAGS[1].id).state == "proposed"
    assert [each.annotator for each in store.decisions("default")] == ["ann"] * 3


def test_a_correction_names_another_span_or_another_label(
    world: tuple[Somebody, MemoryCurating],
) -> None:
    """And what contradicts itself is refused."""
    become, store = world
    ann = become("ann", "annotator")
    decide(ann, TAGS[0], "correct", start=0.5, end=1.5)
    decide(ann, TAGS[1], "correct", label="sea")
    found = {(t.start, t.end, t.rule): t.state for t in store.tags("default")}
    assert found[0.5, 1.5, "red"] == "corrected"
    assert found[2.0, 4.0, "sea"] == "corrected"
    for body in (
        {"verdict": "correct"},
        {"verdict": "accept", "label": "sea"},
        {"verdict": "correct", "start": 3},
        {"verdict": "correct", "start": 3, "end": 2},
        {"verdict": "correct", "start": 3, "end": DURATION_S + 0.1},
        {"verdict": "maybe"},
    ):
        answer = ann.post("/v1/decisions", json={"sample": TAGS[2].id, **body})
        assert answer.status_code == 422, body
    answer = ann.post("/v1/decisions", json={"sample": "none", "verdict": "accept"})
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/sample-not-found")


def test_a_corrected_span_may_reach_the_end_of_the_video(
    world: tuple[Somebody, MemoryCurating],
) -> None:
    """And what ends later is refused with the length."""
    ann = world[0]("ann", "annotator")
    decide(ann, TAGS[0], "correct", start=0.5, end=DURATION_S)
    late = {"sample": TAGS[1].id, "verdict": "correct", "start": 0.5, "end": 1e9}
    answer = ann.post("/v1/decisions", json=late)
    assert answer.status_code == 422
    assert f"within its video of {DURATION_S:g} s" in answer.json()["detail"]


def test_samples_of_removed_videos_take_no_place(
    world: tuple[Somebody, MemoryCurating],
) -> None:
    """They are not counted either, and nobody decides on them any more."""
    become, store = world
    gone = [Sample(f"gone{i}", "removed", 0.0, 2.0, "red", 0.6) for i in range(3)]
    left = Sample(TAGS[0].id, "traffic", 0.0, 2.0, "red", 0.99)
    store.put_samples("default", "mixed", [*gone, left])
    ann = become("ann", "annotator")
    found = ann.get("/v1/samples", params={"list": "mixed", "limit": 1}).json()
    assert [each["id"] for each in found["samples"]] == [left.id]
    assert found["waiting"] == 1
    answer = ann.post("/v1/decisions", json={"sample": "gone0", "verdict": "accept"})
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/sample-not-found")


def test_a_second_annotator_is_not_told_what_the_first_has_said(
    world: tuple[Somebody, MemoryCurating],
) -> None:
    """What they disagree on waits for a reviewer, whose word counts."""
    become, store = world
    for sample in TAGS:
        decide(become("ann", "annotator"), sample, "accept")
    bob = become("bob", "annotator")
    assert waiting(bob) == []
    assert set(waiting(bob, show="second")) == {each.id for each in TAGS}
    decide(bob, TAGS[0], "accept")
    decide(bob, TAGS[1], "reject")
    assert waiting(bob, show="second") == [TAGS[2].id]
    eve = become("eve", "reviewer")
    assert waiting(eve, show="disputed") == [TAGS[1].id]
    assert decide(eve, TAGS[1], "reject")["by_reviewer"] is True
    assert waiting(eve, show="disputed") == []
    assert store.tag("default", TAGS[1].id).state == "rejected"


def test_reviewers_see_agreement_and_time(world: tuple[Somebody, MemoryCurating]) -> None:
    """Two of three answers agree, as many as by chance, so Cohen's kappa is zero."""
    become, _ = world
    for name, verdicts in (("ann", ("accept", "accept", "reject")), ("bob", ("accept",) * 2)):
        for sample, verdict in zip(TAGS, verdicts, strict=False):
            decide(become(name, "annotator"), sample, verdict)
    decide(become("bob", "annotator"), TAGS[2], "accept", seconds=9)
    assert become("bob", "annotator").get("/v1/agreement").status_code == 403
    found = become("eve", "reviewer").get("/v1/agreement").json()
    (pair,) = found["pairs"]
    assert (pair["annotators"], pair["samples"], pair["agreed"]) == (["ann", "bob"], 3, 2)
    assert pair["kappa"] == 0.0
    assert [each["seconds"] for each in found["annotators"]] == [2.0, 2.0]
    assert found["disputed"] == 1


def test_rules_say_how_good_they_are(world: tuple[Somebody, MemoryCurating]) -> None:
    """On what was reviewed, with intervals."""
    become, store = world
    for sample, verdict in zip(TAGS, ("accept", "reject", "accept"), strict=True):
        decide(become("ann", "annotator"), sample, verdict)
    listed = Sample(tag(0.0, 0.2, "dusk").id, "dusk", 0.0, 2.0, "red", 0.2)
    store.put_samples("default", "hard", [listed])
    decide(become("ann", "annotator"), tag(0.0, 0.2, "dusk"), "accept")
    found = become("ann", "search").get("/v1/rules").json()
    red, sea = found["rules"]
    assert red["tags"] == {"accepted": 3, "rejected": 1}
    assert (red["precision"]["share"], red["precision"]["samples"]) == (pytest.approx(2 / 3), 3)
    assert (red["recall"]["share"], red["recall"]["samples"]) == (pytest.approx(2 / 3), 3)
    assert 0 < red["precision"]["low"] < 2 / 3 < red["precision"]["high"] < 1
    assert sea["precision"]["share"] is None
    assert found["lists"] == [{"name": "hard", "samples": 1}]


def test_a_list_is_asked_in_its_own_order(world: tuple[Somebody, MemoryCurating]) -> None:
    """Also of what no rule has proposed."""
    become, store = world
    some = [
        Sample(tag(s, 0.1, v).id, v, s, s + 2, "red", 0.1) for s, v in ((2.0, "sea"), (0.0, "dusk"))
    ]
    store.put_samples("default", "hard", some)
    ann = become("ann", "annotator")
    assert waiting(ann, list="hard") == [each.id for each in some]
    decide(ann, tag(2.0, 0.1, "sea"), "reject")
    assert waiting(ann, list="hard") == [some[1].id]


@pytest.mark.parametrize("scope", ["search", "write", "admin"])
def test_deciding_needs_its_own_scope(
    world: tuple[Somebody, MemoryCurating], scope: Permission
) -> None:
    """None of the others includes it."""
    client = world[0]("ann", scope)
    body = {"sample": TAGS[0].id, "verdict": "accept"}
    assert client.post("/v1/decisions", json=body).status_code == 403
    assert client.get("/v1/samples").status_code == 403
    assert world[1].decisions("default") == []


def test_a_reviewer_of_one_collection_annotates_another(library: Library) -> None:
    """A decision settles only where the scope holds."""
    library.add("night.mp4", ["red"], collection="other")
    with opened(library) as (become, store):
        store.put_rules("other", [RED], "ann")
        proposed = tag(0.0, video="night")
        store.apply("other", [Tagging("night", "red", RED.version, "stamp", [proposed])])
        eve = become("eve", "reviewer", collections=frozenset({"other"}))
        assert decide(eve, proposed, "accept", collection="other")["by_reviewer"] is True
        body = {"sample": TAGS[0].id, "verdict": "accept", "collection": "default"}
        assert eve.post("/v1/decisions", json=body).status_code in (403, 404)
