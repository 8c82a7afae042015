"""Fetching by real servers: redirects, cuts, lies, slowness, and names whose address changes."""

import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from clipseek.errors import DiskFull, NotFetched, UrlNotAllowed
from clipseek.sources.fetching import REDIRECTS, TRIES, Fetch, FetchLimits
from clipseek.sources.guard import Guard, is_public
from tests.lacking import lacking
from tests.sites import VIDEO, Answer, Site, answer, loopback, ranged, redirect, running

LIMITS = FetchLimits(size_bytes=2 << 20, total_s=20.0, stall_s=5.0)


@pytest.fixture
def site() -> Iterator[Site]:
    """Return a running site."""
    with Site() as started:
        running(started)
        yield started
        started.shutdown()


def fetching(site: Site, **others: Any) -> Fetch:
    """Return what fetches from a site under the name a.example."""
    given = {"limits": LIMITS, "pause": lambda _s: None, **others}
    return Fetch(loopback(f"a.example:{site.port}"), **given)


def url(site: Site, path: str = "/v.mp4") -> str:
    """Return the URL of a path."""
    return f"http://a.example:{site.port}{path}"


def test_a_video_is_fetched(site: Site, tmp_path: Path) -> None:
    """Under its name; nothing else is left, and the host is named to the server."""
    site.paths["/sea%20side.mp4?x=1"] = answer()
    name = fetching(site).into(tmp_path / "a.part", url(site, "/sea%20side.mp4?x=1"))
    assert name == "sea side.mp4"
    assert (tmp_path / "a.part").read_bytes() == VIDEO
    assert [path.name for path in tmp_path.iterdir()] == ["a.part"]
    _, headers = site.asked[0]
    assert headers["Host"] == f"a.example:{site.port}"
    assert headers["Accept-Encoding"] == "identity"


def test_progress_is_told(site: Site, tmp_path: Path) -> None:
    """Bytes so far and in all; a no ends the fetch."""
    site.paths["/v.mp4"] = answer()
    seen: list[tuple[int, int | None]] = []

    def go_on(so_far: int, size: int | None) -> bool:
        seen.append((so_far, size))
        return True

    fetching(site, go_on=go_on).into(tmp_path / "a.part", url(site))
    assert seen[-1] == (len(VIDEO), len(VIDEO))
    with pytest.raises(NotFetched, match="cancelled") as caught:
        fetching(site, go_on=lambda _so_far, _size: False).into(tmp_path / "b.part", url(site))
    assert not caught.value.again


def test_redirects_are_followed(site: Site, tmp_path: Path) -> None:
    """Also relative ones; the name is that of the last URL."""
    site.paths["/a"] = redirect("/b", 301)
    site.paths["/b"] = redirect(url(site, "/v.mp4"), 307)
    site.paths["/v.mp4"] = answer()
    assert fetching(site).into(tmp_path / "a.part", url(site, "/a")) == "v.mp4"


def test_redirects_end(site: Site, tmp_path: Path) -> None:
    """A circle is not followed for ever."""
    site.paths["/v.mp4"] = redirect("/v.mp4")
    with pytest.raises(NotFetched, match="redirects more than"):
        fetching(site).into(tmp_path / "a.part", url(site))
    assert len(site.asked) == REDIRECTS + 1


@pytest.mark.parametrize(
    "location",
    [
        "http://evil.example/v.mp4",
        "http://127.0.0.1/v.mp4",
        "http://[::ffff:7f00:1]/",
        "http://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "http://user@a.example/",
        "//evil.example/",
    ],
)
def test_a_redirect_is_checked_as_the_first_url_is(
    site: Site, tmp_path: Path, location: str
) -> None:
    """To a host that is not listed, to an address, to another scheme."""
    site.paths["/v.mp4"] = redirect(location)
    with pytest.raises(UrlNotAllowed):
        fetching(site).into(tmp_path / "a.part", url(site))
    assert len(site.asked) == 1


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"])
def test_a_redirect_to_a_listed_name_of_an_address_inside_is_refused(
    site: Site, tmp_path: Path, inside: str
) -> None:
    """The name is resolved and its address is checked again."""
    site.paths["/v.mp4"] = redirect(f"http://b.example:{site.port}/v.mp4")
    addresses = {"a.example": "127.0.0.1", "b.example": inside}
    guard = Guard(
        [f"a.example:{site.port}", f"b.example:{site.port}"],
        resolve=lambda host, _port: [addresses[host]],
        is_public=lambda address: address == "127.0.0.1" != inside or is_public(address),
    )
    fetch = Fetch(guard, LIMITS)
    with pytest.raises(UrlNotAllowed, match="not public"):
        fetch.into(tmp_path / "a.part", url(site))
    assert not (tmp_path / "a.part").exists()


