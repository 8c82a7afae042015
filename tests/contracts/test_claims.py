"""What every catalog promises to runs of an ingest that share a collection."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from clipseek.catalog import SqlCatalog, writes
from clipseek.errors import CollectionNotFound
from clipseek.protocols import CatalogWriter, ClaimLost
from tests.contracts.catalogs import DIM, a_video
from tests.contracts.polling import eventually


def test_one_of_two_runs_gets_a_video(catalog: CatalogWriter) -> None:
    """The other one is told that it is taken, and by whom it is not asks for itself."""
    assert catalog.claim("default", "v", by="one", lease_s=60)
    assert not catalog.claim("default", "v", by="two", lease_s=60)
    assert catalog.claim("default", "v", by="one", lease_s=60)
    assert catalog.claim("default", "w", by="two", lease_s=60)
    assert catalog.claimed("default", ["v", "w", "x"], by="two") == {"v"}


def test_a_lease_that_expired_is_taken_over(catalog: CatalogWriter) -> None:
    """The run that had it is dead, or too slow: it gets nothing back, and stores nothing."""
    given = a_video("v")
    assert catalog.claim("default", "v", by="dead", lease_s=0)
    assert catalog.claimed("default", ["v"], by="two") == set()
    assert catalog.claim("default", "v", by="two", lease_s=60)
    catalog.renew_claims("dead", 60)
    with pytest.raises(ClaimLost, match="another ingest has taken it over"):
        given.put_into(catalog, by="dead")
    assert catalog.counts("default")[0] == 0
    assert given.put_into(catalog, by="two") == 1


def test_a_lease_that_is_renewed_does_not_expire(catalog: CatalogWriter) -> None:
    """Only that of the run that gives a sign of life."""
    for subject in ("v", "w"):
        assert catalog.claim("default", subject, by=f"run of {subject}", lease_s=0)
    catalog.renew_claims("run of v", 60)
    assert not catalog.claim("default", "v", by="two", lease_s=60)
    assert catalog.claim("default", "w", by="two", lease_s=60)


def test_a_claim_ends_with_what_it_is_for(catalog: CatalogWriter) -> None:
    """The transaction that stores a video ends the claims on its id and on its uri."""
    given = a_video("v")
    for subject in ("v", given.video.uri, "w"):
        assert catalog.claim("default", subject, by="one", lease_s=60)
    given.put_into(catalog, by="one")
    assert catalog.claimed("default", ["v", given.video.uri, "w"], by="two") == {"w"}
    with pytest.raises(ClaimLost):
        given.put_into(catalog, by="one")


def test_claims_are_given_up(catalog: CatalogWriter) -> None:
    """Some, or all of a run; never those of another one."""
    for subject in ("a", "b", "c"):
        assert catalog.claim("default", subject, by="one", lease_s=60)
    catalog.release("default", ["a"], by="one")
    catalog.release("default", ["b"], by="two")
    catalog.release_all("two")
    assert catalog.claimed("default", ["a", "b", "c"], by="two") == {"b", "c"}
    catalog.release_all("one")
    assert catalog.claimed("default", ["a", "b", "c"], by="two") == set()


def test_collections_share_no_claims(catalog: CatalogWriter) -> None:
    """The same video may be indexed into two collections at once; a removed one has none."""
    catalog.ensure_collection("other", "toy", DIM, "f1")
    assert catalog.claim("default", "v", by="one", lease_s=60)
    assert catalog.claim("other", "v", by="two", lease_s=60)
    catalog.remove_collection("other")
    with pytest.raises(CollectionNotFound):
        catalog.claim("other", "v", by="two", lease_s=60)
    catalog.ensure_collection("other", "toy", DIM, "f1")
    assert catalog.claim("other", "v", by="three", lease_s=60)


def test_claims_that_ended_long_ago_are_forgotten(postgres_catalog: SqlCatalog) -> None:
    """A run that was suspended for half an hour may still store what nobody has taken over."""
    postgres_catalog.ensure_collection("default", "toy", DIM, "f1")
    assert postgres_catalog.claim("default", "v", by="slow", lease_s=-0.6 * 3600)
    assert postgres_catalog.claim("default", "w", by="dead", lease_s=-1.4 * 3600)
    postgres_catalog.release_all("two")
    assert a_video("v").put_into(postgres_catalog, by="slow") == 1
    with pytest.raises(ClaimLost):
        a_video("w").put_into(postgres_catalog, by="dead")


def test_a_renewal_does_not_wait_for_a_video_that_is_stored(postgres_url: str) -> None:
    """Each would lock what the other one waits for; PostgreSQL ends one of them by an error."""
    with closing(SqlCatalog.open(postgres_url, wait_s=1)) as catalog:
        catalog.ensure_collection("default", "toy", DIM, "f1")
        for subject in ("v", "w"):
            assert catalog.claim("default", subject, by="one", lease_s=0)
        with psycopg.connect(postgres_url) as storing:
            storing.execute("DELETE FROM claims WHERE subject = 'v'")
            catalog.renew_claims("one", 60)
            assert not catalog.claim("default", "w", by="two", lease_s=60)


def test_a_claim_does_not_wait_for_a_video_that_is_stored(postgres_url: str) -> None:
    """It refers to the collection, whose version the other transaction counts."""
    with (
        closing(SqlCatalog.open(postgres_url)) as storing,
        closing(SqlCatalog.open(postgres_url, wait_s=1)) as catalog,
    ):
        catalog.ensure_collection("default", "toy", DIM, "f1")
        with storing._store.writing() as connection:
            version = writes.next_version(connection, writes.lock(connection, "default").key)
            assert catalog.claim("default", "v", by="one", lease_s=60)
        assert catalog.collection("default").version == version == 1


def test_a_collection_is_removed_with_what_is_claimed_meanwhile(postgres_url: str) -> None:
    """The claim refers to it, so it is waited for; otherwise the removal would fail."""
    with closing(SqlCatalog.open(postgres_url)) as catalog, ThreadPoolExecutor(1) as pool:
        catalog.ensure_collection("default", "toy", DIM, "f1")
        with psycopg.connect(postgres_url) as claiming:
            claiming.execute("INSERT INTO claims VALUES ('default', 'v', 'one', 0)")
            removing = pool.submit(catalog.remove_collection, "default")
            with psycopg.connect(postgres_url, autocommit=True) as looking:
                waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
                eventually(lambda: looking.execute(waits).fetchone() != (0,))
        removing.result(30)
        with pytest.raises(CollectionNotFound):
            catalog.collection("default")


@pytest.mark.parametrize("ahead_s", [-1e6, 1e6], ids=["slow", "fast"])
def test_the_clock_of_a_client_does_not_matter(
    postgres_catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch, ahead_s: float
) -> None:
    """PostgreSQL judges leases: a machine with another time of day takes nothing from others."""
    postgres_catalog.ensure_collection("default", "toy", DIM, "f1")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + ahead_s)
    assert postgres_catalog.claim("default", "v", by="skewed", lease_s=60)
    monkeypatch.undo()
    assert not postgres_catalog.claim("default", "v", by="two", lease_s=60)
    monkeypatch.setattr(time, "time", lambda: now + ahead_s)
    assert not postgres_catalog.claim("default", "v", by="three", lease_s=60)
