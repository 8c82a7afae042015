"""A PostgreSQL that asks for a password and that a test starts when it is time to."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.contracts.postgres import (
    USER,
    find_programs,
    free_port,
    initdb_options,
    run_program,
    unprivileged,
)

PASSWORD = "open sesame"


@dataclass
class LockedPostgres:
    """A server on the loopback address; `start` and `stop` may be called at any time."""

    programs: Path
    folder: Path
    owner: str | None
    port: int
    runs: bool = False

    def url(self, password: str = PASSWORD) -> str:
        """Return the URL of its database, with this password."""
        return f"postgresql://{USER}:{password.replace(' ', '%20')}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server, unless it runs, and return when it takes connections."""
        if not self.runs:
            options = (
                f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
                "-c fsync=off"
            )
            log = str(self.folder / "log")
            self._pg_ctl("start", "-w", "-l", log, "-o", options)
            self.runs = True

    def stop(self) -> None:
        """Stop the server if it runs."""
        if self.runs:
            self._pg_ctl("stop", "-m", "immediate")
            self.runs = False

    def _pg_ctl(self, *options: str) -> None:
        data = str(self.folder / "data")
        run_program(self.programs, "pg_ctl", *options, "-D", data, user=self.owner)


@contextmanager
def locked_postgres() -> Iterator[LockedPostgres]:
    """Make a server that is not started yet; it ends with the context."""
    programs = find_programs()
    # Not pytest's own folder: the server's user may not enter it.
    with tempfile.TemporaryDirectory(prefix="clipseek-pg-") as name:
        folder = Path(name)
        (folder / "password").write_text(PASSWORD, "utf-8")
        (folder / "password").chmod(0o644)
        owner = unprivileged(folder)
        options = initdb_options(programs, folder / "data")
        options[options.index("trust")] = "scram-sha-256"
        options.append(f"--pwfile={folder / 'password'}")
        run_program(programs, "initdb", *options, user=owner)
        server = LockedPostgres(programs, folder, owner, free_port())
        try:
            yield server
        finally:
            server.stop()
