"""Subtitles beside videos of an object store: found by a listing, read again if they change."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clipseek.ingest import Options, Report, Run
from clipseek.sources import Places, Source
from clipseek.sources.remote import ObjectStores
from clipseek.testing import MemoryCatalog
from clipseek.texts import sidecars
from clipseek.texts.sidecars import FarSidecars
from clipseek.texts.subtitles import Subtitles
from tests.contracts import s3
from tests.ingest import test_threads
from tests.ingest.test_texts import SRT, Spoken

FOLDER = f"s3://{s3.BUCKET}/films"


@pytest.fixture(scope="module")
def serving() -> Iterator[s3.Server]:
    """Run a server that speaks S3."""
    with pytest.MonkeyPatch.context() as patch, s3.serving() as server:
        s3.lead_to(server.endpoint, patch)
        yield server


@pytest.fixture
def bucket(serving: s3.Server) -> s3.Server:
    """Return it with one video."""
    serving.empty()
    serving.put("films/a.mp4", b"r5")
    return serving


class Stores:
    """Object stores that note which folders are listed, and fail as a test says."""

    def __init__(self) -> None:
        self.listed: list[str] = []
        self.error: OSError | None = None
        self._stores = ObjectStores()
        self.look = self._stores.look
        self.list = self._stores.list

    def beside(self, uri: str) -> Iterator[Source]:
        """Yield what is beside an object."""
        self.listed.append(uri)
        if self.error is not None:
            raise self.error
        yield from self._stores.beside(uri)


class Library:
    """What is indexed of the bucket."""

    def __init__(self, root: Path) -> None:
        self.opener, self.stores = Spoken(), Stores()
        self.places = Places({"s3": self.stores})
        self.catalog = MemoryCatalog()
        tools = test_threads._tools(root, self.catalog, self.opener)
        self.tools = replace(tools, places=self.places)

    def ingest(self, *names: str) -> list[Report]:
        """Index some videos in a run of its own; return what became of each."""
        texts = (Subtitles(self.opener, self.places),)
        run = Run(replace(self.tools, texts=texts), Options(workers=1), stop=threading.Event())
        return list(run.reports([f"{FOLDER}/{name}" for name in names]))

    @property
    def said(self) -> list[str]:
        """What is stored of the subtitles."""
        return [cue.text for _, text in self.catalog.texts("default") for cue in text.cues]


@pytest.fixture
def library(bucket: s3.Server, tmp_path: Path) -> Library:
    """Return an empty library."""
    return Library(tmp_path)


def test_subtitles_beside_an_object_are_read(bucket: s3.Server, library: Library) -> None:
    """With its language, beside those inside; not those of others, nor those in folders below."""
    bucket.put("films/a.en.srt", SRT.format("outside").encode())
    bucket.put("films/ab.srt", SRT.format("of another").encode())
    bucket.put("films/a/a.srt", SRT.format("below").encode())
    (report,) = library.ingest("a.mp4")
    assert (report.state, report.reason) == ("indexed", "")
    ((_, text),) = library.catalog.texts("default")
    assert [(cue.text, cue.language) for cue in text.cues] == [("outside", "en"), ("inside", "eng")]


def test_one_that_changes_is_read_again(bucket: s3.Server, library: Library) -> None:
    """By its stamp, without a frame; one that goes is forgotten, and nothing new costs nothing."""
    library.ingest("a.mp4")
    bucket.put("films/a.srt", SRT.format("first").encode())
    assert library.ingest("a.mp4")[0].reason == "2 subtitles were read"
    assert library.ingest("a.mp4")[0].reason == ""
    bucket.put("films/a.srt", SRT.format("other").encode())
    assert library.ingest("a.mp4")[0].reason == "2 subtitles were read"
    assert library.said == ["other", "inside"]
    bucket.remove("films/a.srt")
    library.ingest("a.mp4")
    assert library.said == ["inside"]
    assert library.opener.decoded == ["a.mp4"]


def test_a_folder_is_listed_once_for_all_its_videos(bucket: s3.Server, library: Library) -> None:
    """Not once for each of them."""
    names = ["a.mp4", "b.mp4", "c.mp4"]
    for name in names[1:]:
        bucket.put(f"films/{name}", f"r{len(name) + ord(name[0])}".encode())
    library.ingest(*names)
    assert len(library.stores.listed) == 1


def test_a_listing_is_used_for_a_while(
    bucket: s3.Server, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute, or twenty times as long as it took: a worker notices what comes later."""
    now, takes_s = 0.0, 0.0
    beside = library.places.beside

    def slow(uri: str) -> Iterator[Source]:
        nonlocal now
        now += takes_s
        return beside(uri)

    monkeypatch.setattr(library.places, "beside", slow)
    found = FarSidecars(library.places, clock=lambda: now)
    uri = f"{FOLDER}/a.mp4"
    for takes, fresh_s in ((0.0, 60.0), (10.0, 200.0)):
        takes_s = takes
        assert found.of(uri) == []
        begun = now
        bucket.put("films/a.srt", b"later")
        now = begun + fresh_s - 1
        assert found.of(uri) == []
        now = begun + fresh_s + 1
        assert [each.suffix for each in found.of(uri)] == [".srt"]
        bucket.remove("films/a.srt")
        now += 10_000


def test_a_listing_that_fails_forgets_nothing(bucket: s3.Server, library: Library) -> None:
    """What was read before stays, the fate says why, and the next ingest tries again."""
    bucket.put("films/a.srt", SRT.format("outside").encode())
    library.ingest("a.mp4")
    library.stores.error = OSError(5, "the object store does not answer")
    reason = library.ingest("a.mp4")[0].reason
    assert reason == "its subtitles cannot be read: the object store does not answer"
    assert library.said == ["outside", "inside"]


def test_a_bucket_that_may_not_be_listed_is_read_all_the_same(
    bucket: s3.Server, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    """A log says that subtitles beside its videos are not found; those inside are."""
    library.stores.error = PermissionError(13, "not allowed")
    (report,) = library.ingest("a.mp4")
    assert (report.state, report.reason, library.said) == ("indexed", "", ["inside"])
    assert f"{FOLDER} may not be listed" in caplog.text


def test_a_file_that_is_too_large_is_not_fetched(
    bucket: s3.Server, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Subtitles are small; its fate says so."""
    monkeypatch.setattr(sidecars, "MAX_BYTES", 10)
    bucket.put("films/a.srt", SRT.format("outside").encode())
    (report,) = library.ingest("a.mp4")
    assert (report.state, library.said) == ("indexed", ["inside"])
    assert report.reason.startswith("a.srt has more than 10 bytes")