def test_what_was_checked_is_connected_to(tmp_path: Path) -> None:
    """A name server that gives another address at the second question is not asked twice."""
    with Site("127.0.0.1") as outside:
        with socket.create_server(("127.0.0.2", outside.port)) as inside:
            running(outside)
            outside.paths["/v.mp4"] = answer()
            answers = iter(["127.0.0.1"] + ["127.0.0.2"] * 9)
            asked: list[str] = []

            def resolve(host: str, _port: int) -> list[str]:
                asked.append(host)
                return [next(answers)]

            guard = Guard(
                [f"a.example:{outside.port}"],
                resolve=resolve,
                is_public=lambda address: address == "127.0.0.1",
            )
            Fetch(guard, LIMITS).into(tmp_path / "a.part", url(outside))
            inside.setblocking(False)
            with pytest.raises(BlockingIOError):
                inside.accept()
        outside.shutdown()
    assert asked == ["a.example"]
    assert (tmp_path / "a.part").read_bytes() == VIDEO


def test_a_name_that_turns_inside_while_a_fetch_is_retried_is_refused(
    site: Site, tmp_path: Path
) -> None:
    """Each connection is to an address that was checked for it."""
    site.paths["/v.mp4"] = ranged(1000)
    answers = iter(["127.0.0.1", "10.0.0.1"])
    guard = Guard(
        [f"a.example:{site.port}"],
        resolve=lambda _host, _port: [next(answers)],
        is_public=lambda address: address == "127.0.0.1",
    )
    with pytest.raises(UrlNotAllowed, match="not public"):
        Fetch(guard, LIMITS, pause=lambda _s: None).into(tmp_path / "a.part", url(site))


