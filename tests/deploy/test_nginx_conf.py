"""Videos, pictures, rates and TLS of the project's nginx, before a replica made for the test."""

import json
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import pytest

from api import problem_kinds
from api.following import HEARTBEAT_S
from api.media import ACCEL_PREFIX, MAX_RANGES
from tests.chaos.client import Client
from tests.chaos.conftest import require_programs
from tests.chaos.program import Program, environment, listens, wait_until
from tests.chaos.proxy import (
    NGINX,
    TEMPLATE,
    nginx_command,
    nginx_files,
    own_folder,
    standing,
    variables,
)
from tests.chaos.upstream import Upstream
from tests.contracts.postgres import free_port
from tests.lacking import lacking

VIDEO = b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 8
PICTURE = "/v1/segments/318/thumbnail"
FILE = "/v1/videos/0e75/file"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that nginx may read, with one video in it."""
    require_programs()
    with own_folder() as made:
        (made / "videos").mkdir()
        (made / "videos" / "sea side.mp4").write_bytes(VIDEO)
        yield made


@pytest.fixture
def replica() -> Iterator[Upstream]:
    """A replica that names a video to nginx."""
    headers = {
        "X-Accel-Redirect": f"{ACCEL_PREFIX}sea%20side.mp4",
        "Content-Type": "video/mp4",
        "Content-Disposition": 'inline; filename="sea side.mp4"',
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    with Upstream(body=b"", headers=headers).serving() as upstream:
        yield upstream


@pytest.fixture
def client(folder: Path, replica: Upstream) -> Iterator[Client]:
    """A client of nginx before the replica."""
    with standing(folder, [replica.port]) as opened:
        yield opened


def test_nginx_sends_a_video_that_the_api_allows(client: Client) -> None:
    """The bytes come from the folder, and what the API said of them stays."""
    answer = client.ask("GET", FILE, headers={"X-Request-ID": "the-one"})
    assert (answer.status, answer.body) == (200, VIDEO)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"] == 'inline; filename="sea side.mp4"'
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"] == "the-one"
    assert answer.headers["accept-ranges"] == "bytes"
    assert "x-accel-redirect" not in answer.headers


def test_a_range_of_a_video(client: Client) -> None:
    """As players ask: the first bytes, the last ones, and from where a moment begins."""
    first = client.ask("GET", FILE, headers={"Range": "bytes=4-7"})
    last = client.ask("GET", FILE, headers={"Range": "bytes=-3"})
    assert (first.status, first.body) == (206, b"ftyp")
    assert first.headers["content-range"] == f"bytes 4-7/{len(VIDEO)}"
    assert (last.status, last.body) == (206, VIDEO[-3:])


def test_a_range_outside_the_video(client: Client) -> None:
    """The client hears how many bytes there are, in the form of the API's errors."""
    answer = client.ask("GET", FILE, headers={"Range": f"bytes={len(VIDEO)}-"})
    assert answer.status == 416
    assert answer.headers["content-range"] == f"bytes */{len(VIDEO)}"
    assert answer.body["type"] == "/problems/range-not-satisfiable"


def test_a_video_that_the_client_has(client: Client) -> None:
    """304 by the tag that nginx gave; HEAD has the length and no body."""
    tag = client.ask("GET", FILE).headers["etag"]
    assert client.ask("GET", FILE, headers={"If-None-Match": tag}).status == 304
    head = client.ask("HEAD", FILE)
    assert (head.status, head.headers["content-length"]) == (200, str(len(VIDEO)))


def test_the_folder_of_videos_is_closed_from_outside(client: Client, replica: Upstream) -> None:
    """Only an answer of the API leads there."""
    answer = client.ask("GET", f"{ACCEL_PREFIX}sea%20side.mp4")
    assert (answer.status, answer.body["type"]) == (404, "/problems/not-found")
    assert replica.seen == []


def test_a_video_that_nginx_does_not_see(client: Client, replica: Upstream) -> None:
    """A folder that is mounted for the API alone is named as the cause."""
    replica.headers["X-Accel-Redirect"] = f"{ACCEL_PREFIX}other.mp4"
    answer = client.ask("GET", FILE)
    assert answer.status == 404
    assert "nginx cannot find this video" in answer.body["detail"]


def test_as_many_ranges_as_the_api_takes() -> None:
    """And the same place."""
    text = TEMPLATE.read_text("utf-8")
    assert f"max_ranges {MAX_RANGES};" in text
    assert f"location {ACCEL_PREFIX} {{" in text


