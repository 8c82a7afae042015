"""Compressed answers: which ones, for whom, and what their headers say."""

import asyncio
import gzip
import threading
import zlib
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api import packing
from api.packing import (
    LEAST_BYTES,
    MOST_BYTES,
    OFF_LOOP_BYTES,
    Held,
    begun,
    compressed,
    is_worth,
    takes_gzip,
)

JSON = b"application/json"
SEARCH = {"query": "a red car", "limit": 5}
GZIP = {"Accept-Encoding": "gzip"}
SCRIPT = "/static/routes.js"
PLAIN = {"Accept-Encoding": "identity"}


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        pytest.param(b"", False, id="no header"),
        pytest.param(b"gzip", True, id="gzip"),
        pytest.param(b"br, GZip;q=0.5", True, id="among others"),
        pytest.param(b"gzip;q=0", False, id="refused"),
        pytest.param(b"gzip; q=0.000, *", False, id="refused before all others"),
        pytest.param(b"*", True, id="anything"),
        pytest.param(b"*;q=0", False, id="nothing"),
        pytest.param(b"br, deflate", False, id="others"),
        pytest.param(b"gzip;q=much", False, id="no number"),
        pytest.param(b"x-gzip", True, id="its old name"),
    ],
)
def test_who_takes_gzip(accepted: bytes, *, taken: bool) -> None:
    """As RFC 9110, section 12.5.3 reads the header."""
    assert takes_gzip(accepted) is taken


@pytest.mark.parametrize(
    ("status", "kind", "length", "worth"),
    [
        pytest.param(200, JSON, LEAST_BYTES + 1, True, id="just large enough"),
        pytest.param(200, JSON, LEAST_BYTES, False, id="small"),
        pytest.param(200, JSON, MOST_BYTES + 1, False, id="too large to be held"),
        pytest.param(200, JSON, None, False, id="of unknown length"),
        pytest.param(200, b"text/html; charset=utf-8", 5000, True, id="a page"),
        pytest.param(200, b"image/svg+xml", 5000, True, id="a drawing"),
        pytest.param(404, b"application/problem+json", 5000, True, id="a problem"),
        pytest.param(206, JSON, 5000, False, id="a range"),
        pytest.param(304, JSON, 5000, False, id="not modified"),
        pytest.param(200, b"image/jpeg", 5000, False, id="a picture"),
        pytest.param(200, b"video/mp4", 5000, False, id="a video"),
        pytest.param(200, b"text/event-stream", 5000, False, id="events"),
    ],
)
def test_what_is_compressed(status: int, kind: bytes, length: int | None, *, worth: bool) -> None:
    """Text of a known length, whole, that is worth the time."""
    headers = {b"content-type": kind}
    if length is not None:
        headers[b"content-length"] = b"%d" % length
    assert is_worth(status, headers) is worth


def test_nginx_compresses_from_the_same_length_on() -> None:
    """Whether nginx is there makes no difference to what is sent compressed."""
    template = Path(__file__).parents[2] / "nginx/templates/clipseek.conf.template"
    assert f"gzip_min_length {LEAST_BYTES};" in template.read_text()


@pytest.mark.parametrize(
    ("length", "is_beside"),
    [(20_000, False), (60_000, True)],
    ids=["short", "long"],
)
def test_long_answers_are_compressed_beside_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, length: int, *, is_beside: bool
) -> None:
    """Other requests need not wait for them; for short ones, another thread takes longer."""
    threads = []

    def noted(body: bytes, steady: int = 0) -> bytes:
        threads.append(threading.get_ident())
        return compressed(body, steady)

    monkeypatch.setattr(packing, "compressed", noted)
    held = Held({"type": "http.response.start", "status": 200, "headers": []})
    held.take({"type": "http.response.body", "body": b"a" * length})
    asyncio.run(held.packed())
    assert (threads != [threading.get_ident()]) is is_beside


def test_what_is_compressed_already_is_not_compressed_again() -> None:
    """An answer with an encoding of its own is passed on."""
    headers = {b"content-type": JSON, b"content-length": b"5000"}
    assert not is_worth(200, {**headers, b"content-encoding": b"br"})


