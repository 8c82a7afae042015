"""The service as it runs for users, on one machine: PostgreSQL, Redis, three replicas, nginx.

All are plain processes on free ports of the loopback address, with their files in one temporary
folder. Connections to PostgreSQL and Redis go through a `Link` each, which can be slow or cut.
"""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.chaos.client import Client
from tests.chaos.link import Link
from tests.chaos.program import (
    Late,
    Program,
    children,
    environment,
    is_gone,
    listens,
    signal_all,
    wait_until,
)
from tests.chaos.proxy import nginx_command, nginx_files, variables
from tests.contracts import postgres

REPLICAS = 3
DATABASE = "clipseek"


def missing_programs() -> list[str]:
    """Return which servers are not on this machine, PostgreSQL aside."""
    return [name for name in ("nginx", "redis-server") if shutil.which(name) is None]


class Postgres:
    """A PostgreSQL server whose disk survives it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._programs = postgres.find_programs()
        self._owner = postgres.unprivileged(folder)
        self._data, self._log = folder / "data", folder / "log"
        options = postgres.initdb_options(self._programs, self._data)
        self._run("initdb", *options)
        self.port = postgres.free_port()

    @property
    def runs(self) -> bool:
        """Whether there is a server."""
        return self._pid() is not None and listens(self.port)

    def start(self) -> None:
        """Start the server and wait until it takes connections; it may recover first."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
            "-c max_connections=200"
        )
        self._run(
            "pg_ctl", "start", "-w", "-D", str(self._data), "-l", str(self._log), "-o", options
        )

    def make_database(self) -> None:
        """Make the database of the cluster, empty."""
        url = f"postgresql://{postgres.USER}@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}".encode())

    def kill(self) -> None:
        """End the server at once, without a checkpoint: the next start recovers from the log."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-D", str(self._data))

    def crash(self) -> None:
        """Kill the server and each of its processes by SIGKILL, and wait until they are gone."""
        pid = self._pid()
        assert pid is not None, "PostgreSQL does not run"
        processes = [pid, *children(pid)]
        signal_all(processes, signal.SIGKILL)
        wait_until(lambda: all(map(is_gone, processes)), "the processes of PostgreSQL to end")
        # Where nobody has reaped it, a new server would take its number for a server that runs.
        (self._data / "postmaster.pid").unlink()

    def signal(self, number: int) -> None:
        """Send a signal to the server and each of its processes."""
        if (pid := self._pid()) is not None:
            signal_all([pid, *children(pid)], number)

    def end(self) -> None:
        """Stop the server if it runs."""
        if self._pid() is not None:
            self.signal(signal.SIGCONT)
            self.kill()

    def _pid(self) -> int | None:
        try:
            return int((self._data / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def _run(self, program: str, *options: str) -> None:
        postgres.run_program(self._programs, program, *options, user=self._owner)


class Cluster:
    """Everything that runs. `start` it, then use the parts; `mend` makes it whole again."""

    def __init__(self, root: Path, model: str) -> None:
        self.root, self.model = root, model
        self.data_dir, self.videos = root / "data", root / "videos"
        self.videos.mkdir()
        self.postgres = Postgres(root / "postgres")
        self._redis_port, self.port = postgres.free_port(), postgres.free_port()
        self.to_postgres, self.to_redis = Link(self.postgres.port), Link(self._redis_port)
        self.env = environment(
            {
                "CLIPSEEK_DATA_DIR": str(self.data_dir),
                "CLIPSEEK_DATABASE_URL": (
                    f"postgresql://{postgres.USER}@127.0.0.1:{self.to_postgres.port}/{DATABASE}"
                ),
                "CLIPSEEK_REDIS_URL": f"redis://127.0.0.1:{self.to_redis.port}/0",
                "CLIPSEEK_CACHE_SECRET": "known to every replica",
                "CLIPSEEK_THREADS": "1",
                "CLIPSEEK_WORKERS": "1",
            }
        )
        self.redis = self._program("redis", self._redis_command())
        self.ports = [postgres.free_port() for _ in range(REPLICAS)]
        self.replicas = [
            self._program(f"replica-{i}", [sys.executable, "-m", "api", "--quiet", "--port", port])
            for i, port in enumerate(map(str, self.ports))
        ]
        values = variables(root / "nginx", self.port, self.ports)
        main = nginx_files(root / "nginx", values)
        self.nginx = self._program("nginx", nginx_command(main))

    def _program(self, name: str, command: Sequence[str | Path]) -> Program:
        return Program(name, command, self.root / f"{name}.log", self.env)

    def _redis_command(self) -> list[str | Path]:
        listen = ["--bind", "127.0.0.1", "--port", str(self._redis_port)]
        return ["redis-server", *listen, "--save", "", "--appendonly", "no", "--dir", self.root]

    def start(self) -> None:
        """Start every part, make the collection of one first video, and wait until all answer."""
        self.postgres.start()
        self.postgres.make_database()
        self.mend()

    def mend(self) -> None:
        """Start what does not run, let go on what is stopped, and wait until all answer."""
        self.to_postgres.delay_s = self.to_redis.delay_s = 0
        self.postgres.signal(signal.SIGCONT)
        if not self.postgres.runs:
            self.postgres.start()
        for program in (self.redis, *self.replicas, self.nginx):
            program.signal(signal.SIGCONT)
            program.start()
        for i in range(REPLICAS):
            self.wait_ready(i)
        wait_until(lambda: listens(self._redis_port), "Redis")
        wait_until(lambda: _is_ready(self.port), f"nginx: {self.nginx.said()}")

    def wait_ready(self, replica: int) -> None:
        """Wait until a replica can answer; one that has ended is started again."""
        program, port = self.replicas[replica], self.ports[replica]

        def ready() -> bool:
            program.start()
            return _is_ready(port)

        try:
            wait_until(ready, program.name, step_s=0.05)
        except Late as error:
            raise Late(f"{error}; it said: {program.said()}") from error

    def indexer(
        self, *arguments: str | Path, fsize_blocks: int | None = None
    ) -> "subprocess.Popen[str]":
        """Start a command of the indexer, its results on a pipe.

        With `fsize_blocks`, no file may grow beyond so many blocks of 512 bytes: a full disk.
        """
        command = [sys.executable, "-m", "indexer", *map(str, arguments)]
        if fsize_blocks is not None:
            command = ["sh", "-c", f'ulimit -f {fsize_blocks}; exec "$@"', "sh", *command]
        with (self.root / "indexer.log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self.env,
                text=True,
            )

    def end(self) -> None:
        """End everything."""
        for program in (self.nginx, *self.replicas, self.redis):
            program.end()
        self.postgres.end()
        for link in (self.to_postgres, self.to_redis):
            link.close()


@contextmanager
def running(model: str) -> Iterator[Cluster]:
    """Run a cluster in a temporary folder; everything ends with it."""
    # Not pytest's own folder: the users of PostgreSQL and nginx may not enter it.
    with tempfile.TemporaryDirectory(prefix="clipseek-chaos-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        cluster = Cluster(root, model)
        try:
            cluster.start()
            yield cluster
        finally:
            with suppress(KeyboardInterrupt):
                cluster.end()


def _is_ready(port: int) -> bool:
    client = Client(port, timeout_s=5)
    try:
        return client.ask("GET", "/readyz").status == 200
    finally:
        client.close()
