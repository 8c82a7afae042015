"""Every store of drift keeps the contract: a week that is measured again replaces what it was."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from clipseek.catalog import SqlCatalog
from clipseek.catalog.drifts import SqlDriftReader, SqlDrifts
from clipseek.drifts import Compared, Drift, DriftReader, DriftStore
from clipseek.errors import CollectionNotFound
from clipseek.testing import MemoryDrifts
from tests.contracts.catalogs import DIM

CONTENT = Compared(12.5, 0.25, 0.01, True, False, (1, 5, 3), 14.0)
YARD = Drift(
    group="yard",
    week="2026-W48",
    videos=3,
    frames=200,
    pictures=150,
    before=400,
    content=CONTENT,
    sharp=replace(CONTENT, p=0.5),
    brightness=0.4,
    tags={"night": 0.75, "car": 0.5, "door": 0.5},
    faults=("changed", "blind"),
)


@pytest.fixture
def store(ledger_url: str | None) -> Iterator[DriftStore]:
    """Return an empty store of each kind, with the collections default and holidays."""
    if ledger_url is None:
        yield MemoryDrifts(["default", "holidays"])
        return
    with closing(SqlCatalog.open(ledger_url)) as catalog:
        for name in ("default", "holidays"):
            catalog.ensure_collection(name, "toy", DIM, "f1")
    with closing(SqlDrifts.open(ledger_url)) as opened:
        yield opened


def unmeasured(drifts: list[Drift]) -> list[Drift]:
    """Return what was measured without the time of that."""
    assert all(each.measured_at.endswith("Z") for each in drifts)
    return [replace(each, measured_at="") for each in drifts]


def test_what_is_stored_is_read(store: DriftStore) -> None:
    """Each figure, by group and week; the order of the tags too."""
    before = replace(YARD, week="2026-W47", content=None, sharp=None, faults=())
    door = replace(YARD, group="door")
    store.store("default", [YARD, before, door])
    assert unmeasured(store.drifts("default")) == [door, before, YARD]
    assert unmeasured(store.drifts("default", group="yard")) == [before, YARD]
    assert list(store.drifts("default")[0].tags) == ["night", "car", "door"]
    assert store.drifts("holidays") == []


def test_a_week_is_replaced(store: DriftStore) -> None:
    """It is there once."""
    store.store("default", [YARD])
    store.store("default", [replace(YARD, frames=100, faults=())])
    assert unmeasured(store.drifts("default")) == [replace(YARD, frames=100, faults=())]


def test_the_newest_week_of_each_group(store: DriftStore) -> None:
    """With the name of its collection."""
    later = replace(YARD, week="2027-W01")
    store.store("default", [later, YARD, replace(YARD, group="door")])
    store.store("holidays", [YARD])
    found = store.latest()
    assert [(name, each.group, each.week) for name, each in found] == [
        ("default", "door", "2026-W48"),
        ("default", "yard", "2027-W01"),
        ("holidays", "yard", "2026-W48"),
    ]


def test_a_collection_must_be_there(store: DriftStore) -> None:
    """Nothing is stored otherwise."""
    with pytest.raises(CollectionNotFound, match="nothing"):
        store.store("nothing", [YARD])
    assert store.latest() == []


def test_a_text_must_be_one_that_can_be_stored(store: DriftStore) -> None:
    """It is named, and the others are not stored either."""
    with pytest.raises(ValueError, match="group must be Unicode text"):
        store.store("default", [YARD, replace(YARD, group="a\0b")])
    assert store.drifts("default") == []


def test_an_alias_leads_to_the_collection(sql_catalog: SqlCatalog, catalog_url: str) -> None:
    """And what was measured goes with the collection when it is removed."""
    sql_catalog.set_alias("shown", "default")
    with closing(SqlDrifts.open(catalog_url)) as store:
        store.store("shown", [YARD])
        assert unmeasured(store.drifts("default")) == [YARD]
        sql_catalog.remove_collection("default")
        assert store.latest() == []


def test_a_catalog_that_is_not_there_has_nothing(bare_url: str) -> None:
    """It is not made either."""
    with closing(SqlDriftReader.open(bare_url)) as opened:
        reader: DriftReader = opened
        assert reader.latest() == []
        assert reader.drifts("default") == []
