"""When a server may get requests: after it is warm, and until it is told to end."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import httpx2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from api.app import create_app
from api.readiness import Readiness
from clipseek.errors import ServiceUnavailable
from clipseek.service import Service
from clipseek.stored import SegmentBlock
from clipseek.testing import MemoryCatalog, ToyEmbedder
from tests.api.library import Library, toy_model
from tests.api.server import serving
from tests.searching import searcher_over


class HeldEmbedder(ToyEmbedder):
    """Embeds nothing until it is let go on, as a model that is being loaded."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let_go = threading.Event()

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Wait, then embed."""
        self.begun.set()
        assert self.let_go.wait(20)
        return super().embed_texts(texts)


def with_model(library: Library, embedder: ToyEmbedder) -> Service:
    """Return a service whose model has this embedder."""
    searcher = searcher_over(
        library.catalog,
        library.folder / "snapshots",
        lambda collection: replace(toy_model(collection), embedder=embedder),
    )
    return replace(library.service(), searcher=searcher)


def test_a_server_is_not_ready_while_its_models_are_loaded(library: Library) -> None:
    """It lives, though, and is ready by itself once they are."""
    embedder = HeldEmbedder()
    with TestClient(create_app(with_model(library, embedder))) as client:
        assert embedder.begun.wait(20)
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/service-unavailable")
        assert client.get("/healthz").status_code == 200
        embedder.let_go.set()
        while client.get("/readyz").status_code == 503:
            pass


def test_a_server_that_reads_all_segments_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a snapshot that can take minutes: who waits is told why, and what would help."""
    library = Library(tmp_path, MemoryCatalog())
    library.add("dusk.mp4", ["red", "green", "blue"])
    begun, let_go = threading.Event(), threading.Event()
    read = MemoryCatalog.blocks

    def one_by_one(catalog: MemoryCatalog, name: str) -> Iterator[SegmentBlock]:
        for number, one in enumerate(read(catalog, name, block=1)):
            if number == 1:
                begun.set()
                assert let_go.wait(20)
            yield one

    monkeypatch.setattr(MemoryCatalog, "blocks", one_by_one)
    with TestClient(create_app(library.service())) as client:
        assert begun.wait(20)
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["detail"].startswith("1 of 3 segments of collection default are read")
        assert "`indexer build`" in answer.json()["detail"]
        let_go.set()
        while client.get("/readyz").status_code == 503:
            pass


def test_why_a_server_is_not_ready_is_not_told_to_everybody(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    """It names collections: a key for all of them is told, and the log for everybody else."""
    some = library.key("some", "search", "admin", collections={"default"})
    every = library.key("every", "search")

    class Away(MemoryCatalog):
        def check(self) -> None:
            raise ServiceUnavailable("collection secret is away", for_all=True)

    with TestClient(create_app(library.service(Away(), access="keys"))) as client:
        told = [client.get("/readyz", headers=each) for each in ({}, some, every)]
    assert [answer.status_code for answer in told] == [503, 503, 503]
    assert {answer.headers["Retry-After"] for answer in told} == {"5"}
    assert ["secret" in answer.text for answer in told] == [False, False, True]
    assert caplog.text.count("secret is away") >= 2


def test_a_ready_server_has_loaded_its_models(library: Library) -> None:
    """The first search waits for nothing."""
    embedder = HeldEmbedder()
    embedder.let_go.set()
    Readiness(with_model(library, embedder)).check()
    assert embedder.begun.is_set()


def test_a_server_that_is_about_to_end_is_not_ready(library: Library) -> None:
    """So that no balancer sends it more."""
    readiness = Readiness(library.service())
    readiness.check()
    readiness.end()
    with pytest.raises(ServiceUnavailable, match="about to end"):
        readiness.check()


@pytest.mark.parametrize("word", ["warm", "ends", "waits"])
def test_a_server_listens_when_it_is_warm_or_says_why_it_is_not(
    library: Library, word: str
) -> None:
    """A proxy gives searches to whatever listens; one that is refused is put to another replica."""

    async def said() -> bool:
        readiness, let_go = Readiness(library.service()), asyncio.Event()
        readiness.listen_s = 0.2 if word == "waits" else 60.0
        warming = asyncio.create_task(_held(let_go))
        listening = asyncio.create_task(readiness.listens(warming))
        done, _ = await asyncio.wait({listening}, timeout=0.1)
        assert not done
        if word == "warm":
            let_go.set()
        elif word == "ends":
            readiness.end()
        await asyncio.wait_for(listening, 20)
        was_warm = warming.done()
        let_go.set()
        await warming
        return was_warm

    assert asyncio.run(said()) == (word == "warm")


async def _held(let_go: asyncio.Event) -> None:
    await let_go.wait()


def test_the_first_connection_is_taken_when_the_models_are_loaded(library: Library) -> None:
    """Nobody hears that a server is about to be ready."""
    embedder = HeldEmbedder()
    with (
        ThreadPoolExecutor() as pool,
        serving(create_app(with_model(library, embedder))) as address,
    ):
        first = pool.submit(httpx2.get, f"{address}/readyz", timeout=20)
        assert embedder.begun.wait(20)
        assert not wait([first], timeout=0.2).done
        embedder.let_go.set()
        assert first.result().status_code == 200
