"""Ingest and search with towers on an inference server, which may be gone, slow or another one."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.assembly import open_service
from clipseek.breaker import Breaker
from clipseek.config import Settings
from clipseek.embedding import models
from clipseek.embedding.bundle import TEXT, Bundle
from clipseek.embedding.towers import on_cpu
from clipseek.embedding.towers.remote import Address, RemoteTower, on_server, open_server
from clipseek.embedding.towers.remote.exchange import wanted
from clipseek.errors import ServiceUnavailable
from tests.clock import Clock
from tests.contracts.polling import eventually
from tests.e2e.conftest import Library
from tests.e2e.kill_ingest import Stored, stored
from tests.inference.faults import Proxy, peer
from tests.inference.server import Running

Capture = pytest.CaptureFixture[str]
PICTURE_BYTES = 64 * 64 * 3 * 4
"""What one picture takes that is sent to the tower of the demo."""


@pytest.fixture
def proxy(inference_server: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Return a network before MLServer, which all commands of a test are told of."""
    between = Proxy(inference_server.grpc)
    monkeypatch.setenv("CLIPSEEK_EMBEDDER_URL", f"grpc://127.0.0.1:{between.port}")
    monkeypatch.setenv("CLIPSEEK_BATCH_SIZE", "8")
    yield between
    between.close()


def assert_same(some: dict[str, list[Stored]], all_of_them: dict[str, list[Stored]]) -> None:
    """Compare videos with those that this process embedded."""
    for name, ((found,), (expected,)) in {
        name: (some[name], all_of_them[name]) for name in some
    }.items():
        assert found.same(expected), name


def test_an_ingest_whose_server_goes_away_loses_nothing(
    empty: Library, shared_library: Library, proxy: Proxy, capsys: Capture
) -> None:
    """It ends with one sentence; what was committed stays, and the next ingest does the rest."""
    paths = [str(path) for path in sorted(empty.videos.glob("*.mp4"))[:3]]
    expected = {
        name: videos
        for name, videos in stored(shared_library.data_dir).items()
        if str(empty.videos / name) in paths
    }
    pictures = sum(len(video.vectors) for (video,) in expected.values())
    proxy.budget = pictures * PICTURE_BYTES // 2

    code = empty.run("ingest", *paths, "--model", "demo", "--quiet", "--workers", "1")

    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("indexer: ")]
    assert code == 1
    assert len(said) == 1
    assert f"the inference server grpc://127.0.0.1:{proxy.port} cannot be reached" in said[0]
    some = stored(empty.data_dir)
    assert len(some) < len(expected)
    assert_same(some, expected)
    proxy.budget, proxy.mode = None, "pass"

    assert empty.run("ingest", *paths, "--quiet") == 0

    whole = stored(empty.data_dir)
    assert whole.keys() == expected.keys()
    assert_same(whole, expected)
    assert empty.run("verify") == 0


def test_searches_while_the_server_is_away(library: Library, proxy: Proxy) -> None:
    """Others get 503 and may repeat them; a sentence that is known is still answered."""
    settings = Settings(data_dir=library.data_dir, allowed_hosts=("testserver",))
    service = open_service(settings)
    with TestClient(create_app(service)) as client:

        def search(sentence: str) -> tuple[int, object]:
            answer = client.post("/v1/search", json={"query": sentence, "limit": 3})
            if answer.status_code == 503:
                assert answer.headers["Retry-After"]
                assert answer.json()["type"] == "/problems/service-unavailable"
                assert str(proxy.port) not in answer.text
                return 503, None
            assert answer.status_code == 200, answer.text
            return 200, [hit["score"] for hit in answer.json()["hits"]]

        known = search("a red car")
        assert known[0] == 200
        proxy.mode = "reset"

        assert search("a blue boat")[0] == 503
        assert search("a red car") == known

        proxy.mode = "pass"
        eventually(lambda: search("a blue boat")[0] == 200)


