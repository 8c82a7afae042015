"""A network that breaks during an ingest: to PostgreSQL, and to an object store."""

import os
import socket
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from clipseek import buckets
from clipseek.catalog import SqlCatalog
from clipseek.errors import ServiceUnavailable
from clipseek.ingest import Options, Run
from clipseek.protocols import FrameSource
from clipseek.sources.remote import ObjectStores
from tests.chaos.link import Link
from tests.contracts import s3
from tests.ingest.test_threads import Videos, _file, _tools


class Cutting(Videos):
    """Cuts every connection to the database when a video of a name is first opened."""

    def __init__(self, link: Link, name: str) -> None:
        super().__init__()
        self._link, self._name = link, name

    def __call__(self, path: str, /, *, descriptor: int | None = None) -> FrameSource:
        """Open a file."""
        if path.endswith(self._name) and Path(path).name not in self.opened:
            self._link.cut()
        return super().__call__(path, descriptor=descriptor)


@pytest.mark.parametrize("delay_s", [0.0, 0.02], ids=["cut", "slow and cut"])
def test_an_ingest_whose_database_is_cut_off_loses_nothing(
    postgres_url: str, tmp_path: Path, delay_s: float
) -> None:
    """It goes on with a new connection, or ends with a sentence; the next run does the rest."""
    port = urlsplit(postgres_url).port
    assert port is not None
    paths = [_file(tmp_path, f"{i}.mp4", f"{'rgb'[i % 3]}{i + 1}") for i in range(4)]
    link = Link(port)
    link.delay_s = delay_s
    url = postgres_url.replace(f":{port}/", f":{link.port}/")
    assert url != postgres_url
    try:
        with closing(SqlCatalog.open(url)) as catalog:
            tools = _tools(tmp_path, catalog, Cutting(link, "2.mp4"))
            said: list[str] = []
            for _ in range(2):
                run = Run(tools, Options(workers=1, lease_s=1.0), stop=threading.Event())
                try:
                    states = [each.state for each in run.reports([*map(str, paths)])]
                except ServiceUnavailable as error:
                    said.append(str(error))
            assert all("127.0.0.1" in each for each in said)
            assert len(states) == len(paths)
            assert set(states) <= {"indexed", "unchanged"}
            puts = [each.video_id for each in catalog.changes("default", 0)]
            assert len(puts) == len(set(puts)) == len(paths)
    finally:
        link.close()


class Breaking(Link):
    """Breaks some connections to an object store, each after so many bytes of an answer."""

    def __init__(self, to_port: int, times: int, after_bytes: int) -> None:
        super().__init__(to_port)
        self.times, self._to_port_, self._after_bytes = times, to_port, after_bytes
        self._passed: dict[int, int] = {}

    def passing(self, source: socket.socket, target: socket.socket, chunk: bytes) -> None:
        """End the connection once it has sent enough."""
        if source.getpeername()[1] != self._to_port_ or not self.times:
            return
        key = id(source)
        self._passed[key] = self._passed.get(key, 0) + len(chunk)
        if self._passed[key] > self._after_bytes:
            self.times -= 1
            del self._passed[key]
            raise ConnectionResetError


def test_an_object_that_breaks_off_is_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a body, twice: what is read is the object, whole."""
    content = os.urandom(3 << 20)
    with s3.serving() as server:
        server.empty()
        server.put("a.mp4", content)
        link = Breaking(server.port, 2, 1 << 20)
        try:
            s3.lead_to(f"http://127.0.0.1:{link.port}", monkeypatch)
            with ObjectStores().look(f"s3://{s3.BUCKET}/a.mp4").open() as file:
                assert file.read() == content
            assert link.times == 0
        finally:
            link.close()
            buckets.forget()
