"""Rates of keys: what counts, what is refused, and what replicas share."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.principal import Principal
from api.problems import Refused
from api.rates import Rates
from clipseek.keys import Rate
from tests.api.library import Library

RATE = Rate.of("3/h")
ANN = Principal("ann", frozenset({"search"}), rate=RATE)
BOB = Principal("bob", frozenset({"search"}), rate=RATE)


@contextmanager
def asking(library: Library, **settings: Any) -> Iterator[TestClient]:
    """Open a client of an application that needs keys."""
    app = create_app(library.service(access="keys", **settings))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def allowed(rates: Rates, principal: Principal, tries: int, cost: int = 1) -> int:
    """Return how many of some requests, one after the other, are allowed."""

    async def ask() -> int:
        count = 0
        for _ in range(tries):
            try:
                await rates.spend(principal, cost)
            except Refused:
                continue
            count += 1
        await rates.close()
        return count

    return asyncio.run(ask())


def test_more_requests_than_the_rate_are_refused(library: Library) -> None:
    """With the seconds to wait, and with what the key may."""
    ann = library.key("ann", "search", rate="2/h")
    with asking(library) as client:
        statuses = [client.get("/v1/collections", headers=ann).status_code for _ in range(2)]
        assert statuses == [200, 200]
        refused = client.get("/v1/collections", headers=ann)
    assert refused.status_code == 429
    assert refused.json()["type"] == "/problems/too-many-requests"
    assert refused.headers["RateLimit-Policy"] == '"key";q=2;w=3600'
    wait_s = int(refused.headers["Retry-After"])
    assert 0 < wait_s <= 3600
    assert refused.headers["RateLimit"] == f'"key";r=0;t={wait_s}'
    assert f"ask again in {wait_s} s" in refused.json()["detail"]


def test_a_batch_counts_as_its_searches(library: Library) -> None:
    """One that is larger than the rate can never be answered, and is told so."""
    ann = library.key("ann", "search", rate="5/h")
    with asking(library) as client:

        def batch(count: int) -> Any:
            body = {"searches": [{"query": "red"}] * count}
            return client.post("/v1/search/batch", json=body, headers=ann)

        assert "send smaller batches" in batch(6).json()["detail"]
        assert "Retry-After" not in batch(6).headers
        assert batch(4).status_code == 200
        assert batch(2).status_code == 429
        assert client.post("/v1/search", json={"query": "red"}, headers=ann).status_code == 200
        assert batch(1).status_code == 429


def test_pictures_and_videos_do_not_count(library: Library) -> None:
    """A page of answers has many of them."""
    ann = library.key("ann", "search", rate="1/h")
    with asking(library) as client:
        for _ in range(3):
            assert client.get("/v1/segments/1/thumbnail", headers=ann).status_code == 200
            assert client.get("/v1/videos/sea/file", headers=ann).status_code == 200
        assert client.get("/v1/videos", headers=ann).status_code == 200
        assert client.get("/v1/videos", headers=ann).status_code == 429


def test_what_needs_no_key_does_not_count(library: Library) -> None:
    """A browser opens the page, its styles and its scripts with the cookie of its session."""
    ann = library.key("ann", "search", rate="1/h")
    with asking(library) as client:
        for path in ("/", "/login", "/static/login.js", "/healthz"):
            assert client.get(path, headers=ann).status_code == 200
        assert client.get("/v1/videos", headers=ann).status_code == 200
        assert client.get("/v1/videos", headers=ann).status_code == 429


def test_a_key_without_a_rate_has_no_limit(library: Library) -> None:
    """And the rate of another key does not concern it."""
    ann, bob = library.key("ann", "search", rate="1/h"), library.key("bob", "search")
    with asking(library) as client:
        for _ in range(20):
            assert client.get("/v1/collections", headers=bob).status_code == 200
        assert client.get("/v1/collections", headers=ann).status_code == 200


def test_each_key_has_its_own_count() -> None:
    """In the process."""
    rates = Rates()
    assert allowed(rates, ANN, 5) == 3
    assert allowed(rates, BOB, 5) == 3


def test_what_is_refused_does_not_count() -> None:
    """So a large batch that is refused leaves room for a smaller one."""
    rates = Rates()
    assert allowed(rates, ANN, 1, cost=2) == 1
    assert allowed(rates, ANN, 5, cost=2) == 0
    assert allowed(rates, ANN, 5) == 1


def test_replicas_share_the_counts_in_redis(redis_url: str) -> None:
    """Each of two has seen a part of the requests."""
    assert allowed(Rates(redis_url, timeout_s=5), ANN, 2) == 2
    assert allowed(Rates(redis_url, timeout_s=5), ANN, 5) == 1
    assert allowed(Rates(redis_url, timeout_s=5), BOB, 5) == 3


def test_without_an_answer_of_redis_each_replica_counts_for_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says so once, and the limit stays."""
    rates = Rates("redis://127.0.0.1:1")
    assert allowed(rates, ANN, 20) == 3
    said = [record for record in caplog.records if "does not answer" in record.getMessage()]
    assert len(said) == 1


@pytest.mark.parametrize("text", ["", "20", "0/s", "20/d", "-1/s", "1.5/s", "20 / s", "99999999/s"])
def test_another_rate_is_refused(text: str) -> None:
    """The sentence gives examples and repeats it."""
    with pytest.raises(ValueError, match="such as 20/s, 600/m or 10000/h, got"):
        Rate.of(text)


@pytest.mark.parametrize(("text", "seconds"), [("20/s", 1), ("600/m", 60), ("10000/h", 3600)])
def test_a_rate_is_read_and_written(text: str, seconds: int) -> None:
    """As it was given."""
    rate = Rate.of(text)
    assert (str(rate), rate.seconds) == (text, seconds)