def test_a_search_asks_no_other_model(
    library: Library, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of another model is named, with what it has and what it must have."""
    with peer("clipseek-text-other", "5", 384) as other:
        monkeypatch.setenv("CLIPSEEK_EMBEDDER_URL", other.url)

        code = library.run("search", "a red car")

    (said,) = capsys.readouterr().err.splitlines()
    assert code == 1
    assert said.startswith(f"indexer: the inference server {other.url} must have version ")
    assert "says it has version 5 of clipseek-text-other" in said
    assert "set CLIPSEEK_EMBEDDER_URL" in said


def tower_at(scheme: str, network: Proxy, demo: Bundle, **other: Any) -> RemoteTower:
    """Return the text tower of the demo behind a network."""
    address = Address(url=f"{scheme}://127.0.0.1:{network.port}", **{"deadline_s": 20.0, **other})
    return RemoteTower(open_server(address), wanted(demo, TEXT), Breaker(), address)


SENTENCES = ["a red car", "", "a blue ball rolls over a field", "two dogs"]


@pytest.fixture(params=["grpc", "http"])
def scheme(request: pytest.FixtureRequest) -> str:
    """Return each form of the protocol in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return the demo's bundle."""
    return models.resolve("demo", tmp_path_factory.mktemp("data"))


@pytest.fixture
def network(inference_server: Running, scheme: str) -> Iterator[Proxy]:
    """Return a network before MLServer."""
    port = inference_server.grpc if scheme == "grpc" else inference_server.http
    between = Proxy(port)
    yield between
    between.close()


def test_vectors_are_those_of_this_process(
    inference_server: Running, demo: Bundle, scheme: str
) -> None:
    """Number by number, of pictures and of sentences."""
    here = on_cpu(demo, threads=2)
    there = on_server(demo, Address(url=inference_server.url(scheme)), threads=2)
    pixels = np.random.default_rng(1).integers(0, 256, (40, 90, 120, 3), np.uint8)

    assert np.array_equal(there.embed_images(pixels), here.embed_images(pixels))
    assert np.array_equal(there.embed_texts(SENTENCES), here.embed_texts(SENTENCES))


def test_another_model_is_not_there(inference_server: Running, demo: Bundle, scheme: str) -> None:
    """A server that has only other weights is asked for these, and says no."""
    other = replace(demo, fingerprint="f" * 64)
    there = on_server(other, Address(url=inference_server.url(scheme)))

    with pytest.raises(ServiceUnavailable, match=r"refuses the request .*clipseek-text-ffff"):
        there.check_texts()
    with pytest.raises(ServiceUnavailable, match=r"refuses the request .*clipseek-visual-ffff"):
        there.embed_images(np.zeros((1, 64, 64, 3), np.uint8))


def test_one_reset_is_not_noticed(network: Proxy, demo: Bundle, scheme: str) -> None:
    """The request is sent again over a new connection."""
    tower = tower_at(scheme, network, demo)
    rows = np.zeros((1, demo.context_length), np.int64)
    expected = tower.run(rows)
    before = network.taken
    network.mode = "reset"
    network.mode = "pass"

    assert np.array_equal(tower.run(rows), expected)

    assert network.taken > before


def test_a_server_that_goes_and_comes_back(network: Proxy, demo: Bundle, scheme: str) -> None:
    """While it is gone, it is left alone after a few attempts; then it is asked again."""
    clock = Clock()
    address = Address(url=f"{scheme}://127.0.0.1:{network.port}", deadline_s=20.0)
    breaker = Breaker(clock)
    tower = RemoteTower(open_server(address), wanted(demo, TEXT), breaker, address)
    rows = np.zeros((1, demo.context_length), np.int64)
    expected = tower.run(rows)
    network.mode = "reset"

    with pytest.raises(ServiceUnavailable, match="cannot be reached"):
        tower.run(rows)
    taken = network.taken
    with pytest.raises(ServiceUnavailable, match="left alone for some seconds"):
        tower.run(rows)
    assert network.taken == taken or scheme == "grpc"  # gRPC connects again by itself

    network.mode = "pass"

    def is_back() -> bool:
        clock.now += 60
        try:
            return np.array_equal(tower.run(rows), expected)
        except ServiceUnavailable:
            return False

    eventually(is_back)


def test_a_server_that_is_too_slow(network: Proxy, demo: Bundle, scheme: str) -> None:
    """The deadline ends the wait, and nothing is sent a second time."""
    network.mode = "silent"
    tower = tower_at(scheme, network, demo, deadline_s=0.3)

    with pytest.raises(ServiceUnavailable, match=r"has not answered in 0\.3 s|cannot be reached"):
        tower.check()

    assert network.taken <= 2


def test_nobody_listens(demo: Bundle, scheme: str) -> None:
    """A port that is closed is an error at once."""
    network = Proxy(1)
    network.close()

    with pytest.raises(ServiceUnavailable, match="cannot be reached"):
        tower_at(scheme, network, demo).check()
