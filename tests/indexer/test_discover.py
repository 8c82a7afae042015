"""From named paths to video files."""

import io
from pathlib import Path

import pytest

from clipseek.errors import ConfigError
from indexer import discover


def _file(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_folder_is_searched_recursively_and_sorted(tmp_path: Path) -> None:
    """Videos of sub-folders are found; other files and hidden ones are left alone."""
    b = _file(tmp_path / "b.mp4")
    a = _file(tmp_path / "sub" / "deep er" / "a.MKV")
    _file(tmp_path / "notes.txt")
    _file(tmp_path / ".hidden" / "c.mp4")
    _file(tmp_path / "._d.mp4")
    assert discover.files([str(tmp_path)]) == [b, a]


def test_a_video_without_a_known_ending_is_found_by_its_first_bytes(tmp_path: Path) -> None:
    """An MP4 that lost its name's ending still counts."""
    video = _file(tmp_path / "recording", b"\x00\x00\x00\x20ftypisom" + bytes(20))
    _file(tmp_path / "letter", b"Dear Sir or Madam")
    assert discover.files([str(tmp_path)]) == [video]


def test_a_named_file_is_always_taken(tmp_path: Path) -> None:
    """Whoever names a file wants to hear what is wrong with it."""
    text = _file(tmp_path / "notes.txt")
    assert discover.files([str(text)]) == [text]


def test_a_file_named_twice_is_taken_once(tmp_path: Path) -> None:
    """A folder and a file in it overlap."""
    video = _file(tmp_path / "a.mp4")
    assert discover.files([str(tmp_path), str(video)]) == [video]


def test_a_file_has_one_spelling(tmp_path: Path) -> None:
    """A way round by `..` is the same path; a link keeps its own name."""
    video = _file(tmp_path / "a.mp4")
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.mp4").symlink_to(video)
    assert discover.files([str(tmp_path / "sub" / ".." / "a.mp4")]) == [video]
    assert discover.files([str(tmp_path / "link.mp4")]) == [tmp_path / "link.mp4"]


def test_a_dash_reads_paths_from_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One path a line, empty lines ignored, spaces kept."""
    video = _file(tmp_path / "with space .mp4")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{video}\n\n"))
    assert discover.files(["-"]) == [video]


def test_a_missing_path_is_a_sentence(tmp_path: Path) -> None:
    """The error names the path."""
    with pytest.raises(ConfigError, match=r"gone\.mp4: no such file or folder"):
        discover.files([str(tmp_path / "gone.mp4")])


def test_a_folder_without_videos_is_a_sentence(tmp_path: Path) -> None:
    """The error names the folder."""
    _file(tmp_path / "notes.txt")
    with pytest.raises(ConfigError, match="holds no video"):
        discover.files([str(tmp_path)])
