"""A row with values that nobody writes any more is read as far as it can be."""

from contextlib import closing

import pytest
from sqlalchemy import update

from clipseek.catalog import SqlCatalog
from clipseek.catalog.curating import SqlCurating
from clipseek.catalog.database import Database
from clipseek.catalog.tables import videos
from tests.contracts.catalogs import a_video


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
