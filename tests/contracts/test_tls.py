"""Connections to PostgreSQL and Redis by TLS: encrypted, and only to the server that is meant."""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from clipseek.breaker import FAILURES
from clipseek.cache.redis import RedisCache
from clipseek.catalog import SqlCatalog, SqlReader
from clipseek.errors import ServiceUnavailable
from tests.caching import get, put
from tests.contracts.certificates import Certificates, make_certificates
from tests.contracts.postgres import (
    USER,
    find_programs,
    free_port,
    initdb_options,
    run_program,
    unprivileged,
)
from tests.contracts.redis import running

HOUR_S = 3600.0
PATIENT_S = 20.0


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Those of the servers, for the address 127.0.0.1 alone."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Those of another authority."""
    return make_certificates(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="module")
def postgres_port(certificates: Certificates) -> Iterator[int]:
    """Run a PostgreSQL that takes connections from the network by TLS alone."""
    programs = find_programs()
    with tempfile.TemporaryDirectory(prefix="clipseek-tls-") as folder:
        owner = unprivileged(Path(folder))
        data = Path(folder) / "data"
        run_program(programs, "initdb", *initdb_options(programs, data), user=owner)
        for name, file in (
            ("server.crt", certificates.certificate),
            ("server.key", certificates.key),
        ):
            copied = Path(shutil.copyfile(file, data / name))
            copied.chmod(0o600)
            if owner is not None:
                shutil.chown(copied, owner)
        (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n", "utf-8")
        port = free_port()
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
            "-c fsync=off -c ssl=on"
        )
        log = str(Path(folder) / "log")
        run_program(
            programs, "pg_ctl", "start", "-w", "-D", str(data), "-l", log, "-o", options, user=owner
        )
        try:
            yield port
        finally:
            run_program(programs, "pg_ctl", "stop", "-m", "immediate", "-D", str(data), user=owner)


def postgres_url(port: int, authority: Path, *, host: str = "127.0.0.1") -> str:
    """Return a URL that asks for the certificate of the host."""
    options = f"sslmode=verify-full&sslrootcert={authority}"
    return f"postgresql://{USER}@{host}:{port}/postgres?{options}"


def test_a_catalog_is_read_and_written_by_tls(
    postgres_port: int, certificates: Certificates
) -> None:
    """The server itself says that every connection of ours is encrypted."""
    url = postgres_url(postgres_port, certificates.authority)
    with closing(SqlCatalog.open(url)) as catalog, closing(SqlReader.open(url)) as reader:
        catalog.ensure_collection("default", "toy", 8, "f1")
        assert reader.collection("default").model == "toy"
        with psycopg.connect(url) as connection:
            rows = connection.execute(
                "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = %s",
                (USER,),
            ).fetchall()
    assert len(rows) >= 3
    assert all(row[0] for row in rows)


@pytest.mark.parametrize("kind", [SqlCatalog, SqlReader], ids=["writer", "reader"])
def test_a_database_of_another_authority_is_refused(
    kind: type[SqlCatalog | SqlReader], postgres_port: int, stranger: Certificates
) -> None:
    """The sentence says that it is the certificate, and what to check."""
    url = postgres_url(postgres_port, stranger.authority)
    with (
        pytest.raises(
            ServiceUnavailable,
            match=r"certificate verify failed.*; check that .* the database URL is correct",
        ),
        closing(kind.open(url)) as catalog,
    ):
        catalog.collections()


def test_a_database_of_another_name_is_refused(
    postgres_port: int, certificates: Certificates
) -> None:
    """The authority vouches for it, but not for this name."""
    url = postgres_url(postgres_port, certificates.authority, host="localhost")
    with pytest.raises(ServiceUnavailable, match="does not match host name"):
        SqlCatalog.open(url)


def test_a_database_that_wants_tls_is_not_asked_without(postgres_port: int) -> None:
    """A server for TLS alone takes no other connection, so nothing can be read on its way."""
    url = f"postgresql://{USER}@127.0.0.1:{postgres_port}/postgres?sslmode=disable"
    with pytest.raises(ServiceUnavailable, match="no encryption"):
        SqlCatalog.open(url)


@pytest.fixture(scope="module")
def redis_port(certificates: Certificates) -> Iterator[int]:
    """Run a Redis with a port for TLS."""
    port = free_port()
    files = {
        "--tls-cert-file": certificates.certificate,
        "--tls-key-file": certificates.key,
        "--tls-ca-cert-file": certificates.authority,
    }
    options = [text for name, file in files.items() for text in (name, str(file))]
    with running("--tls-port", str(port), "--tls-auth-clients", "no", *options):
        yield port


def redis_cache(port: int, authority: Path, *, host: str = "127.0.0.1") -> RedisCache:
    """Open a cache by TLS."""
    url = f"rediss://{host}:{port}/0?ssl_ca_certs={authority}"
    return RedisCache(url, secret=b"shared", timeout_s=PATIENT_S)


def test_entries_are_shared_by_tls(redis_port: int, certificates: Certificates) -> None:
    """The authority is named in the URL."""
    with closing(redis_cache(redis_port, certificates.authority)) as cache:
        put(cache, "key", b"value", HOUR_S)
    with closing(redis_cache(redis_port, certificates.authority)) as cache:
        assert get(cache, "key") == b"value"
        assert cache.stats()["redis"].failures == {}


@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_a_redis_that_is_not_the_one_meant_gets_nothing(
    wrong: str,
    redis_port: int,
    certificates: Certificates,
    stranger: Certificates,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each use is a miss, and the log says that it is the certificate."""
    authority = stranger.authority if wrong == "authority" else certificates.authority
    host = "localhost" if wrong == "name" else "127.0.0.1"
    caplog.set_level(logging.WARNING)
    with closing(redis_cache(redis_port, authority, host=host)) as cache:
        for _ in range(FAILURES):
            put(cache, "key", b"value", HOUR_S)
        assert get(cache, "key") is None
        assert cache.stats()["redis"].failures["unreachable"] == FAILURES
    assert "certificate verify failed" in caplog.text
