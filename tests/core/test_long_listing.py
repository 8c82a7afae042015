"""A listing of very many objects: it is read page by page, and takes no memory for those before."""

import http.server
import itertools
import resource
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from clipseek.sources.remote import ObjectStores
from tests.contracts import s3

PAGE = 1000


class Paged(http.server.ThreadingHTTPServer):
    """A server that speaks as much of S3 as a listing needs: pages of 1000 objects."""

    daemon_threads = True

    def __init__(self, pages: int) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.pages = pages
        self.asked = 0


class _Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the page that the token of the request names."""
        server = self.server
        assert isinstance(server, Paged)
        server.asked += 1
        query = parse_qs(urlsplit(self.path).query)
        number = int(query.get("continuation-token", ["0"])[0])
        is_last = number + 1 == server.pages
        objects = "".join(
            f"<Contents><Key>all/{number:06}-{i:04}.mp4</Key><Size>{i}</Size><ETag>&quot;{i}&quot;"
            "</ETag><LastModified>2025-01-02T00:00:00.000Z</LastModified></Contents>"
            for i in range(PAGE)
        )
        following = (
            "" if is_last else f"<NextContinuationToken>{number + 1}</NextContinuationToken>"
        )
        body = (
            '<?xml version="1.0"?><ListBucketResult><Name>videos</Name><Prefix>all/</Prefix>'
            f"<KeyCount>{PAGE}</KeyCount><MaxKeys>{PAGE}</MaxKeys>{objects}{following}"
            f"<IsTruncated>{'false' if is_last else 'true'}</IsTruncated></ListBucketResult>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def paged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Paged]:
    """A server with twenty pages."""
    with Paged(20) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        s3.lead_to(f"http://127.0.0.1:{server.server_port}", monkeypatch)
        yield server
        server.shutdown()


def test_pages_are_asked_for_as_they_are_read(paged: Paged) -> None:
    """Who has read 1500 objects has not made the store list 20 000."""
    listed = ObjectStores().list("s3://videos/all/")
    first = list(itertools.islice(listed, PAGE + PAGE // 2))
    assert first[-1].uri == "s3://videos/all/000001-0499.mp4"
    assert paged.asked <= 5
    rest = sum(1 for _ in listed)
    assert len(first) + rest == 20 * PAGE
    assert paged.asked == 20


@pytest.mark.long
def test_a_million_objects_take_no_memory(paged: Paged) -> None:
    """After the first hundred thousand, nine times as many take less than 16 MiB more."""
    paged.pages = 1000
    listed = ObjectStores().list("s3://videos/all/")
    assert sum(1 for _ in itertools.islice(listed, 100 * PAGE)) == 100 * PAGE
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in listed) == 900 * PAGE
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 16 << 10
