"""Subtitles in video files, by each reader and in a child process."""

from functools import partial
from itertools import chain
from pathlib import Path

import pytest

from clipseek.protocols import FrameSource
from clipseek.testing import SyntheticFrames
from clipseek.timed import Cue
from clipseek.video import Confined, DecordFrames, Limits, PyAVFrames
from tests.contracts import subtitled
from tests.contracts.videos import RED

SAID = [Cue(1.0, 2.5, "Hello <i>world</i>"), Cue(3.0, 4.0, "A red fox\njumps")]
READ = [Cue(1.0, 2.5, "Hello world", "ger"), Cue(3.0, 4.0, "A red fox jumps", "ger")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a video of each container that has subtitles, and one without."""
    folder = tmp_path_factory.mktemp("subtitled")
    for name in ("film.mkv", "film.mp4"):
        subtitled.write(folder / name, SAID, language="ger")
    subtitled.write(folder / "silent.mkv", [], language="ger", seconds=1)
    return folder


def read(source: FrameSource) -> list[Cue]:
    """Return the subtitles of a source, with their white space as one space."""
    with source:
        cues = chain(*source.cues()) if source.has_subtitles else ()
        return [cue._replace(text=" ".join(cue.text.split())) for cue in cues]


@pytest.mark.parametrize("reader", [PyAVFrames, DecordFrames], ids=["pyav", "decord"])
@pytest.mark.parametrize("name", ["film.mkv", "film.mp4"])
def test_each_reader_gives_what_streams_say(
    folder: Path, name: str, reader: type[PyAVFrames] | type[DecordFrames]
) -> None:
    """SubRip in Matroska and mov_text in MP4, without styles, with the language of the stream."""
    assert read(reader(folder / name)) == READ


def test_a_child_process_reads_them(folder: Path) -> None:
    """What it sends is checked like all else; afterwards it reads the next video."""
    limits = Limits(2**26, 1000.0, 60.0, 3600.0, 2**30)
    with Confined(partial(PyAVFrames, decode="fast"), limits=limits) as opener:
        assert read(opener(folder / "film.mkv")) == READ
        assert read(opener(folder / "silent.mkv")) == []
        assert read(opener(folder / "film.mp4")) == READ


def test_subtitles_and_frames_are_read_by_two_openings(folder: Path) -> None:
    """Both share the position in the file."""
    with PyAVFrames(folder / "film.mkv") as opened:
        list(opened.cues())
        with pytest.raises(RuntimeError, match="was read already"):
            list(opened.read([0.0]))


def test_a_fake_video_says_what_it_was_made_with() -> None:
    """So that the ingest is tested without files."""
    assert read(SyntheticFrames([(5, RED)], cues=READ)) == READ
    assert not SyntheticFrames([(5, RED)]).has_subtitles
