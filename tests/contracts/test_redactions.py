"""What is redacted, in the catalog: by collection, through aliases, and across a switch."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clipseek.catalog import SqlCatalog
from clipseek.catalog.redactions import SqlRedactionReader, SqlRedactions
from clipseek.catalog.switches import SqlSwitches
from clipseek.errors import CollectionNotFound
from tests.contracts.catalogs import DIM, a_video
from tests.contracts.test_switches import LONG_S, SCORING


@pytest.fixture
def redactions(catalog_url: str, sql_catalog: SqlCatalog) -> Iterator[SqlRedactions]:
    """Return the redactions of a catalog with a collection and an alias."""
    sql_catalog.set_alias("shown", "default")
    a_video("a").put_into(sql_catalog)
    with closing(SqlRedactions.open(catalog_url)) as opened:
        yield opened


def test_a_collection_redacts_what_it_is_told(redactions: SqlRedactions, catalog_url: str) -> None:
    """By its name or an alias; other readers see it at once, and it can be taken back."""
    with closing(SqlRedactionReader.open(catalog_url)) as reader:
        assert (reader.of("default"), reader.all()) == ((), {})
        redactions.redact("shown", ["faces"])
        assert (reader.of("default"), reader.of("shown")) == (("faces",), ("faces",))
        assert reader.all() == {"default": ("faces",)}
        redactions.redact("default", ["faces"])
        redactions.redact("default", [])
        assert (reader.of("shown"), reader.all(), reader.of("other")) == ((), {}, ())


def test_an_unknown_collection_is_an_error(redactions: SqlRedactions) -> None:
    """Nothing is stored for a name that may come."""
    with pytest.raises(CollectionNotFound):
        redactions.redact("nights", ["faces"])


def test_a_switch_takes_it_along(redactions: SqlRedactions, catalog_url: str) -> None:
    """The collection that is prepared redacts too, before and after names are exchanged."""
    redactions.redact("default", ["faces"])
    with closing(SqlSwitches.open(catalog_url)) as switches:
        other = switches.begin("default", "new", dim=DIM, fingerprint="f", scoring=SCORING).other
        assert redactions.of(other) == ("faces",)
        assert switches.take("default", LONG_S) == 0
        assert switches.cut("default", 1, to=other)
        assert (redactions.of("default"), redactions.of("shown")) == (("faces",), ("faces",))
        redactions.redact("default", [])
        assert redactions.all() == {}
        redactions.redact("default", ["faces"])
        switches.end("default")
    assert redactions.all() == {"default": ("faces",)}


def test_it_goes_with_its_collection(redactions: SqlRedactions, sql_catalog: SqlCatalog) -> None:
    """A new collection of the same name redacts nothing."""
    redactions.redact("default", ["faces"])
    sql_catalog.remove_collection("default")
    assert redactions.all() == {}
    sql_catalog.ensure_collection("default", "toy", DIM, "f")
    assert redactions.of("default") == ()


def test_before_there_is_a_catalog(tmp_path: Path) -> None:
    """A server may start first."""
    with closing(SqlRedactionReader.open(f"sqlite:///{tmp_path / 'none.db'}")) as reader:
        assert (reader.of("default"), reader.all()) == ((), {})
