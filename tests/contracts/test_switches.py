"""Switches of models in the catalog: two names are exchanged in one transaction."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from clipseek.catalog import SqlCatalog, SqlCurating, SqlReader
from clipseek.catalog.retaining import SqlRetaining
from clipseek.catalog.switches import SqlSwitches
from clipseek.curating import Sample, tag_id
from clipseek.decisions import Decision
from clipseek.errors import CollectionNotFound, ConfigError, SegmentNotFound
from clipseek.holds import Rule as Limits
from clipseek.library.view import View
from clipseek.publishing import FolderStore, build
from clipseek.rules import Rule
from clipseek.types import Relevance, Scoring
from tests.contracts.catalogs import DIM, a_video

LONG_S = 600.0
SCORING = Scoring("bank", 100.0, Relevance(1.0, 0.0, fitted=False))


@pytest.fixture
def switches(catalog_url: str) -> Iterator[SqlSwitches]:
    """Return the switches of a catalog."""
    with closing(SqlSwitches.open(catalog_url)) as opened:
        yield opened


@pytest.fixture
def catalog(sql_catalog: SqlCatalog) -> SqlCatalog:
    """Return a catalog with a video in the collection `default`, which has an alias."""
    sql_catalog.set_alias("shown", "default")
    a_video("a").put_into(sql_catalog)
    return sql_catalog


@pytest.fixture
def rival(catalog_url: str) -> Iterator[SqlSwitches]:
    """Return the switches of the same catalog, as another machine has them."""
    with closing(SqlSwitches.open(catalog_url)) as opened:
        yield opened


def begun(switches: SqlSwitches) -> str:
    """Begin a switch of `default` and hold it; return the name of the new collection."""
    switch = switches.begin("default", "new", dim=DIM, fingerprint="f-new", scoring=SCORING)
    assert switches.take("default", LONG_S) == 0
    return switch.other


def test_a_cut_exchanges_names_and_moves_aliases(
    catalog: SqlCatalog, switches: SqlSwitches
) -> None:
    """Rows stay under their keys; the same statement reads the other collection by the name."""
    other = begun(switches)
    a_video("a", seed=7).put_into(catalog, other)
    epochs = {each.name: each.epoch for each in catalog.collections()}

    assert switches.cut("default", 1, to=other)

    assert catalog.collection("default").model == "new"
    assert catalog.collection("shown").model == "new"
    assert catalog.collection(other).model == "toy"
    assert catalog.collection("default").epoch == epochs[other]
    assert catalog.collection(other).key == "default"
    assert catalog.aliases() == {"shown": "default"}
    segment = catalog.segments("default", "a")[0]
    assert catalog.segment(segment.id)[0] == "default"


def test_a_segment_of_what_a_switch_prepares_is_of_its_collection(
    catalog: SqlCatalog, switches: SqlSwitches
) -> None:
    """Pictures that an answer named before the cut can be shown until the switch is finished."""
    other = begun(switches)
    a_video("a", seed=7).put_into(catalog, other)
    segment = catalog.segments(other, "a")[0]
    assert catalog.segment(segment.id, within=["default"])[0] == other
    for within in (["shown"], ["defaul"], ["d%"]):
        with pytest.raises(SegmentNotFound):
            catalog.segment(segment.id, within=within)


def test_a_cut_waits_for_what_was_put_meanwhile(catalog: SqlCatalog, switches: SqlSwitches) -> None:
    """A version that the new collection does not have yet is not lost."""
    other = begun(switches)
    a_video("b").put_into(catalog)

    assert not switches.cut("default", 1, to=other)
    assert catalog.collection("default").model == "toy"
    assert switches.cut("default", 2, to=other)


def test_a_cut_back_restores_everything(catalog: SqlCatalog, switches: SqlSwitches) -> None:
    """Names, aliases and keys are as they were; the switch is ready to be cut again."""
    other = begun(switches)
    before = catalog.collections()
    assert switches.cut("default", 1, to=other)
    after = switches.get("default")
    assert after is not None
    assert (after.state, after.cut_version, after.other) == ("switched", 0, other)

    assert switches.cut("default", 0, to="default")

    assert catalog.collections() == before
    assert catalog.aliases() == {"shown": "default"}
    again = switches.get("default")
    assert again is not None
    assert (again.state, again.other) == ("ready", other)


def sayings(store: SqlCurating, collection: str) -> tuple[object, ...]:
    """Return what people have said of a collection."""
    return (
        [(each.rule.version, each.is_current) for each in store.rule_versions(collection, "sea")],
        [each.name for each in store.rules(collection)],
        store.samples(collection, "mine"),
        [(each.number, each.sample, each.at) for each in store.decisions(collection)],
        [(each.id, each.state, each.by) for each in store.tags(collection, states=["accepted"])],
    )


def test_what_people_have_said_goes_along_and_back(
    catalog: SqlCatalog, switches: SqlSwitches, catalog_url: str
) -> None:
    """Rules with old versions, samples and decisions, until the other collection is removed."""
    sample = Sample(tag_id("a", "sea", 0.0, 2.0), "a", 0.0, 2.0, "sea", 0.7)
    with closing(SqlCurating.open(catalog_url)) as store:
        for threshold in (0.5, 0.7):
            store.put_rules("default", [Rule("sea", ("the sea",), threshold=threshold)], "ann")
        store.put_samples("default", "mine", [sample])
        span = (sample.video_id, sample.start, sample.end)
        yes = Decision(sample.id, *span, "sea", "accept", "ann")
        store.decide("default", yes)
        said = sayings(store, "default")
        assert all(said)
        other = begun(switches)
        a_video("a", seed=7).put_into(catalog, other)

        assert switches.cut("default", catalog.collection("default").version, to=other)
        assert sayings(store, "default") == said
        assert not store.decisions(other)
        store.decide("default", replace(yes, verdict="reject", annotator="bob", by_reviewer=True))
        store.put_rules("default", [Rule("sea", ("waves",))], "bob")
        changed = sayings(store, "default")

        assert switches.cut("default", catalog.collection("default").version, to="default")
        assert sayings(store, "default") == changed
        assert store.tag("default", sample.id).state == "rejected"
        version = catalog.collection("default").version
        assert switches.cut("default", version, to=other)
        switches.end("default")
        assert sayings(store, "default") == changed


def test_a_cut_hands_on_how_long_recordings_are_kept(
    catalog: SqlCatalog, switches: SqlSwitches, catalog_url: str
) -> None:
    """As it was said until then, and back; nobody has to say it again for the new model."""
    with closing(SqlRetaining.open(catalog_url)) as rows:
        other = begun(switches)
        rows.limit("default", 86400.0, 10**12)
        assert switches.cut("default", catalog.collection("default").version, to=other)
        assert Limits("default", None, 86400.0, 10**12) in rows.rules()
        rows.limit("default", None, 5000)
        assert switches.cut("default", catalog.collection("default").version, to="default")
        assert Limits("default", None, None, 5000) in rows.rules()


def test_a_cut_replaces_what_the_new_collection_had_of_the_same_names(
    catalog: SqlCatalog, switches: SqlSwitches, catalog_url: str
) -> None:
    """The rest of what was said of that one stays."""
    sea, hill = Rule("sea", ("the sea",)), Rule("hill", ("a hill",))
    with closing(SqlCurating.open(catalog_url)) as store:
        store.put_rules("default", [sea], "ann")
        store.put_samples("default", "mine", [Sample("s1", "a", 0.0, 2.0, "sea")])
        other = begun(switches)
        store.put_rules(other, [sea, replace(sea, threshold=0.9), hill], "bob")
        store.put_samples(other, "mine", [Sample("s2", "a", 0.0, 2.0, "sea")])

        assert switches.cut("default", catalog.collection("default").version, to=other)

        assert store.rules("default") == [hill, sea]
        assert [each.id for each in store.samples("default", "mine")] == ["s1"]


def refused(switches: SqlSwitches, other: str) -> None:
    """Try everything that changes a switch; all of it is refused."""
    said = "another process has continued, completed or ended the switch"
    with pytest.raises(ConfigError, match=said):
        switches.ready("default", ["a"])
    for version in (0, 1):
        with pytest.raises(ConfigError, match=said):
            switches.cut("default", version, to=other)


@pytest.mark.parametrize("is_finished", [False, True], ids=["cut", "finished"])
def test_a_slower_process_undoes_nothing(
    catalog: SqlCatalog, switches: SqlSwitches, rival: SqlSwitches, is_finished: bool
) -> None:
    """It was suspended, and another machine has continued: it is told, and what answers stays."""
    other = begun(switches)
    assert switches.take("default", 0.0) == 0
    assert rival.take("default", LONG_S) == 0
    assert rival.cut("default", 1, to=other)
    if is_finished:
        rival.end("default")
    before = catalog.switches()

    assert not switches.beat("default", LONG_S)
    refused(switches, other)
    with pytest.raises(ConfigError, match="another process has continued"):
        switches.end("default")

    assert catalog.switches() == before
    assert catalog.collection("default").model == "new"


def test_two_machines_do_not_hold_one_switch(
    catalog: SqlCatalog, switches: SqlSwitches, rival: SqlSwitches
) -> None:
    """The second one is told how long to wait, and changes nothing; then the first one ends."""
    other = begun(switches)
    before = catalog.switches()

    assert LONG_S - 60 < rival.take("default", LONG_S) <= LONG_S
    refused(rival, other)
    rival.give_back("default")

    assert catalog.switches() == before
    assert switches.take("default", LONG_S) == 0
    switches.give_back("default")
    assert rival.take("default", LONG_S) == 0
    assert not switches.beat("default", LONG_S)


def test_a_lease_is_renewed(
    catalog: SqlCatalog,
    switches: SqlSwitches,
    rival: SqlSwitches,
) -> None:
    """From the sign of life on, not from the beginning; a lease that has expired is renewed too."""
    begun(switches)
    assert switches.beat("default", 2 * LONG_S)
    assert rival.take("default", 1.0) > LONG_S
    assert switches.beat("default", 0.0)
    assert switches.beat("default", LONG_S)
    assert rival.take("default", 1.0) > 1.0
    assert [each.name for each in catalog.switches()] == ["default"]


def test_a_switch_that_does_not_exist_is_held_by_nobody(
    catalog: SqlCatalog, switches: SqlSwitches
) -> None:
    """There is nothing to wait for, and nothing to renew."""
    assert switches.take("default", LONG_S) == 0
    assert not switches.beat("default", LONG_S)
    assert catalog.switches() == []


def test_beginning_again_continues(catalog: SqlCatalog, switches: SqlSwitches) -> None:
    """A process that was killed finds what it had begun; there is one switch for a collection."""
    other = begun(switches)
    a_video("a").put_into(catalog, other)

    assert begun(switches) == other
    assert catalog.counts(other)[0] == 1
    assert [each.name for each in catalog.switches()] == ["default"]


@pytest.mark.parametrize("is_cut", [False, True], ids=["given up", "finished"])
def test_the_end_removes_the_one_that_does_not_answer(
    catalog: SqlCatalog, switches: SqlSwitches, is_cut: bool
) -> None:
    """What answers stays, with its aliases; the key of the other one is returned."""
    other = begun(switches)
    assert not is_cut or switches.cut("default", 1, to=other)

    assert switches.end("default") == ("default" if is_cut else other)

    assert [each.name for each in catalog.collections()] == ["default"]
    assert catalog.collection("shown").model == ("new" if is_cut else "toy")
    assert catalog.switches() == []


def test_the_next_switch_takes_a_name_that_is_free(
    catalog: SqlCatalog, switches: SqlSwitches
) -> None:
    """After the first one, `default` has the key of the collection that was new."""
    first = begun(switches)
    assert switches.cut("default", 1, to=first)
    switches.end("default")

    second = switches.begin("default", "newer", dim=DIM, fingerprint="f3", scoring=SCORING)

    assert (catalog.collection("default").key, second.old) == (first, first)
    assert second.new != first
    catalog.ensure_collection("default.9", "toy", DIM, "f")


def test_a_collection_that_takes_a_name_again_has_a_key_of_its_own(
    catalog: SqlCatalog, switches: SqlSwitches
) -> None:
    """The key of a collection that was renamed is not given twice."""
    assert switches.cut("default", 1, to=begun(switches))
    catalog.ensure_collection("second", "toy", DIM, "f")

    assert len({each.key for each in catalog.collections()}) == 3


def test_an_alias_cannot_be_switched(catalog: SqlCatalog, switches: SqlSwitches) -> None:
    """It follows the collection that it stands for."""
    with pytest.raises(CollectionNotFound):
        switches.begin("shown", "new", dim=DIM, fingerprint="f-new", scoring=SCORING)
    assert catalog.switches() == []


def test_the_right_to_select_reads_switches(
    catalog: SqlCatalog, switches: SqlSwitches, catalog_url: str
) -> None:
    """The API asks for them and writes nothing."""
    begun(switches)
    with closing(SqlReader.open(catalog_url)) as reader:
        assert [each.state for each in reader.switches()] == ["embedding"]
    assert catalog.switches() != []


def test_a_view_follows_the_name_to_the_other_snapshot(
    catalog: SqlCatalog, switches: SqlSwitches, tmp_path: Path
) -> None:
    """Each collection has its own index, found by its key, before and after the cut."""
    store = FolderStore(tmp_path / "snapshots")
    other = begun(switches)
    a_video("a", count=5).put_into(catalog, other)
    assert (build(catalog, store, "default").count, build(catalog, store, other).count) == (3, 5)
    view = View.open(catalog, store, "default")
    assert (len(view), view.snapshot_version, view.note) == (3, 1, "")

    assert switches.cut("default", 1, to=other)
    after = view.refresh(catalog, store)

    assert (len(after), after.snapshot_version, after.note) == (5, 1, "")
    assert (after.model, after.collection.name) == ("new", "default")
    assert after.identity != view.identity