def test_a_proxy_of_the_environment_is_not_asked(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would connect to what nobody has checked."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    site.paths["/v.mp4"] = answer()
    fetching(site).into(tmp_path / "a.part", url(site))


def test_a_second_address_is_tried(site: Site, tmp_path: Path) -> None:
    """The first one may not answer."""
    site.paths["/v.mp4"] = answer()
    guard = Guard(
        [f"a.example:{site.port}"],
        resolve=lambda _host, _port: ["127.0.0.3", "127.0.0.1"],
        is_public=lambda _address: True,
    )
    Fetch(guard, LIMITS).into(tmp_path / "a.part", url(site))


def test_a_fetch_continues_after_cuts(site: Site, tmp_path: Path) -> None:
    """Only what is missing is asked for; cuts that brought bytes have no limit."""
    site.paths["/v.mp4"] = ranged(len(VIDEO) // 10 + 1)
    fetching(site).into(tmp_path / "a.part", url(site))
    assert (tmp_path / "a.part").read_bytes() == VIDEO
    assert len(site.asked) == 10 > TRIES


def test_a_fetch_continues_after_a_kill(site: Site, tmp_path: Path) -> None:
    """Another process finds the bytes, and what the server called them."""
    site.paths["/v.mp4"] = ranged(1000)
    answers = iter([True, False])
    with pytest.raises(NotFetched):
        fetching(site, go_on=lambda _so_far, _size: next(answers)).into(
            tmp_path / "a.part", url(site)
        )
    size = (tmp_path / "a.part").stat().st_size
    site.paths["/v.mp4"] = ranged(len(VIDEO))
    fetching(site).into(tmp_path / "a.part", url(site))
    assert site.asked[-1][1]["Range"] == f"bytes={size}-"
    assert (tmp_path / "a.part").read_bytes() == VIDEO
    assert [path.name for path in tmp_path.iterdir()] == ["a.part"]


def test_bytes_of_another_url_are_not_continued(site: Site, tmp_path: Path) -> None:
    """Although they are in the same file."""
    (tmp_path / "a.part").write_bytes(b"other")
    (tmp_path / "a.tmp").write_text(json.dumps({"url": "http://b.example/", "validator": '"one"'}))
    site.paths["/v.mp4"] = ranged(len(VIDEO))
    fetching(site).into(tmp_path / "a.part", url(site))
    assert "Range" not in site.asked[0][1]
    assert (tmp_path / "a.part").read_bytes() == VIDEO


def test_a_file_that_changes_on_the_server_is_fetched_again(site: Site, tmp_path: Path) -> None:
    """Halves of two files are never joined."""
    other = VIDEO[::-1]
    answers = iter([ranged(5000), ranged(len(other), '"two"', other)])
    site.paths["/v.mp4"] = lambda handler: next(answers)(handler)
    fetching(site).into(tmp_path / "a.part", url(site))
    assert (tmp_path / "a.part").read_bytes() == other


def test_a_server_that_knows_no_ranges_is_asked_for_all(site: Site, tmp_path: Path) -> None:
    """Without a tag or a date, nothing says that the rest belongs to the beginning."""
    answers = iter([answer(VIDEO[:100], Content_Length=str(len(VIDEO))), answer()])
    site.paths["/v.mp4"] = lambda handler: next(answers)(handler)
    fetching(site).into(tmp_path / "a.part", url(site))
    assert "Range" not in site.asked[1][1]
    assert (tmp_path / "a.part").read_bytes() == VIDEO


def test_a_wrong_range_is_not_taken(site: Site, tmp_path: Path) -> None:
    """The fetch begins again."""
    wrong = answer(VIDEO[9:], 206, Content_Range=f"bytes 9-{len(VIDEO) - 1}/{len(VIDEO)}")
    answers = iter([ranged(5000), wrong, ranged(len(VIDEO))])
    site.paths["/v.mp4"] = lambda handler: next(answers)(handler)
    fetching(site).into(tmp_path / "a.part", url(site))
    assert (tmp_path / "a.part").read_bytes() == VIDEO


def test_a_server_that_gives_nothing_is_given_up(site: Site, tmp_path: Path) -> None:
    """After a few tries; a later one may have more success."""
    site.paths["/v.mp4"] = answer(b"", Content_Length="1000", ETag='"one"')
    with pytest.raises(NotFetched, match="broke") as caught:
        fetching(site).into(tmp_path / "a.part", url(site))
    assert caught.value.again
    assert len(site.asked) == TRIES


def test_a_larger_file_than_allowed_is_not_fetched(site: Site, tmp_path: Path) -> None:
    """Its length is announced, or the bytes are counted."""
    large = bytes(LIMITS.size_bytes + 1)
    site.paths["/announced"] = answer(b"", Content_Length=str(len(large)))
    site.paths["/counted"] = answer(large, Content_Length="")
    for path in site.paths:
        with pytest.raises(NotFetched, match="at most 2097152 bytes") as caught:
            fetching(site).into(tmp_path / "a.part", url(site, path))
        assert not caught.value.again
    assert (tmp_path / "a.part").stat().st_size <= LIMITS.size_bytes


def test_a_full_disk_ends_a_fetch(site: Site, tmp_path: Path) -> None:
    """Before the file is begun."""

    def require_space(size_bytes: int) -> None:
        if size_bytes > 1000:
            raise DiskFull("/srv")

    site.paths["/v.mp4"] = answer()
    with pytest.raises(DiskFull):
        fetching(site, require_space=require_space).into(tmp_path / "a.part", url(site))


@pytest.mark.parametrize("kind", ["text/html", "application/json", "image/png", "audio/mpeg"])
def test_another_type_is_not_fetched(site: Site, tmp_path: Path, kind: str) -> None:
    """A login page is not a video."""
    site.paths["/v.mp4"] = answer(kind=f"{kind}; charset=utf-8")
    with pytest.raises(NotFetched, match=f"not a video: the server says that it is {kind}"):
        fetching(site).into(tmp_path / "a.part", url(site))


@pytest.mark.parametrize("kind", ["video/x-matroska", "application/octet-stream", ""])
def test_the_type_of_a_file_is_fetched(site: Site, tmp_path: Path, kind: str) -> None:
    """Many servers do not know better; what it is, its content says later."""
    site.paths["/v.mp4"] = answer(kind=kind)
    fetching(site).into(tmp_path / "a.part", url(site))


def test_an_encoded_answer_is_not_taken(site: Site, tmp_path: Path) -> None:
    """A small one could become a huge file."""
    site.paths["/v.mp4"] = answer(Content_Encoding="gzip")
    with pytest.raises(NotFetched, match="encoded as gzip"):
        fetching(site).into(tmp_path / "a.part", url(site))


@pytest.mark.parametrize(
    ("status", "again"), [(404, False), (403, False), (429, True), (500, True), (503, True)]
)
def test_a_refusal_of_the_server_is_told(
    site: Site, tmp_path: Path, status: int, *, again: bool
) -> None:
    """Whether a later try may help depends on it."""
    site.paths["/v.mp4"] = answer(b"", status)
    with pytest.raises(NotFetched, match=f"answered {status}") as caught:
        fetching(site).into(tmp_path / "a.part", url(site))
    assert caught.value.again is again


def held(*parts: bytes, every_s: float = 0.0) -> Answer:
    """Send bytes, slowly, and never end."""

    def give(handler: BaseHTTPRequestHandler) -> None:
        for part in parts:
            handler.wfile.write(part)
            handler.wfile.flush()
            time.sleep(every_s)
        handler.connection.recv(1)  # until the client leaves

    return give


ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\n"
HEAD = ENDLESS[:-2] + b"Content-Length: 1000\r\n\r\n"


@pytest.mark.parametrize(
    ("parts", "limits", "said"),
    [
        pytest.param((), FetchLimits(10**6, 20.0, 0.2), "does not answer", id="no answer"),
        pytest.param((HEAD,), FetchLimits(10**6, 20.0, 0.2), "does not answer", id="no body"),
        pytest.param((b"H",) * 200, FetchLimits(10**6, 1.0, 5.0), "within 1 s", id="slow head"),
        pytest.param(
            (HEAD, *[b"x"] * 200), FetchLimits(10**6, 1.0, 5.0), "within 1 s", id="slow body"
        ),
        pytest.param((ENDLESS, b"x"), FetchLimits(10**6, 1.0, 5.0), "within 1 s", id="no length"),
    ],
)
def test_a_slow_server_is_not_waited_for(
    site: Site, tmp_path: Path, parts: tuple[bytes, ...], limits: FetchLimits, said: str
) -> None:
    """Neither one that is silent nor one that drips."""
    site.paths["/v.mp4"] = held(*parts, every_s=0.05)
    began = time.monotonic()
    with pytest.raises(NotFetched, match=said):
        fetching(site, limits=limits).into(tmp_path / "a.part", url(site))
    assert time.monotonic() - began < limits.total_s + 5.0


def test_a_host_that_is_not_there_is_told_without_its_address(tmp_path: Path) -> None:
    """What runs inside is nobody's business."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
    fetch = Fetch(loopback(f"a.example:{port}"), LIMITS, pause=lambda _s: None)
    with pytest.raises(NotFetched) as caught:
        fetch.into(tmp_path / "a.part", f"http://a.example:{port}/")
    assert "127.0.0.1" not in str(caught.value)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[Site, ssl.SSLContext]]:
    """Return a site with a certificate for a.example, and what trusts it."""
    if shutil.which("openssl") is None:
        lacking("no openssl on PATH to make a certificate with; `make servers` installs it")
    made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=a.example"]
    names = ["-addext", "subjectAltName=DNS:a.example"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    subprocess.run(["openssl", "req", *made, *names, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with ExitStack() as stack:
        site = stack.enter_context(Site())
        site.socket = context.wrap_socket(site.socket, server_side=True)
        stack.callback(running(site).shutdown)
        yield site, ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))


def test_the_certificate_is_that_of_the_host(
    secure: tuple[Site, ssl.SSLContext], tmp_path: Path
) -> None:
    """Although an address is connected to; for another name it is refused."""
    site, trusting = secure
    site.paths["/v.mp4"] = answer()
    guard = loopback(f"a.example:{site.port}", f"b.example:{site.port}")
    fetch = Fetch(guard, LIMITS, context=trusting, pause=lambda _s: None)
    fetch.into(tmp_path / "a.part", f"https://a.example:{site.port}/v.mp4")
    with pytest.raises(NotFetched, match="certificate of the server is not valid"):
        fetch.into(tmp_path / "b.part", f"https://b.example:{site.port}/v.mp4")
    fetch = Fetch(guard, LIMITS, pause=lambda _s: None)
    with pytest.raises(NotFetched, match="certificate of the server is not valid"):
        fetch.into(tmp_path / "b.part", f"https://a.example:{site.port}/v.mp4")


def test_a_redirect_does_not_leave_https(
    secure: tuple[Site, ssl.SSLContext], site: Site, tmp_path: Path
) -> None:
    """Somebody between could give another video."""
    safe, trusting = secure
    safe.paths["/v.mp4"] = redirect(f"http://a.example:{site.port}/v.mp4")
    guard = loopback(f"a.example:{safe.port}", f"a.example:{site.port}")
    with pytest.raises(UrlNotAllowed, match="from https:// to http://"):
        Fetch(guard, LIMITS, context=trusting).into(
            tmp_path / "a.part", f"https://a.example:{safe.port}/v.mp4"
        )
