"""Real Redis servers for tests: one for the run, and others to be stopped, killed and filled."""

import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.contracts.polling import eventually
from tests.lacking import lacking


@dataclass
class RedisServer:
    """A Redis on a port of the loopback address, without persistence: it forgets when it ends."""

    program: str
    folder: Path
    port: int
    options: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The URL of its database 0, without a password."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, also again on the same port, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.program, *self._options()], stdout=log, stderr=log, cwd=self.folder
            )
        eventually(self._answers)

    def kill(self) -> None:
        """End it at once, also when it is paused."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def pause(self) -> None:
        """Stop it: its port still takes connections, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    @contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """Open a client, to look at or change what the server holds."""
        once = Retry(NoBackoff(), 0)
        with redis.Redis(port=self.port, socket_timeout=20, retry=once) as client:
            yield client

    def _options(self) -> list[str]:
        place = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        return [*place, "--save", "", "--appendonly", "no", *self.options]

    def _answers(self) -> bool:
        """Say whether it answers, if only that a password is missing."""
        assert self._process is not None
        if self._process.poll() is not None:
            pytest.fail(f"redis-server ended: {(self.folder / 'log').read_text()}")
        try:
            with self.client() as client:
                client.ping()
        except redis.AuthenticationError:
            return True
        except redis.ConnectionError:
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


NewRedis = Callable[..., RedisServer]
"""Starts a server with options, for example `new_redis("--requirepass", "hush")`."""


@contextmanager
def running(*options: str) -> Iterator[RedisServer]:
    """Run a server of its own; skip without the program, or fail where CI is "true"."""
    with tempfile.TemporaryDirectory(prefix="clipseek-redis-") as folder:
        server = RedisServer(_program(), Path(folder), _free_port(), options)
        try:
            server.start()
            yield server
        finally:
            server.kill()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Run the server that tests share which do it no harm."""
    with running() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """Return the URL of an empty Redis."""
    with redis_server.client() as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def new_redis() -> Iterator[NewRedis]:
    """Return what starts a server that the test may harm; it ends with the test."""
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(running(*options))


def _program() -> str:
    found = shutil.which("redis-server")
    if found is None:
        lacking("no redis-server on PATH; `make servers` installs it")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
