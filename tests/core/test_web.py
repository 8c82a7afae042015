"""Videos at URLs: what a look says, what is read, and what is refused."""

import errno
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from clipseek import ranged
from clipseek.sources import Source
from clipseek.sources.fetching import FetchLimits
from clipseek.sources.guard import Guard
from clipseek.sources.web import Web
from tests.sites import VIDEO, Answer, Site, answer, loopback, redirect, running


def of_ranges(
    body: bytes = VIDEO, etag: str = '"one"', cut_at: Callable[[], int] = lambda: 1 << 30
) -> Answer:
    """Answer with the range that is asked for, cut off after so many bytes."""

    def give(handler: BaseHTTPRequestHandler) -> None:
        first, last = map(int, handler.headers["Range"].removeprefix("bytes=").split("-"))
        part = body[first : last + 1]
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(body)}")
        for name, value in {"ETag": etag, "Content-Length": str(len(part))}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Type", "video/mp4")
        handler.end_headers()
        handler.wfile.write(part[: cut_at()])

    return give


@pytest.fixture
def site() -> Iterator[Site]:
    """Return a running site."""
    with Site() as started:
        running(started)
        yield started
        started.shutdown()


@pytest.fixture
def web(site: Site) -> Web:
    """Return the place of URLs, which may read that site alone."""
    return Web(loopback(f"a.example:{site.port}"), FetchLimits(2 << 20, 20.0, 2.0))


def url(site: Site, path: str = "/v.mp4") -> str:
    """Return the URL of a path of the site."""
    return f"http://a.example:{site.port}{path}"


def whole(source: Source) -> bytes:
    """Open a source and read it by its descriptor."""
    with source.open() as file:
        return os.pread(file.fileno(), len(VIDEO) + 1, 0)


@pytest.mark.parametrize(
    "given", [of_ranges(), answer(ETag='"one"')], ids=["with ranges", "without ranges"]
)
def test_a_video_is_looked_at_opened_and_streamed(site: Site, web: Web, given: Answer) -> None:
    """Whether the server gives ranges or always the whole."""
    site.paths["/v.mp4"] = given
    source = web.look(url(site))
    assert (source.uri, source.size_bytes, source.stamp) == (
        url(site),
        len(VIDEO),
        f'"one"-{len(VIDEO)}',
    )
    assert [source] == list(web.list(url(site)))
    assert b"".join(source.stream(5, 99)) == VIDEO[5:100]
    with source.parts() as opened:
        assert ranged.is_ranged(opened.fileno()) == source.has_ranges
        assert ranged.read_at(opened.fileno(), 95, 5) == VIDEO[5:100]


def test_the_whole_is_fetched(site: Site, web: Web) -> None:
    """By the same fetch as for jobs, into a file that is gone afterwards."""
    site.paths["/v.mp4"] = answer(ETag='"one"')
    source = web.look(url(site))
    assert whole(source) == VIDEO


def test_what_does_not_fit_is_not_fetched(
    site: Site, web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The disk of temporary files is not filled first; the sentence says how to use another one."""
    site.paths["/v.mp4"] = answer(ETag='"one"')
    source = replace(web.look(url(site)), size_bytes=1 << 60)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    with pytest.raises(OSError, match="set TMPDIR") as raised, source.open():
        pass
    assert raised.value.errno == errno.ENOSPC
    assert len(site.asked) == 1


def test_a_stream_continues_where_it_broke(site: Site, web: Web) -> None:
    """What came is not asked for again."""
    cuts = iter([1, 1000, 1 << 30])
    site.paths["/v.mp4"] = of_ranges(cut_at=lambda: next(cuts))
    source = web.look(url(site))
    assert b"".join(source.stream(0, len(VIDEO) - 1)) == VIDEO
    assert [headers["Range"] for _, headers in site.asked] == [
        "bytes=0-0",
        f"bytes=0-{len(VIDEO) - 1}",
        f"bytes=1000-{len(VIDEO) - 1}",
    ]


def test_a_server_that_always_breaks_is_told(
    site: Site, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some tries without a byte."""
    monkeypatch.setattr(time, "sleep", lambda _s: None)
    cuts = iter([1])
    site.paths["/v.mp4"] = of_ranges(cut_at=lambda: next(cuts, 0))
    source = web.look(url(site))
    with pytest.raises(OSError, match="connection to the server broke"):
        list(source.stream(0, 9))


@pytest.mark.parametrize(
    "other", [of_ranges(etag='"two"'), answer(ETag='"two"')], ids=["with ranges", "without ranges"]
)
def test_a_video_that_has_changed_is_never_mixed(site: Site, web: Web, other: Answer) -> None:
    """Neither opened nor streamed."""
    site.paths["/v.mp4"] = of_ranges()
    source = web.look(url(site))
    site.paths["/v.mp4"] = other
    with pytest.raises(OSError, match="changed"):
        list(source.stream(0, 9))
    site.paths["/v.mp4"] = answer(ETag='"two"')
    with pytest.raises(OSError, match="changed"):
        whole(source)


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        pytest.param(answer(status=404), FileNotFoundError, "no such video", id="404"),
        pytest.param(answer(status=403), PermissionError, "not allowed", id="403"),
        pytest.param(answer(status=503), OSError, "answered 503", id="503"),
        pytest.param(answer(), OSError, "neither an ETag nor a time of change", id="no state"),
        pytest.param(
            answer(Content_Length="", ETag='"one"'),
            OSError,
            "does not say how long",
            id="no length",
        ),
        pytest.param(redirect("/v.mp4"), OSError, "redirects more than", id="loop"),
        pytest.param(
            redirect("http://b.example/"), PermissionError, "CLIPSEEK_FETCH_HOSTS", id="elsewhere"
        ),
    ],
)
def test_what_a_server_does_not_give_is_told(
    site: Site, web: Web, given: Answer, kind: type[OSError], said: str
) -> None:
    """In a sentence."""
    site.paths["/v.mp4"] = given
    with pytest.raises(kind, match=said):
        web.look(url(site))


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://b.example/v.mp4", "CLIPSEEK_FETCH_HOSTS"),
        ("http://user:word@a.example/v.mp4", "no user and no password"),
        ("http://a.example/v.mp4?signature=word", "must have no `\\?` and no `#`"),
        ("http://a.example/v.mp4#word", "must have no `\\?` and no `#`"),
    ],
)
def test_a_url_that_may_not_be_read_is_refused(web: Web, uri: str, said: str) -> None:
    """Before anything is asked; what follows a question mark is not repeated."""
    with pytest.raises(PermissionError, match=said) as raised:
        web.look(uri)
    assert "signature" not in str(raised.value)


def test_an_address_inside_is_refused(site: Site) -> None:
    """A listed name that leads to this machine; no setting allows that."""
    place = Web(Guard([f"localhost:{site.port}"]), FetchLimits(2 << 20, 20.0, 2.0))
    with pytest.raises(PermissionError, match="not public"):
        place.look(f"http://localhost:{site.port}/v.mp4")
    assert site.asked == []
