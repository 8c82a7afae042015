"""A standby of the PostgreSQL of the tests, which streams from it and serves reads."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contracts import postgres


@contextmanager
def following(server: postgres.Server) -> Iterator[postgres.Server]:
    """Copy a running server, and let the copy follow it by streaming replication."""
    programs = postgres.find_programs()
    with tempfile.TemporaryDirectory(prefix="clipseek-standby-") as folder:
        owner = postgres.unprivileged(Path(folder))
        data, port = str(Path(folder) / "data"), postgres.free_port()
        source = f"host=127.0.0.1 port={server.port} user={postgres.USER}"
        copy = ["-d", source, "-D", data, "-R", "-X", "stream", "--checkpoint=fast", "--no-sync"]
        postgres.run_program(programs, "pg_basebackup", *copy, user=owner)
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
            "-c fsync=off -c max_connections=200 -c wal_retrieve_retry_interval=100ms"
        )
        start = ["start", "-w", "-D", data, "-l", str(Path(folder) / "log"), "-o", options]
        postgres.run_program(programs, "pg_ctl", *start, user=owner)
        try:
            yield postgres.Server(port)
        finally:
            stop = ["stop", "-m", "immediate", "-D", data]
            postgres.run_program(programs, "pg_ctl", *stop, user=owner)
