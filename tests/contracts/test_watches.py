"""Every store of watches keeps the contract: what is found is stored with how far it was judged."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from clipseek.catalog import SqlWatches, SqlWatchReader
from clipseek.testing import MemoryWatches
from clipseek.watches import (
    Alert,
    AlertNotFound,
    Findings,
    Hours,
    Longer,
    StreamState,
    Turn,
    Watch,
    WatchNotFound,
    WatchStore,
)

LEASE_S = 1e6
RED = Watch(
    id="red",
    name="a red car",
    collection="default",
    asked={"parts": [{"text": "a red car", "weight": 1.0}], "fields": ["picture"]},
    threshold=0.6,
    margin=0.2,
    cameras=("door", "yard"),
    hours=Hours(("sat", "sun"), 22 * 60, 6 * 60, "Europe/Vienna"),
    cooldown_s=30.0,
    keeps=True,
    webhook="https://example.com/hook",
    secret="whsec_c2VjcmV0",
    by="ann",
)
SEA = Watch("sea", "the sea", "holidays", {"parts": [{"text": "the sea", "weight": 1.0}]}, 0.5)


@pytest.fixture
def store(ledger_url: str | None) -> Iterator[WatchStore]:
    """Return an empty store of each kind."""
    if ledger_url is None:
        yield MemoryWatches()
        return
    with closing(SqlWatches.open(ledger_url)) as opened:
        yield opened


def alert(name: str, watch: Watch = RED) -> Alert:
    """Return an alert that is not stored yet."""
    return Alert(
        id=name,
        watch=watch.id,
        watch_name=watch.name,
        collection=watch.collection,
        video_id="film",
        stream="door",
        start_at="2026-11-29T10:00:01Z",
        end_at="2026-11-29T10:00:02Z",
        keeps=watch.keeps,
        start=1.0,
        end=2.5,
        best_time=2.0,
        relevance=0.75,
    )


def turn(store: WatchStore, owner: str = "one") -> Turn:
    """Take the turn of the default collection."""
    taken = store.take(owner, "default", "e1", LEASE_S)
    assert taken is not None
    return taken


def fire(store: WatchStore, *names: str, watch: Watch = RED) -> None:
    """Store some alerts of a watch that is there."""
    now = turn(store)
    found = Findings([alert(name, watch) for name in names])
    assert store.commit(now, now.version + 1, found, LEASE_S)


def test_a_watch_is_read_as_it_was_stored(store: WatchStore) -> None:
    """And gets the time from which on it judges."""
    made = store.add(RED)
    assert made == replace(RED, created_at=made.created_at, since=made.since)
    assert made.since > 1.7e9
    assert store.watch("red") == made
    assert "hook" not in repr(made)
    assert "whsec" not in repr(made)


def test_watches_are_listed_by_name_and_of_collections(store: WatchStore) -> None:
    """No names of collections let none through."""
    store.add(SEA)
    store.add(RED)
    assert [watch.id for watch in store.watches()] == ["red", "sea"]
    assert [watch.id for watch in store.watches(collections=["holidays"])] == ["sea"]
    assert store.watches(collections=[]) == []


def test_a_watch_is_changed_and_removed(store: WatchStore) -> None:
    """What was not there, or is gone, is an error."""
    made = store.add(RED)
    changed = store.change(replace(made, threshold=0.9, hours=None, cameras=None, webhook=None))
    assert store.watch("red") == changed
    assert (changed.threshold, changed.cameras, changed.since) == (0.9, None, made.since)
    store.remove("red")
    for gone in (store.watch, store.remove):
        with pytest.raises(WatchNotFound, match="'red'"):
            gone("red")
    with pytest.raises(WatchNotFound):
        store.change(made)


def test_one_that_is_switched_on_begins_now(store: WatchStore) -> None:
    """And knows nothing more of its streams; one that was on goes on."""
    made = store.add(RED)
    state = {("red", "door"): StreamState(12.5, True, "a1", 10.0)}
    assert store.commit(turn(store), 0, Findings(states=state), LEASE_S)
    assert store.change(replace(made, name="another")).since == made.since
    assert store.states(["red", "sea"]) == state
    off = store.change(replace(made, is_on=False))
    again = store.change(replace(off, is_on=True))
    assert again.since > made.since
    assert store.states(["red"]) == {}


def test_a_text_that_cannot_be_stored_is_refused(store: WatchStore) -> None:
    """And nothing is stored."""
    for wrong in (replace(RED, name="\0"), replace(RED, cameras=("a\ud800",))):
        with pytest.raises(ValueError, match="Unicode"):
            store.add(wrong)
    assert store.watches() == []


def test_one_has_the_turn_of_a_collection(store: WatchStore) -> None:
    """Until it is released; the next one goes on where it ended."""
    assert turn(store).version == -1
    assert store.take("two", "default", "e1", LEASE_S) is None
    assert store.take("two", "other", "e2", LEASE_S) is not None
    assert store.commit(turn(store), 7, Findings(), LEASE_S)
    assert store.judged() == {"default": 7, "other": -1}
    store.release("one")
    assert turn(store, "two").version == 7
    assert not store.commit(Turn("default", "e1", 7, 0.0, "one"), 8, Findings(), LEASE_S)


def test_an_expired_turn_is_taken_by_another(store: WatchStore) -> None:
    """What the one before finds then is not stored."""
    store.add(RED)
    late = store.take("one", "default", "e1", 0.0)
    assert late is not None
    turn(store, "two")
    assert not store.commit(late, 1, Findings([alert("a1")]), LEASE_S)
    assert store.alerts() == []


def test_another_collection_of_the_same_key_is_judged_from_its_beginning(
    store: WatchStore,
) -> None:
    """Its epoch tells them apart."""
    assert store.commit(turn(store), 7, Findings(), LEASE_S)
    again = store.take("one", "default", "e2", LEASE_S)
    assert again is not None
    assert (again.epoch, again.version) == ("e2", -1)


def test_what_is_found_twice_is_stored_once(store: WatchStore) -> None:
    """A commit from a version that is over changes nothing."""
    store.add(RED)
    now = turn(store)
    assert store.commit(now, 3, Findings([alert("a1")]), LEASE_S)
    assert not store.commit(now, 3, Findings([alert("a2")]), LEASE_S)
    assert [each.id for each in store.alerts()] == ["a1"]


def test_alerts_and_states_are_read_as_they_were_stored(store: WatchStore) -> None:
    """A state that is stored again replaces the one before."""
    store.add(RED)
    state = {("red", "door"): StreamState(3.0, True, "a1", 1.0), ("red", "x"): StreamState(5.0)}
    assert store.commit(turn(store), 1, Findings([alert("a1")], states=state), LEASE_S)
    (found,) = store.alerts()
    assert found == replace(
        alert("a1"), number=found.number, created_at=found.created_at, delivery="waiting"
    )
    assert store.alert("a1") == found
    assert store.states(["red"]) == state
    later = {("red", "door"): StreamState(9.0, False, "", 1.0)}
    longer = Longer("a1", 4.5, 4.0, 0.875, "2026-11-29T10:00:05Z")
    assert store.commit(turn(store), 2, Findings((), [longer], later), LEASE_S)
    assert store.states(["red"]) == {**state, **later}
    changed = store.alert("a1")
    assert (changed.end, changed.best_time, changed.relevance) == (4.5, 4.0, 0.875)
    assert (changed.start, changed.end_at) == (1.0, "2026-11-29T10:00:05Z")


def test_a_watch_that_is_off_or_gone_causes_no_alert(store: WatchStore) -> None:
    """Also if that happened while it was judged."""
    off = store.add(replace(SEA, is_on=False))
    found = Findings(
        [alert("a1", off), alert("a2", RED)],
        states={("sea", "x"): StreamState(), ("red", "x"): StreamState()},
    )
    assert store.commit(turn(store), 1, found, LEASE_S)
    assert store.alerts() == []
    assert store.states(["sea", "red"]) == {}


def test_alerts_are_paged_newest_first(store: WatchStore) -> None:
    """Those of some collections, or of one watch."""
    store.add(RED)
    store.add(SEA)
    fire(store, "a1", "a2")
    fire(store, "b1", watch=SEA)
    assert [each.id for each in store.alerts()] == ["b1", "a2", "a1"]
    assert [each.id for each in store.alerts(limit=1)] == ["b1"]
    assert [each.id for each in store.alerts(after="b1")] == ["a2", "a1"]
    assert [each.id for each in store.alerts(collections=["holidays"])] == ["b1"]
    assert store.alerts(collections=[]) == []
    assert [each.id for each in store.alerts(watch="red", limit=1)] == ["a2"]
    assert [each.id for each in store.alerts_of("red", ["film"])] == ["a1", "a2"]
    assert store.alerts_of("red", ["another"]) == []
    for wrong in ("after", "id"):
        with pytest.raises(AlertNotFound, match="'nothing'"):
            store.alerts(after="nothing") if wrong == "after" else store.alert("nothing")


def test_news_come_in_the_order_of_their_numbers(store: WatchStore) -> None:
    """After the number of the last that was seen."""
    assert (store.latest(), store.news(0)) == (0, [])
    store.add(RED)
    fire(store, "a1", "a2", "a3")
    first, second, third = store.news(0)
    assert [each.id for each in (first, second, third)] == ["a1", "a2", "a3"]
    assert store.latest() == third.number
    assert store.news(first.number, limit=1) == [second]
    assert store.news(third.number) == []


def test_an_alert_is_sent_once(store: WatchStore) -> None:
    """One of a watch without a webhook is not sent."""
    store.add(RED)
    store.add(SEA)
    fire(store, "a1")
    fire(store, "b1", watch=SEA)
    (found,) = store.due("one", LEASE_S, 10)
    assert (found.alert.id, found.url, found.secret) == ("a1", RED.webhook, RED.secret)
    assert found.attempts == 0
    assert "hook" not in repr(found)
    assert store.due("two", LEASE_S, 10) == []
    assert store.delivery_counts().of == {"waiting": 1}
    assert store.delivered(found)
    assert not store.delivered(found)
    assert (store.alert("a1").delivery, store.alert("a1").attempts) == ("delivered", 1)
    assert store.alert("b1").delivery == "none"
    assert store.due("two", LEASE_S, 10) == []
    assert store.delivery_counts().of == {"delivered": 1}
    assert store.delivery_counts().oldest_s == 0


def test_alerts_for_a_busy_host_are_left(store: WatchStore) -> None:
    """The others are taken past it, however many wait for it."""
    store.add(RED)
    store.add(replace(SEA, webhook="https://other.example:8443/hook?a=b"))
    for number in range(3):
        fire(store, f"a{number}")
    fire(store, "b1", watch=SEA)
    (found,) = store.due("one", LEASE_S, 10, besides=["example.com"])
    assert found.alert.id == "b1"
    assert store.due("one", LEASE_S, 10, besides=["example.com", "other.example:8443"]) == []
    assert len(store.due("one", LEASE_S, 2, besides=["other.example:8443"])) == 2


def test_what_was_not_delivered_is_tried_again_until_it_failed(store: WatchStore) -> None:
    """With the reason of the last attempt."""
    store.add(RED)
    fire(store, "a1")
    (first,) = store.due("one", LEASE_S, 10)
    assert store.undelivered(first, "it answered 500", 0.0)
    (second,) = store.due("one", LEASE_S, 10)
    assert (second.attempts, second.alert.reason) == (1, "it answered 500")
    assert not store.undelivered(first, "late", None)
    assert store.undelivered(second, "it answered 502", 1e6)
    assert store.due("one", LEASE_S, 10) == []
    store.release("one")
    assert store.due("one", LEASE_S, 10) == []
    assert store.alert("a1").delivery == "waiting"


def test_a_delivery_of_a_dead_process_is_taken_by_another(store: WatchStore) -> None:
    """When its lease has expired, or when it was given back; the one before stores nothing."""
    store.add(RED)
    fire(store, "a1")
    (late,) = store.due("one", 0.0, 10)
    (taken,) = store.due("two", LEASE_S, 10)
    assert taken.alert == late.alert
    assert not store.delivered(late)
    store.release("two")
    (again,) = store.due("three", LEASE_S, 10)
    assert store.undelivered(again, "it answered 410", None)
    assert (store.alert("a1").delivery, store.alert("a1").reason) == ("failed", "it answered 410")


@pytest.mark.parametrize("how", ["removed", "without webhook"])
def test_what_waits_fails_with_its_watch(store: WatchStore, how: str) -> None:
    """The alert stays, and says why it was not sent."""
    made = store.add(RED)
    fire(store, "a1")
    if how == "removed":
        store.remove("red")
    else:
        store.change(replace(made, webhook=None))
    assert store.due("one", LEASE_S, 10) == []
    assert store.alert("a1").delivery == "failed"
    assert how.split()[-1] in store.alert("a1").reason


def test_old_alerts_are_deleted_unless_they_are_to_be_sent(store: WatchStore) -> None:
    """By the time at which they were made."""
    store.add(RED)
    store.add(SEA)
    fire(store, "a1")
    fire(store, "b1", watch=SEA)
    assert store.prune(1e6) == 0
    assert store.prune(-10.0) == 1
    assert [each.id for each in store.alerts()] == ["a1"]


def test_a_reader_finds_nothing_in_a_database_without_a_catalog(bare_url: str) -> None:
    """It makes nothing."""
    with closing(SqlWatchReader.open(bare_url)) as reader:
        assert (reader.watches(), reader.alerts(), reader.news(0), reader.latest()) == (
            [],
            [],
            [],
            0,
        )
        assert (reader.states(["red"]), reader.judged()) == ({}, {})
        assert dict(reader.delivery_counts().of) == {}
        with pytest.raises(WatchNotFound):
            reader.watch("red")
