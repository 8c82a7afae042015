"""Replicas that search a shard each answer as one that searches all, or say which is missing."""

import json
import random
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from api.shards import ShardMetrics
from benchmarks.library import make_library
from clipseek.assembly import build_snapshot, open_service, open_writer
from clipseek.config import Settings
from clipseek.index import wire
from clipseek.index.wire import Question
from clipseek.sharding import shard_of
from clipseek.types import Video
from tests.api.server import serving

SECRET = "only replicas know this"
WORDS = ("a red car", "a blue boat at night", "snow", "a dog before a house", "two birds")


def described(number: int, video: Video) -> Video:
    """Give a video tags, a folder and a height, so that filters let some through."""
    return replace(
        video,
        tags=("even",) if number % 2 == 0 else ("odd", "third")[: 1 + (number % 3 == 0)],
        uri=f"/videos/{number % 3}/{video.id}.mp4",
        height=360 * (1 + number % 2),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with an index in two shards, and changes since."""
    made = tmp_path_factory.mktemp("library")
    make_library(made, videos=24, segments=12, described=described)
    settings = Settings.load(data_dir=made, shards=2)
    with open_writer(settings) as service:
        build_snapshot(service, "default")
        service.catalog.remove("default", f"{3:032x}")
        service.catalog.remove("default", f"{4:032x}")
    return made


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


@contextmanager
def replica(folder: Path, port: int = 0, **given: Any) -> Iterator[str]:
    """Serve a replica over the folder; yield its address."""
    said = {"allowed_hosts": "127.0.0.1", "cache_entries": 0, "shard_deadline_s": 30.0, **given}
    service = open_service(Settings.load(data_dir=folder, **said))
    service.collections.ready()
    with serving(create_app(service), port=port) as url:
        yield url


@contextmanager
def cluster(folder: Path, **given: Any) -> Iterator[tuple[str, str]]:
    """Serve two replicas of a shard each, who ask each other."""
    ports = free_port(), free_port()
    with ExitStack() as stack:
        urls = [
            stack.enter_context(
                replica(
                    folder,
                    ports[here],
                    shard=str(here + 1),
                    shard_peers=f"{2 - here}=http://127.0.0.1:{ports[1 - here]}",
                    shard_secret=SECRET,
                    **given,
                )
            )
            for here in (0, 1)
        ]
        yield urls[0], urls[1]


@pytest.fixture(scope="module")
def pair(folder: Path) -> Iterator[tuple[str, str]]:
    """Two replicas that answer."""
    with cluster(folder) as urls:
        yield urls


@pytest.fixture(scope="module")
def whole(folder: Path) -> Iterator[str]:
    """A replica that searches all shards."""
    with replica(folder) as url:
        yield url


def post(url: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send JSON; return the status and what came back, without its time."""
    request = urllib.request.Request(  # noqa: S310  ours
        url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  ours
            status, answer = response.status, json.load(response)
    except urllib.error.HTTPError as error:
        status, answer = error.code, json.load(error)
    answer.pop("took_ms", None)
    answer.pop("request_id", None)
    return status, answer


def metrics(url: str) -> str:
    """Return the metrics of a replica."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as response:  # noqa: S310  ours
        text: str = response.read().decode()
    return text


def asked(chance: random.Random) -> dict[str, Any]:
    """Return a random search of any kind."""
    body: dict[str, Any] = {"query": chance.choice(WORDS), "limit": chance.choice([1, 5, 40])}
    only: dict[str, Any] = {}
    if chance.random() < 0.4:
        only["tags"] = [chance.choice(["even", "odd", "third"])]
    if chance.random() < 0.3:
        only["folder"] = f"/videos/{chance.randrange(3)}"
    if chance.random() < 0.2:
        only["min_height"] = 361
    if only:
        body["filter"] = only
    kind = chance.randrange(6)
    if kind == 0:
        body["then"] = {"query": chance.choice(WORDS), "within": 8}
    elif kind == 1:
        body["parts"] = [
            {"text": body.pop("query")},
            {"text": chance.choice(WORDS), "weight": -0.5},
        ]
    elif kind == 2:
        body["like"] = {"video_id": f"{6 + chance.randrange(9):032x}", "time": 5.0}
        del body["query"]
    elif kind == 3:
        body |= {"facets": ["tag", "folder"], "group_by": "video"}
    elif kind == 4:
        body["sort"] = "newest"
    else:
        body["mark_similar"] = True
    return body


def test_random_searches_are_answered_alike(whole: str, pair: tuple[str, str]) -> None:
    """Hits, scores, totals, facets and versions, by either of the two."""
    chance = random.Random(5)
    statuses = []
    for number in range(60):
        body = asked(chance)
        expected = post(whole, "/v1/search", body)
        assert post(pair[number % 2], "/v1/search", body) == expected, body
        statuses.append(expected[0])
    assert statuses.count(200) > 50


def test_pages_follow_each_other_on_any_replica(whole: str, pair: tuple[str, str]) -> None:
    """A cursor of one is that of the others."""
    body: dict[str, Any] = {"query": "snow", "limit": 7}
    for url in (pair[0], pair[1], pair[0]):
        found = post(url, "/v1/search", body)
        assert found == post(whole, "/v1/search", body)
        assert len(found[1]["hits"]) == 7
        assert found[1]["incomplete"] == []
        body["cursor"] = found[1]["next_cursor"]


def test_each_asks_the_other_once(pair: tuple[str, str]) -> None:
    """And counts it, on both sides; an answer that was late is asked for again."""
    before = [asked_and_answered(url, 2 - here) for here, url in enumerate(pair)]
    for _ in range(3):
        for url in pair:
            assert post(url, "/v1/search", {"query": "two boats"})[0] == 200
    after = [asked_and_answered(url, 2 - here) for here, url in enumerate(pair)]
    more = [(now[0] - was[0], now[1] - was[1]) for was, now in zip(before, after, strict=True)]
    assert 3 <= more[0][0] <= more[1][1]
    assert 3 <= more[1][0] <= more[0][1]


def asked_and_answered(url: str, shard: int) -> tuple[float, float]:
    """Return how many answers a replica has had from its peer, and given it."""
    shown = metrics(url)
    return (
        metric(shown, f'shard_requests_total{{outcome="answered",shard="{shard}"}}'),
        sum(
            float(line.rpartition(" ")[2])
            for line in shown.splitlines()
            if line.startswith("clipseek_shard_questions_total{")
        ),
    )


def metric(text: str, name: str) -> float:
    """Return a figure of the metrics; 0 if there is none."""
    found = [line for line in text.splitlines() if line.startswith(f"clipseek_{name} ")]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def test_a_peer_that_is_gone_is_an_error_by_default(folder: Path) -> None:
    """With the shard, the reason and what to do, in the log; 503 for who has asked."""
    dead = f"2=http://127.0.0.1:{free_port()}"
    with replica(
        folder, shard="1", shard_peers=dead, shard_secret=SECRET, shard_deadline_s=0.2
    ) as url:
        status, problem = post(url, "/v1/search", {"query": "snow"})
        assert status == 503
        assert "hits" not in problem
        shown = metrics(url)
        assert metric(shown, 'shard_requests_total{outcome="failed",shard="2"}') >= 1
        assert metric(shown, "incomplete_answers_total") == 0


def test_a_peer_that_is_gone_is_left_out_if_that_is_wanted(folder: Path, whole: str) -> None:
    """The answer is that of the other shards, names the missing one, and is not kept."""
    port = free_port()
    given: dict[str, Any] = {"shard_missing": "answer", "cache_entries": 100}
    given |= {"shard_peers": f"2=http://127.0.0.1:{port}", "shard_deadline_s": 0.2}
    with replica(folder, shard="1", shard_secret=SECRET, **given) as url:
        body = {"query": "snow", "limit": 100}
        everything = post(whole, "/v1/search", body)[1]["hits"]
        expected = [hit for hit in everything if shard_of(hit["video"]["id"], 2) == 1]
        for _ in range(2):
            status, answer = post(url, "/v1/search", body)
            assert (status, answer["incomplete"]) == (200, ["2"])
            assert (answer["next_cursor"], answer["version"]) == (None, 26)
            best = [(hit["segment_id"], hit["score"]) for hit in expected][:8]
            assert [(hit["segment_id"], hit["score"]) for hit in answer["hits"]][:8] == best
            assert {shard_of(hit["video"]["id"], 2) for hit in answer["hits"]} == {1}
        shown = metrics(url)
        assert metric(shown, "incomplete_answers_total") == 2
        cursor = post(whole, "/v1/search", {"query": "snow", "limit": 3})[1]["next_cursor"]
        assert post(url, "/v1/search", {"query": "snow", "limit": 3, "cursor": cursor})[0] == 503
        with replica(folder, port, shard="2", shard_secret=SECRET):
            until = time.monotonic() + 60
            while post(url, "/v1/search", body)[1]["incomplete"] and time.monotonic() < until:
                time.sleep(0.2)
            assert post(url, "/v1/search", body) == post(whole, "/v1/search", body)


def send(url: str, question: Question, secret: str, *, late_s: float = 0.0) -> tuple[int, bytes]:
    """Ask a replica for a shard, sealed with a secret."""
    body, now = question.written(), f"{time.time() - late_s:.3f}"
    key = secret.encode()
    headers = {
        wire.TIME: now,
        wire.PASS: wire.seal(key, [now.encode(), str(len(body)).encode()]),
        wire.SEAL: wire.seal(key, [now.encode(), body]),
    }
    request = urllib.request.Request(url + wire.PATH, body, headers)  # noqa: S310  ours
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  ours
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


ASKED = Question("holds", "default", 1, "0" * 64, 1)


@pytest.mark.parametrize(
    ("question", "secret", "late_s", "status", "said"),
    [
        pytest.param(
            ASKED, "another secret of theirs", 0, 401, b"CLIPSEEK_SHARD_SECRET", id="secret"
        ),
        pytest.param(ASKED, SECRET, 900, 401, b" s from now; compare the two clocks", id="clock"),
        pytest.param(ASKED, SECRET, 0, 409, b"another version of shard 1", id="version"),
        pytest.param(replace(ASKED, key="../x"), SECRET, 0, 409, b"another version", id="path"),
        pytest.param(
            replace(ASKED, shard=2), SECRET, 0, 404, b"shard 2 is asked for, and 1", id="2"
        ),
    ],
)
def test_a_question_that_is_not_answered(
    pair: tuple[str, str], question: Question, secret: str, late_s: float, status: int, said: bytes
) -> None:
    """Says why: who asks, when, which version, and which shard."""
    found = send(pair[0], question, secret, late_s=late_s)
    assert found[0] == status
    assert said in found[1]


def test_who_does_not_know_the_secret_sends_no_body(pair: tuple[str, str]) -> None:
    """It is refused after the head, however much it says that it will send."""
    host, _, port = pair[0].removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"POST {wire.PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 200000000\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 401")


def test_without_a_secret_there_is_no_such_endpoint(whole: str) -> None:
    """It is like any other path that does not exist."""
    assert send(whole, ASKED, SECRET)[0] == 404


def test_a_question_of_the_index_before_is_answered(folder: Path, tmp_path: Path) -> None:
    """A replica that has a new index still serves the old one to peers that have it open."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    with cluster(copy, refresh_s=0.2) as urls, replica(copy, refresh_s=0.2) as alone:
        body = {"query": "a red car", "limit": 40}
        before = post(alone, "/v1/search", body)
        assert before[0] == 200
        with open_writer(Settings.load(data_dir=copy, shards=2)) as service:
            for number in range(5, 9):
                service.catalog.remove("default", f"{number:032x}")
                build_snapshot(service, "default")
                for url in urls:
                    found = post(url, "/v1/search", body)
                    assert (found[0], found[1].get("incomplete")) == (200, [])
        until = time.monotonic() + 60
        while time.monotonic() < until:
            answers = [post(url, "/v1/search", body) for url in (*urls, alone)]
            if {answer[1]["version"] for answer in answers} == {30}:
                break
            time.sleep(0.1)
        assert answers[0] == answers[1] == answers[2]
        assert answers[0][1]["hits"] != before[1]["hits"]


def test_no_peers_are_counted_without_shards() -> None:
    """The families are there, and empty."""
    families = {each.name: len(each.samples) for each in ShardMetrics(None).collect()}
    assert families == {
        "clipseek_shard_requests": 0,
        "clipseek_shard_questions": 0,
        "clipseek_incomplete_answers": 1,
    }
