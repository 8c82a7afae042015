"""Files of subtitles beside a video: which there are, in which encoding, and what they say."""

import os
from pathlib import Path

import pytest

from clipseek.texts.sidecars import MAX_BYTES, Sidecar, Sidecars, UnreadableText
from clipseek.timed import Cue

SRT = "1\n00:00:01,000 --> 00:00:02,500\nDer <i>Bär</i> schläft\nhier\n\n"
VTT = "WEBVTT\n\nNOTE no\n\n00:01.000 --> 00:02.500 align:left\n<v Ann>Tom &amp; <c.x>Bob</c>\n"
ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name\nStyle: Default\n\n[Events]\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,not shown\n"
    "Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\b1}Hello{\\b0}\\Nworld\n"
    "Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}\n"
)


def said(folder: Path, name: str, content: bytes) -> list[Cue]:
    """Return what a file beside `film.mp4` says."""
    (folder / name).write_bytes(content)
    (found,) = Sidecars().of(str(folder / "film.mp4"))
    return found.read()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        pytest.param("film.srt", SRT, Cue(1, 2.5, "Der Bär schläft\nhier", ""), id="srt"),
        pytest.param("film.en.vtt", VTT, Cue(1, 2.5, "Tom & Bob", "en"), id="vtt"),
        pytest.param("film.pt-BR.forced.ass", ASS, Cue(1, 2.5, "Hello\nworld", "pt-br"), id="ass"),
    ],
)
def test_each_format_is_read_without_its_styles(
    tmp_path: Path, name: str, content: str, expected: Cue
) -> None:
    """Comments, drawings and tags are not text."""
    assert said(tmp_path, name, content.encode()) == [expected]


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"],
)
def test_each_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    """With a mark of the order of bytes or without, and those that came before Unicode."""
    more = "".join(SRT.replace("1\n00:00:01", f"{i}\n00:00:0{i}") for i in range(1, 6))
    cues = said(tmp_path, "film.srt", (SRT + more).encode(encoding))
    assert cues[0].text == "Der Bär schläft\nhier"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"1\n00:00:01,000 --> 00:00\0:02,500\nx\0", "has NUL bytes", id="NUL"),
        pytest.param(b"\xff\xfe\x00\xd8\x00", "begins as utf-16 and is not", id="half of UTF-16"),
        pytest.param(b"GIF89a and no subtitle", "is not a file of subtitles (srt)", id="no format"),
        pytest.param(b"x" * (MAX_BYTES + 1), f"has more than {MAX_BYTES} bytes", id="too long"),
        pytest.param(bytes(range(128, 256)) * 2, "film.srt is", id="no encoding"),
    ],
)
def test_what_is_not_a_file_of_subtitles_is_refused(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """With its name and what to do."""
    with pytest.raises(UnreadableText) as error:
        said(tmp_path, "film.srt", content)
    assert str(error.value).startswith("film.srt ")
    assert reason in str(error.value)


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    """It is not an error."""
    assert said(tmp_path, "film.srt", b"") == []


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A FIFO of this name would never end."""
    os.mkfifo(tmp_path / "film.srt")
    (found,) = Sidecars().of(str(tmp_path / "film.mp4"))
    with pytest.raises(UnreadableText, match="cannot be read: not a regular file"):
        found.read()


def test_files_beside_a_video_are_those_of_its_name(tmp_path: Path) -> None:
    """With a language or another word, and not those of other videos."""
    mine = ["film.ass", "film.de.srt", "film.en.sdh.vtt", "film.srt"]
    others = ["film.txt", "film2.srt", "film.S01E02.srt", "other.srt", "film.a.b.c.srt"]
    for name in (*mine, *others):
        (tmp_path / name).touch()
    found = Sidecars().of(str(tmp_path / "film.mp4"))
    assert [each.name for each in found] == mine
    assert [each.language for each in found] == ["", "de", "en", ""]


def test_a_file_that_comes_later_is_seen(tmp_path: Path) -> None:
    """The listing of a folder is kept only while the folder does not change."""
    sidecars, video = Sidecars(), str(tmp_path / "film.mp4")
    assert sidecars.of(video) == []
    (tmp_path / "film.srt").write_text(SRT)
    os.utime(tmp_path, ns=(1, 1))
    (found,) = sidecars.of(video)
    before = found.stamp
    (tmp_path / "film.srt").write_text(SRT * 2)
    assert sidecars.of(video)[0].stamp != before


def test_a_folder_that_is_gone_has_no_files() -> None:
    """As a video in it is gone, too."""
    assert Sidecars().of("/nowhere/film.mp4") == []
    with pytest.raises(UnreadableText, match="cannot be read"):
        Sidecar("/nowhere/film.srt", ".srt", "").read()
