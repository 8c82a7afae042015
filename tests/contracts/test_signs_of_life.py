"""A PostgreSQL that is gone without a word: how long its connections are believed in."""

from contextlib import closing

import psycopg
import pytest

from clipseek.catalog.database import Database

SET = {
    "connect_timeout": "5",
    "tcp_user_timeout": "10000",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("", SET, id="ours"),
        pytest.param(
            "?tcp_user_timeout=60000&connect_timeout=9",
            {**SET, "tcp_user_timeout": "60000", "connect_timeout": "9"},
            id="of the URL",
        ),
    ],
)
def test_connections_end_that_nobody_answers(
    postgres_url: str, query: str, expected: dict[str, str]
) -> None:
    """Seconds, not the quarter of an hour of TCP; what the URL says counts more."""
    with closing(Database.at(postgres_url + query)) as database, database.reading() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        given = driver.info.get_parameters()
    assert {name: given.get(name) for name in SET} == expected