def test_a_picture_is_asked_once(client: Client, replica: Upstream) -> None:
    """It is kept; each answer has the id of its own request."""
    replica.headers, replica.body = {"Content-Type": "image/jpeg", "X-Request-ID": "a"}, b"jpeg"
    for name in ("one", "two"):
        answer = client.ask("GET", PICTURE, headers={"X-Request-ID": name})
        assert (answer.status, answer.body) == (200, b"jpeg")
        assert answer.headers["x-request-id"] == name
    assert len(replica.seen) == 1


def test_a_picture_for_another_site_is_asked_each_time(client: Client, replica: Upstream) -> None:
    """Its headers name the site that asked."""
    replica.headers, replica.body = {"Content-Type": "image/jpeg"}, b"jpeg"
    for _ in range(2):
        client.ask("GET", PICTURE, headers={"Origin": "https://a.example"})
    assert len(replica.seen) == 2


def test_a_missing_picture_is_not_kept(client: Client, replica: Upstream) -> None:
    """It may be made again."""
    replica.status, replica.headers, replica.body = 410, {}, b"{}"
    assert [client.ask("GET", PICTURE).status for _ in range(2)] == [410, 410]
    assert len(replica.seen) == 2


def test_too_many_searches_from_one_address(folder: Path, replica: Upstream) -> None:
    """Those above the rate and its reserve of 100 are refused; other requests are not."""
    replica.headers, replica.body = {}, b"{}"
    with standing(folder, [replica.port], NGINX_RATE="1r/m") as client:
        answers = [client.ask("POST", "/v1/search", {"query": "a car"}) for _ in range(102)]
        assert [answer.status for answer in answers] == [200] * 101 + [429]
        assert answers[-1].headers["retry-after"] == "1"
        assert answers[-1].body["title"] == "Too Many Requests"
        assert client.ask("GET", "/v1/videos").status == 200


def test_problems_are_those_of_the_api() -> None:
    """Type, title and status of each error that nginx writes, where the API has the type."""
    said = re.findall(r"return (\d+) '(\{\"type\".*?\})';", TEMPLATE.read_text("utf-8"))
    assert len(said) >= 7
    for status, text in said:
        problem = json.loads(text)
        assert problem["status"] == int(status)
        if problem["type"] == "about:blank":
            continue
        kind = problem_kinds.ALL_KINDS[problem["type"].removeprefix("/problems/")]
        assert (problem["title"], problem["status"]) == (kind.title, kind.status)


def test_tls(folder: Path, replica: Upstream) -> None:
    """With the example, searches come over TLS, and who comes without is sent to it."""
    if shutil.which("openssl") is None:
        lacking("no openssl on PATH to make a certificate with; `make servers` installs it")
    replica.headers, replica.body = {}, b'{"status": "ok"}'
    secure, plain = free_port(), free_port()
    values = _certified(folder, secure, plain, replica.port)
    main = nginx_files(folder, values, NGINX / "tls.conf.template")
    program = Program("nginx", nginx_command(main), folder / "log", environment({}))
    program.start()
    try:
        wait_until(lambda: listens(secure) and listens(plain), f"nginx: {program.said()}")
        context = ssl.create_default_context(cafile=values["NGINX_CERTIFICATE"])
        encrypted = HTTPSConnection("localhost", secure, timeout=10, context=context)
        encrypted.request("GET", "/healthz")
        assert encrypted.getresponse().read() == b'{"status": "ok"}'
        encrypted.close()
        unencrypted = HTTPConnection("localhost", plain, timeout=10)
        unencrypted.request("POST", "/v1/search?x=1", b"{}")
        answer = unencrypted.getresponse()
        assert (answer.status, answer.headers["Location"]) == (
            308,
            "https://localhost/v1/search?x=1",
        )
        unencrypted.close()
    finally:
        program.end()


def _certified(folder: Path, secure: int, plain: int, port: int) -> dict[str, str]:
    """Make a certificate for localhost; return the variables of both templates."""
    certificate, key = folder / "certificate", folder / "key"
    made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost"]
    files = ["-out", str(certificate), "-keyout", str(key)]
    subprocess.run(["openssl", "req", *made, *names, *files], check=True, capture_output=True)
    return variables(
        folder,
        secure,
        [port],
        NGINX_PLAIN_LISTEN=f"127.0.0.1:{plain}",
        NGINX_CERTIFICATE=str(certificate),
        NGINX_CERTIFICATE_KEY=str(key),
    ) | {"NGINX_LISTEN": f"127.0.0.1:{secure} ssl"}


def test_a_stream_of_events_is_not_cut_between_two_comments() -> None:
    """Nginx waits longer than the API is silent, twice as long at least."""
    found = re.search(r"^proxy_read_timeout (\d+)s;", TEMPLATE.read_text("utf-8"), re.MULTILINE)
    assert found is not None
    assert 0 < 2 * HEARTBEAT_S <= float(found[1])
