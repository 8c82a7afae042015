"""A row with values that nobody writes any more is read as far as it can be."""

from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import Table, update

from clipseek.catalog import SqlCatalog
from clipseek.catalog.curating import SqlCurating
from clipseek.catalog.database import Database
from clipseek.catalog.object_tables import objects
from clipseek.catalog.tables import frame_vectors, segments, videos
from clipseek.errors import ServiceUnavailable
from clipseek.tracked import VideoObjects
from tests.contracts.catalogs import DIM, a_video
from tests.contracts.test_objects import a_track


@pytest.mark.parametrize("recorded", ["2026-13-45T99:99:99Z", "9999-12-31T23:59:59Z"])
def test_a_time_that_there_is_not_is_read_as_unknown(
    sql_catalog: SqlCatalog, catalog_url: str, recorded: str
) -> None:
    """By everything that counts with it; the video stays."""
    a_video("a").put_into(sql_catalog)
    with closing(Database.at(catalog_url)) as database, database.writing() as connection:
        connection.execute(update(videos).values(recorded_at=recorded, stream="yard"))
    (named,) = sql_catalog.names("default")
    (listed,) = sql_catalog.videos("default")
    with closing(SqlCurating.open(catalog_url)) as curating:
        (facts,) = curating.facts("default")
    read = (sql_catalog.video("default", "a"), named, listed, facts)
    assert [(each.stream, each.recorded_at) for each in read] == [("yard", "")] * 4
    assert named.duration > 0


@pytest.mark.parametrize(
    ("table", "column"),
    [(segments, "vector"), (frame_vectors, "vectors"), (objects, "vectors")],
    ids=["segments", "frames", "objects"],
)
def test_vectors_of_another_length_are_told(
    sql_catalog: SqlCatalog, catalog_url: str, table: Table, column: str
) -> None:
    """By whatever reads them: no vector is made of what is left of one."""
    a_video("a").put_into(sql_catalog)
    sql_catalog.put_objects("default", "a", VideoObjects("demo 1", (a_track("ball", 0.0, 0),)))
    readers: dict[str, Callable[[], object]] = {
        "segments": lambda: list(sql_catalog.blocks("default")),
        "frame_vectors": lambda: sql_catalog.frame_vectors("default", "a"),
        "objects": lambda: list(sql_catalog.objects("default")),
    }
    for read in readers.values():
        read()
    with closing(Database.at(catalog_url)) as database, database.writing() as connection:
        connection.execute(update(table).values({column: b"\x01" * 5 * DIM}))
    for read in (readers[table.name], lambda: sql_catalog.stored("default")):
        with pytest.raises(ServiceUnavailable, match=r"got \d+: it is damaged"):
            read()
