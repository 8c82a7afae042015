"""The ingest of subtitles: with the video, and later without reading its frames again."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from clipseek.ingest import Report
from clipseek.protocols import CatalogWriter, FrameSource
from clipseek.testing import MemoryCatalog, SyntheticFrames
from clipseek.texts.subtitles import Subtitles
from clipseek.timed import Cue
from tests.ingest import test_threads
from tests.ingest.test_threads import RED, Videos

SRT = "1\n00:00:01,000 --> 00:00:02,000\n{}\n\n"


class Spoken(Videos):
    """Opens videos of five seconds that contain a subtitle; notes what is decoded."""

    def __init__(self) -> None:
        super().__init__()
        self.decoded: list[str] = []

    def __call__(self, path: str, /, *, descriptor: int | None = None) -> FrameSource:
        """Open a file."""
        return _Noting(self.decoded, path)


class _Noting(SyntheticFrames):
    def __init__(self, decoded: list[str], path: str) -> None:
        super().__init__([(5, RED)], cues=[Cue(3, 9, "inside", "eng")])
        self._decoded, self._path = decoded, path

    def read(self, *args, **options):  # type: ignore[no-untyped-def]  # passed on as they are
        """Note that frames are decoded."""
        self._decoded.append(Path(self._path).name)
        return super().read(*args, **options)


class Library:
    """A folder with one video, and what is indexed of it."""

    def __init__(self, root: Path) -> None:
        self.root, self.opener = root, Spoken()
        self.tools = test_threads._tools(root, MemoryCatalog(), self.opener)
        self.catalog: CatalogWriter = self.tools.catalog
        (root / "film.mp4").write_text("r5")

    def beside(self, text: str, name: str = "film.en.srt") -> None:
        """Write subtitles beside the video, at another time than before."""
        (self.root / name).write_text(text)
        os.utime(self.root / name, ns=(len(text), len(text)))

    def ingest(self, *, with_texts: bool = True, name: str = "film.mp4") -> Report:
        """Index the video; return what became of it."""
        texts = (Subtitles(self.opener, self.tools.places),) if with_texts else ()
        tools = replace(self.tools, texts=texts)
        return test_threads._run(tools, [self.root / name])[0]

    @property
    def said(self) -> list[str]:
        """What is stored of the subtitles."""
        return [cue.text for _, text in self.catalog.texts("default") for cue in text.cues]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Return a folder with one video that contains a subtitle."""
    return Library(tmp_path)


def test_a_video_is_indexed_with_its_subtitles(library: Library) -> None:
    """Those that it contains and those beside it, in one change, cut at its end."""
    library.beside(SRT.format("outside"))
    report = library.ingest()
    assert (report.state, report.reason) == ("indexed", "")
    ((_, text),) = library.catalog.texts("default")
    assert text.cues == (Cue(1, 2, "outside", "en"), Cue(3, 5, "inside", "eng"))
    assert library.catalog.collection("default").version == 1


def test_subtitles_that_are_added_later_decode_nothing(library: Library) -> None:
    """Neither a frame is decoded nor a picture embedded."""
    library.ingest(with_texts=False)
    assert (library.said, library.opener.decoded) == ([], ["film.mp4"])
    report = library.ingest()
    assert (report.state, report.reason) == ("unchanged", "1 subtitle was read")
    assert (library.said, library.opener.decoded) == (["inside"], ["film.mp4"])


def test_a_file_that_changes_is_read_again(library: Library) -> None:
    """And one that does not is not opened."""
    library.beside(SRT.format("first"))
    library.ingest()
    assert library.ingest().reason == ""
    library.beside(SRT.format("another"))
    assert library.ingest().reason == "2 subtitles were read"
    assert library.said == ["another", "inside"]
    (library.root / "film.en.srt").unlink()
    library.ingest()
    assert library.said == ["inside"]
    assert library.opener.decoded == ["film.mp4"]
    assert library.catalog.collection("default").version == 3


def test_a_file_that_cannot_be_read_leaves_the_video_indexed(library: Library) -> None:
    """Its fate says so, once, whether it came with the video or later."""
    library.beside("no subtitles at all")
    report = library.ingest()
    reason = "film.en.srt is not a file of subtitles (srt)"
    assert (report.state, report.reason) == ("indexed", reason)
    assert library.said == ["inside"]
    assert library.ingest().reason == ""
    library.beside("still no subtitles")
    assert library.ingest().reason == f"1 subtitle was read; {reason}"


def test_an_error_of_a_producer_costs_its_text_alone(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The video is indexed and its fate says so; the next ingest tries again."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the engine broke")

    with monkeypatch.context() as broken:
        broken.setattr(Subtitles, "produce", fail)
        report = library.ingest()
        assert (report.state, library.said) == ("indexed", [])
        assert report.reason.startswith("its subtitles cannot be read: unexpected RuntimeError")
    assert library.ingest().reason == "1 subtitle was read"
    assert library.said == ["inside"]
    library.beside("another time, so that it is read again")
    with monkeypatch.context() as broken:
        broken.setattr(Subtitles, "produce", fail)
        assert library.ingest().reason.startswith("its subtitles cannot be read")
    assert library.said == ["inside"]


def test_a_video_that_moves_keeps_its_subtitles(library: Library) -> None:
    """Those beside it count where it is now."""
    library.beside(SRT.format("outside"))
    library.ingest()
    (library.root / "film.mp4").rename(library.root / "moved.mp4")
    report = library.ingest(name="moved.mp4")
    assert report.state == "unchanged"
    assert report.reason.startswith("moved from ")
    assert library.said == ["inside"]
    assert library.opener.decoded == ["film.mp4"]


def test_a_copy_does_not_change_what_its_content_says(library: Library) -> None:
    """Subtitles beside a copy are not read, because the video is the one that was indexed."""
    library.beside(SRT.format("outside"))
    library.ingest()
    (library.root / "copy.mp4").write_text("r5")
    library.beside(SRT.format("of the copy"), "copy.en.srt")
    assert library.ingest(name="copy.mp4").reason.startswith("same content as ")
    assert library.said == ["outside", "inside"]
