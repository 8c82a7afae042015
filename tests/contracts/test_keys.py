"""Every store of keys keeps the contract: a key is stored as it is, under its name, once."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from clipseek.catalog import SqlCatalog, SqlKeyReader, SqlKeys
from clipseek.catalog.database import Database
from clipseek.catalog.tables import keys as key_rows
from clipseek.errors import CatalogOutdated, NoCatalog
from clipseek.keys import Key, KeyStore, Rate, digest_of
from clipseek.testing import MemoryKeys
from tests.core.test_migrations import set_revision
from tests.releases import NEXT

ANN = Key(
    name="ann",
    digest=digest_of(b"ann's secret"),
    scopes=frozenset({"search", "write"}),
    collections=frozenset({"default", "holidays"}),
    created_at="2026-11-28T10:00:00Z",
    expires_at="2027-11-28T10:00:00Z",
    rate=Rate.of("20/s"),
)
BOB = Key(
    name="bob",
    digest=digest_of(b"bob's secret"),
    scopes=frozenset({"admin"}),
    collections=None,
    created_at="2026-11-28T10:00:00Z",
)


@pytest.fixture
def keys(ledger_url: str | None) -> Iterator[KeyStore]:
    """Return an empty store of each kind."""
    if ledger_url is None:
        yield MemoryKeys()
        return
    with closing(SqlKeys(Database.at(ledger_url, create=False))) as opened:
        yield opened


def test_keys_are_read_as_they_were_stored(keys: KeyStore) -> None:
    """By name; one for all collections is not one for none."""
    assert list(keys.keys()) == []
    assert keys.add(BOB)
    assert keys.add(ANN)
    assert list(keys.keys()) == [ANN, BOB]


def test_a_name_is_given_once(keys: KeyStore) -> None:
    """The first key stays as it is."""
    keys.add(ANN)
    assert not keys.add(replace(BOB, name="ann"))
    assert list(keys.keys()) == [ANN]


def test_a_removed_key_is_gone(keys: KeyStore) -> None:
    """And its name can be given again."""
    keys.add(ANN)
    keys.add(BOB)
    assert keys.remove("ann")
    assert not keys.remove("ann")
    assert list(keys.keys()) == [BOB]
    assert keys.add(replace(BOB, name="ann", digest=digest_of(b"another")))


def test_keys_are_read_again_when_a_row_has_changed(catalog_url: str) -> None:
    """A server asks each second, so rows that are as they were must cost little."""
    with closing(Database.at(catalog_url)) as database:
        keys = SqlKeys(database)
        keys.add(ANN)
        first = keys.keys()
        assert keys.keys() is first
        changes = {"scopes": ["search"], "collections": ["default"], "rate": "7/m"}
        for column, value in changes.items():
            with database.writing() as connection:
                connection.execute(update(key_rows).values({column: value}))
            (key,) = keys.keys()
            assert key != first[0], column
            first = [key]
        assert (key.scopes, str(key.rate)) == (frozenset({"search"}), "7/m")


def test_a_reader_finds_no_keys_in_a_database_without_a_catalog(bare_url: str) -> None:
    """It makes nothing, and finds the keys once there is a catalog."""
    with closing(Database.at(bare_url, read_only=True)) as database:
        reader = SqlKeyReader(database)
        assert list(reader.keys()) == []
        SqlCatalog.open(bare_url).close()
        with closing(SqlKeys(Database.at(bare_url))) as keys:
            keys.add(ANN)
        assert list(reader.keys()) == [ANN]


def test_a_catalog_that_is_gone_is_an_error(tmp_path: Path) -> None:
    """It does not count as one without keys, so the last known ones stay valid."""
    path = tmp_path / "catalog.db"
    SqlCatalog.open(f"sqlite:///{path}").close()
    with closing(Database.at(f"sqlite:///{path}", read_only=True)) as database:
        reader = SqlKeyReader(database)
        assert list(reader.keys()) == []
        path.unlink()
        with pytest.raises(NoCatalog):
            reader.keys()


def test_keys_are_not_written_by_the_rules_of_another_release(catalog_url: str) -> None:
    """A catalog that was migrated meanwhile is left as it is."""
    with closing(SqlKeys(Database.at(catalog_url))) as keys:
        keys.add(ANN)
        set_revision(catalog_url, NEXT)
        with pytest.raises(CatalogOutdated):
            keys.add(BOB)
        with pytest.raises(CatalogOutdated):
            keys.remove("ann")
