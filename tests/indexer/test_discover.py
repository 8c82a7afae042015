"""From named paths to video files."""

import errno
import io
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unicodedata import normalize

import pytest

from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.ingest import Report
from clipseek.sources import LOCAL, LocalDisk, Places
from indexer import discover
from tests.examples.zip_place import ZipArchives

DEFAULT = Settings.model_fields["skip"].default
PLACES = Places({LOCAL: LocalDisk()})


def _file(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _files(paths: list[str]) -> list[Path]:
    return [*map(Path, discover.look(paths, PLACES, DEFAULT).uris)]


def test_a_folder_is_searched_recursively_and_sorted(tmp_path: Path) -> None:
    """Videos of sub-folders are found; other files and hidden ones are left alone."""
    b = _file(tmp_path / "b.mp4")
    a = _file(tmp_path / "sub" / "deep er" / "a.MKV")
    _file(tmp_path / "notes.txt")
    _file(tmp_path / ".hidden" / "c.mp4")
    _file(tmp_path / "._d.mp4")
    assert _files([str(tmp_path)]) == [b, a]


def test_a_video_without_a_known_ending_is_found_by_its_first_bytes(tmp_path: Path) -> None:
    """An MP4 that lost its name's ending still counts."""
    video = _file(tmp_path / "recording", b"\x00\x00\x00\x20ftypisom" + bytes(20))
    _file(tmp_path / "letter", b"Dear Sir or Madam")
    assert _files([str(tmp_path)]) == [video]


def test_a_named_file_is_always_taken(tmp_path: Path) -> None:
    """A user who names a file wants to know what is wrong with it."""
    text = _file(tmp_path / "notes.txt")
    assert _files([str(text)]) == [text]


def test_a_file_named_twice_is_taken_once(tmp_path: Path) -> None:
    """A folder and a file in it overlap."""
    video = _file(tmp_path / "a.mp4")
    assert _files([str(tmp_path), str(video)]) == [video]


def test_a_file_has_one_spelling(tmp_path: Path) -> None:
    """A way round by `..` is the same path; a link keeps its own name."""
    video = _file(tmp_path / "a.mp4")
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.mp4").symlink_to(video)
    assert _files([str(tmp_path / "sub" / ".." / "a.mp4")]) == [video]
    assert _files([str(tmp_path / "link.mp4")]) == [tmp_path / "link.mp4"]


def test_a_dash_reads_paths_from_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One path a line, empty lines ignored, spaces kept."""
    video = _file(tmp_path / "with space .mp4")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{video}\n\n"))
    assert _files(["-"]) == [video]


def test_a_missing_path_is_a_sentence(tmp_path: Path) -> None:
    """The error names the path."""
    with pytest.raises(ConfigError, match=r"gone\.mp4: no such file or folder"):
        _files([str(tmp_path / "gone.mp4")])


def test_a_folder_without_videos_is_a_sentence(tmp_path: Path) -> None:
    """The error names the folder."""
    _file(tmp_path / "notes.txt")
    with pytest.raises(ConfigError, match="contains no video"):
        _files([str(tmp_path)])


def test_folders_of_systems_are_left_out_and_counted(tmp_path: Path) -> None:
    """Deleted videos of a NAS are not found again, and the summary says so."""
    video = _file(tmp_path / "holiday.mp4")
    for folder in ("@eaDir/holiday.mp4", "#recycle", "$RECYCLE.BIN/S-1-5-21", "@Recycle"):
        _file(tmp_path / folder / "deleted.mp4")
    found = discover.look([str(tmp_path)], PLACES, DEFAULT)
    assert found.uris == [str(video)]
    assert len(found.left_out["system"]) == 4
    assert "4 folders of the system" in found.left_out_in_words


def test_what_is_left_out_can_be_taken(tmp_path: Path) -> None:
    """An empty setting takes everything, and a folder that is named itself is always looked at."""
    videos = [_file(tmp_path / "@eaDir" / "a.mp4"), _file(tmp_path / "b.mp4")]
    assert discover.look([str(tmp_path)], PLACES, ()).uris == [*map(str, videos)]
    assert _files([str(tmp_path / "@eaDir")]) == videos[:1]


def test_an_unfinished_download_is_left_out(tmp_path: Path) -> None:
    """Else it would stay beside the finished one for ever; one that is named is taken."""
    part = _file(tmp_path / "video.mkv.part", b"\x1aE\xdf\xa3")
    done = _file(tmp_path / "other.mkv")
    found = discover.look([str(tmp_path)], PLACES, DEFAULT)
    assert (found.uris, found.left_out) == ([str(done)], {"unfinished": [str(part)]})
    assert _files([str(part)]) == [part]


def test_sources_music_and_pictures_are_counted(tmp_path: Path) -> None:
    """A program and an album beside a video are not failures."""
    video = _file(tmp_path / "clip.mp4")
    _file(tmp_path / "src" / "mod.ts", b"export const a = 1;")
    _file(tmp_path / "song.m4a")
    _file(tmp_path / "photo.heic", b"\0\0\0\x18ftypheic" + bytes(8))
    found = discover.look([str(tmp_path)], PLACES, DEFAULT)
    assert (found.uris, found.failures) == ([str(video)], [])
    assert {kind: len(names) for kind, names in found.left_out.items()} == {
        "text": 1,
        "audio": 1,
        "picture": 1,
    }


def test_what_a_reader_finds_to_be_no_video_is_left_out_of_folders(tmp_path: Path) -> None:
    """Only a reader sees that an MP4 has no pictures; one that is named fails."""
    song, other = _file(tmp_path / "a" / "song.mp4"), _file(tmp_path / "other.mp4")
    found = discover.look([str(tmp_path / "a"), str(other)], PLACES, DEFAULT)
    reason = "audio only: no video stream"
    assert found.leaves_out(Report(str(song), "failed", reason=reason))
    assert not found.leaves_out(Report(str(other), "failed", reason=reason))
    assert not found.leaves_out(Report(str(song), "failed", reason="empty file"))
    assert found.left_out == {"audio": [str(song)]}


def test_a_linked_folder_is_followed_once(tmp_path: Path) -> None:
    """A loop ends, and a folder that is linked to twice gives its videos once."""
    far = _file(tmp_path / "disk" / "nas.mp4")
    top = tmp_path / "top"
    here = _file(top / "here.mp4")
    (top / "a").symlink_to(far.parent)
    (top / "b").symlink_to(far.parent)
    (top / "loop").symlink_to(top)
    (far.parent / "back").symlink_to(top)
    assert _files([str(top)]) == [top / "a" / "nas.mp4", here]


def test_a_file_keeps_its_own_name_where_links_lead_to_it(tmp_path: Path) -> None:
    """Links to files and folders come second, whatever their names."""
    video = _file(tmp_path / "m" / "video.mp4")
    (tmp_path / "a").symlink_to(tmp_path / "m")
    (tmp_path / "a.mp4").symlink_to(video)
    assert _files([str(tmp_path)]) == [video]


def test_two_links_to_a_file_are_one_video(tmp_path: Path) -> None:
    """The first by name is taken."""
    far = _file(tmp_path / "disk" / "far.mp4")
    top = tmp_path / "top"
    top.mkdir()
    for name in ("b.mp4", "a.mp4"):
        (top / name).symlink_to(far)
    assert _files([str(top)]) == [top / "a.mp4"]


def test_broken_links_and_pipes_are_counted(tmp_path: Path) -> None:
    """A disk that is not mounted is told, once."""
    video = _file(tmp_path / "here.mp4")
    (tmp_path / "gone").symlink_to("/nonexistent/videos")
    os.mkfifo(tmp_path / "pipe.mp4")
    found = discover.look([str(tmp_path)], PLACES, DEFAULT)
    assert found.uris == [str(video)]
    assert found.left_out_in_words == (
        f"1 broken link (gone in {tmp_path}), 1 pipe or device (pipe.mp4 in {tmp_path})"
    )


def test_a_link_to_itself_fails(tmp_path: Path) -> None:
    """Nobody can say what it is."""
    video = _file(tmp_path / "here.mp4")
    (tmp_path / "self").symlink_to("self")
    found = discover.look([str(tmp_path)], PLACES, DEFAULT)
    assert found.uris == [str(video)]
    assert [(f.path, f.state) for f in found.failures] == [(str(tmp_path / "self"), "failed")]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_folder_that_cannot_be_read_fails_and_the_others_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """It is named with the reason of the system."""
    video = _file(tmp_path / "open" / "a.mp4")
    closed = _file(tmp_path / "closed" / "b.mp4").parent
    really = os.scandir

    def scandir(path: str) -> object:
        if path == str(closed):
            raise OSError(number, os.strerror(number), path)
        return really(path)

    monkeypatch.setattr("indexer.discover.os.scandir", scandir)
    found = discover.look([str(tmp_path)], PLACES, DEFAULT)
    assert found.uris == [str(video)]
    assert [(f.path, f.state, f.reason) for f in found.failures] == [
        (str(closed), "failed", os.strerror(number))
    ]


def test_a_listing_that_breaks_off_keeps_what_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails midway: what was listed is indexed, and the folder fails."""
    video = _file(tmp_path / "a.mp4")
    with os.scandir(tmp_path) as listed:
        entry = next(listed)

    @contextmanager
    def scandir(path: str) -> Iterator[Iterator[os.DirEntry[str]]]:
        def listing() -> Iterator[os.DirEntry[str]]:
            yield entry
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        yield listing()

    monkeypatch.setattr("indexer.discover.os.scandir", scandir)
    found = discover.look([str(tmp_path)], PLACES, DEFAULT)
    assert found.uris == [str(video)]
    assert [failure.path for failure in found.failures] == [str(tmp_path)]


def test_a_file_that_cannot_be_read_is_left_to_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is named as a video fails there; another is counted."""
    video = _file(tmp_path / "a.ts")
    _file(tmp_path / "secret")

    def unreadable(path: str) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr("indexer.discover._head", unreadable)
    found = discover.look([str(tmp_path)], PLACES, DEFAULT)
    assert found.uris == [str(video)]
    assert list(found.left_out) == ["unreadable"]


def test_a_thousand_folders_deep_is_found(tmp_path: Path) -> None:
    """Deeper than Python's recursion; what is longer than a path may be fails by name."""
    top = tmp_path / "deep"
    top.mkdir()
    folder = os.open(top, os.O_RDONLY)
    try:
        for depth in range(3000):
            if depth in (1100, 2500):
                os.close(os.open("v.mp4", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
            os.mkdir("d", dir_fd=folder)
            below = os.open("d", os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = below
        found = discover.look([str(top)], PLACES, DEFAULT)
        assert [len(Path(uri).relative_to(top).parts) for uri in found.uris] == [1101]
        assert [failure.reason for failure in found.failures] == ["File name too long"]
    finally:
        os.close(folder)
        subprocess.run(["rm", "-rf", str(top)], check=True)  # shutil.rmtree goes by recursion


def test_a_named_file_that_may_not_be_looked_at_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the closed folder of another user: one failure, and the others are found."""
    closed, video = _file(tmp_path / "closed" / "a.mp4"), _file(tmp_path / "b.mp4")
    really = Path.lstat

    def lstat(path: Path) -> os.stat_result:
        if path.parent.name == "closed":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return really(path)

    monkeypatch.setattr(Path, "lstat", lstat)
    found = discover.look([str(closed), str(video)], PLACES, DEFAULT)
    assert found.uris == [str(video)]
    assert [(f.path, f.reason) for f in found.failures] == [(str(closed), "Permission denied")]


def test_a_file_of_a_list_that_is_gone_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list may be older than what it names: the rest is found."""
    video = _file(tmp_path / "a.mp4")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{tmp_path / 'gone.mp4'}\n{video}\n"))
    found = discover.look(["-"], PLACES, DEFAULT)
    assert found.uris == [str(video)]
    assert [failure.reason for failure in found.failures] == ["no such file or folder"]


def test_a_uri_of_a_list_that_is_gone_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file does: the rest of the list is found."""
    video = _file(tmp_path / "a.mp4")
    gone = f"zip://{tmp_path / 'gone.zip'}"
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{gone}\n{video}\n"))
    found = discover.look(["-"], Places({LOCAL: LocalDisk(), "zip": ZipArchives()}), DEFAULT)
    assert found.uris == [str(video)]
    assert [(failure.path, failure.state) for failure in found.failures] == [(gone, "failed")]


def test_a_uri_with_a_nul_is_refused() -> None:
    """As a path is; no place is asked, because what it raises then is its own."""
    places = Places({LOCAL: LocalDisk(), "zip": ZipArchives()})
    with pytest.raises(ConfigError, match="a uri cannot contain a NUL character"):
        discover.look(["zip:///a\0.zip"], places, DEFAULT)


def test_names_of_a_list_are_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not UTF-8 is a name all the same."""
    name = os.fsencode(tmp_path) + b"/caf\xe9.mp4"
    os.close(os.open(name, os.O_CREAT))
    stdin = io.TextIOWrapper(io.BytesIO(name + b"\n"), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", stdin)
    assert [os.fsencode(file) for file in discover.look(["-"], PLACES, DEFAULT).uris] == [name]


def test_a_file_is_found_in_another_normal_form(tmp_path: Path) -> None:
    """MacOS stores names decomposed; a keyboard types them composed."""
    video = _file(tmp_path / normalize("NFD", "été.mp4"))
    assert _files([str(tmp_path / normalize("NFC", "été.mp4"))]) == [video]


def test_an_empty_folder_is_told_beside_one_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails elsewhere says nothing of it."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "closed").mkdir()
    really = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return really(path)

    monkeypatch.setattr("indexer.discover.os.scandir", scandir)
    assert len(discover.look([str(tmp_path / "closed")], PLACES, DEFAULT).failures) == 1
    with pytest.raises(ConfigError, match="empty: this folder contains no video"):
        discover.look([str(tmp_path / "closed"), str(tmp_path / "empty")], PLACES, DEFAULT)


def test_an_entry_that_fails_is_told_and_the_next_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handle of a network disk may be stale for one entry alone."""
    video = _file(tmp_path / "b.mp4")
    with os.scandir(tmp_path) as listed:
        entry = next(listed)

    class Stale:
        name = "a.mp4"
        path = str(tmp_path / "a.mp4")

        def is_dir(self) -> bool:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    @contextmanager
    def scandir(path: str) -> Iterator[Iterator[object]]:
        yield iter([Stale(), entry])

    monkeypatch.setattr("indexer.discover.os.scandir", scandir)
    found = discover.look([str(tmp_path)], PLACES, DEFAULT)
    assert found.uris == [str(video)]
    assert [failure.path for failure in found.failures] == [str(tmp_path / "a.mp4")]