@pytest.mark.parametrize("length", [OFF_LOOP_BYTES - 1, OFF_LOOP_BYTES + 1])
def test_an_answer_in_parts_is_compressed_as_a_whole(length: int) -> None:
    """Files come in parts, and the length of all of them is sent before the first."""
    body = b"a moment " * (length // 9)
    held = Held({"type": "http.response.start", "status": 200, "headers": []})
    assert not held.take({"type": "http.response.body", "body": body[:100], "more_body": True})
    assert held.take({"type": "http.response.body", "body": body[100:]})
    start, packed = asyncio.run(held.packed())
    assert zlib.decompress(packed, 16 + zlib.MAX_WBITS) == body
    assert dict(start["headers"])[b"content-length"] == b"%d" % len(packed)


@pytest.mark.parametrize("steady", [0, 1, 899, 900])
def test_the_beginning_is_remembered_and_the_whole_is_gzip(steady: int) -> None:
    """What differs at the end is new, whichever part of the bytes was known before."""
    body = b"a moment " * 100
    for end in (b"", b"took 1 ms", b"took 2 ms" * 50):
        assert gzip.decompress(compressed(body + end, steady)) == body + end


def test_an_answer_that_is_asked_for_again_is_compressed_once(client: TestClient) -> None:
    """Only the end, which has the time it took, differs."""
    first = client.post("/v1/search", json=SEARCH, headers=GZIP)
    before = begun.cache_info()
    second = client.post("/v1/search", json=SEARCH, headers=GZIP)
    after = begun.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)
    assert second.headers["content-encoding"] == "gzip"
    assert second.json() | {"took_ms": 0} == first.json() | {"took_ms": 0}


def test_a_head_without_its_body_has_no_length() -> None:
    """The compressed length is not known, so no wrong one is sent."""
    headers = [(b"content-length", b"5000"), (b"etag", b'"one"')]
    held = Held({"type": "http.response.start", "status": 200, "headers": headers})
    assert held.take({"type": "http.response.body"})
    start, packed = asyncio.run(held.packed())
    assert (packed, start["headers"]) == (
        b"",
        [(b"etag", b'W/"one"'), (b"content-encoding", b"gzip")],
    )


def test_a_search_is_compressed_for_those_who_take_it(client: TestClient) -> None:
    """The same moments in fewer bytes, with a weak tag that is as good for conditions."""
    plain = client.post("/v1/search", json=SEARCH, headers=PLAIN)
    packed = client.post("/v1/search", json=SEARCH, headers=GZIP)
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json()["hits"] == plain.json()["hits"] != []
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    tag = plain.headers["etag"]
    assert packed.headers["etag"] == f"W/{tag}"
    for known in (tag, f"W/{tag}"):
        same = client.post("/v1/search", json=SEARCH, headers={**GZIP, "If-None-Match": known})
        assert (same.status_code, same.headers["etag"], same.content) == (304, known, b"")
        assert same.headers["vary"] == "Accept-Encoding"


def test_files_of_the_page_are_compressed(client: TestClient) -> None:
    """A script is as it was, once it is unpacked, and its tag lets it be asked for again."""
    plain = client.get(SCRIPT, headers=PLAIN)
    packed = client.get(SCRIPT, headers=GZIP)
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content)
    asked = {**GZIP, "If-None-Match": packed.headers["etag"]}
    assert client.get(SCRIPT, headers=asked).status_code == 304


def test_ranges_are_those_of_plain_bytes(client: TestClient) -> None:
    """A download that was begun compressed cannot be continued with plain bytes."""
    plain = client.get(SCRIPT, headers=PLAIN)
    packed = client.get(SCRIPT, headers=GZIP)
    assert plain.headers["accept-ranges"] == "bytes"
    assert "accept-ranges" not in packed.headers
    part = client.get(SCRIPT, headers={**GZIP, "Range": "bytes=0-1499"})
    assert (part.status_code, part.content) == (206, plain.content[:1500])
    assert "content-encoding" not in part.headers
    asked = {**GZIP, "Range": "bytes=0-1499", "If-Range": packed.headers["etag"]}
    whole = client.get(SCRIPT, headers=asked)
    assert (whole.status_code, whole.content) == (200, plain.content)


@pytest.mark.parametrize(
    "path", ["/v1/videos/traffic/file", "/v1/segments/1/thumbnail", "/healthz"]
)
def test_videos_pictures_and_small_answers_are_sent_as_they_are(
    client: TestClient, path: str
) -> None:
    """Their bytes are not fewer when compressed, and their tags stay strong."""
    answer = client.get(path, headers=GZIP)
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers
    assert "vary" not in answer.headers
    tag = answer.headers.get("etag", "")
    assert not tag.startswith("W/")
    same = client.get(path, headers={**GZIP, "If-None-Match": f"W/{tag}"})
    assert not tag or (same.status_code, same.headers["etag"]) == (304, tag)
