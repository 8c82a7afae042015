"""`indexer verify` against the files: each test makes one thing wrong, and it is told."""

import hashlib
import io
import json
import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from clipseek.belonging import MARK
from clipseek.sources import LocalDisk
from tests.e2e.conftest import Library

Capture = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class One:
    """A library of one video, which a test may damage."""

    library: Library
    video: Path

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Run a statement behind the back of everything."""
        with sqlite3.connect(self.library.data_dir / "catalog.db") as connection:
            rows = connection.execute(statement, values).fetchall()
        connection.close()
        return rows

    def problems(self, capture: Capture, *options: str) -> list[str]:
        """Return what `verify` prints on standard output."""
        code = self.library.run("verify", *options)
        lines = capture.readouterr().out.splitlines()
        assert code == (1 if lines else 0)
        return lines


@pytest.fixture(scope="module")
def base(tiny_library: Library, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A tiny video, indexed."""
    root = tmp_path_factory.mktemp("base")
    (root / "videos").mkdir()
    shutil.copy2(sorted(tiny_library.videos.glob("*.mp4"))[0], root / "videos" / "video.mp4")
    library = Library(root / "videos", root / "data")
    run = ("ingest", str(library.videos), "--model", "demo", "--quiet", "--no-build")
    assert library.run(*run) == 0
    return library


@pytest.fixture
def one(base: Library, tmp_path: Path) -> One:
    """A copy of the library and of its video."""
    shutil.copytree(base.data_dir, tmp_path / "data")
    shutil.copytree(base.videos, tmp_path / "videos")
    made = One(Library(tmp_path / "videos", tmp_path / "data"), tmp_path / "videos" / "video.mp4")
    made.sql("UPDATE videos SET uri = ?", str(made.video))
    return made


@pytest.mark.parametrize("options", [(), ("--deep",)], ids=["plain", "deep"])
def test_a_sound_library_agrees(one: One, capsys: Capture, options: tuple[str, ...]) -> None:
    """Also where the file was touched, which changes nothing."""
    os.utime(one.video)
    assert one.problems(capsys, *options) == []


@pytest.mark.parametrize("options", [(), ("--deep",)], ids=["plain", "deep"])
def test_a_wrong_length_is_told(one: One, capsys: Capture, options: tuple[str, ...]) -> None:
    """Rows that agree with each other, and not with the container."""
    (last,) = one.sql("SELECT max(start) FROM segments")
    one.sql("UPDATE videos SET duration = 2410.08")
    one.sql("UPDATE segments SET end = 2410.08 WHERE start = ?", *last)
    (problem,) = one.problems(capsys, *options)
    assert "is stored with 2410.08 s and has" in problem
    assert str(one.video) in problem


def test_a_missing_file_is_told(one: One, capsys: Capture) -> None:
    """And what to do, whether its disk is away or it is gone."""
    one.video.unlink()
    (problem,) = one.problems(capsys)
    assert "is missing; mount its disk, or `indexer remove` it" in problem


def test_a_file_that_grew_is_told(one: One, capsys: Capture) -> None:
    """By its size, without reading it."""
    with one.video.open("ab") as file:
        file.write(b"more")
    (problem,) = one.problems(capsys)
    assert "has changed on disk" in problem


def _flip(path: Path, *, keep_date: bool) -> None:
    """Change a byte in the middle."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    if keep_date:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_other_content_under_another_date_is_told(one: One, capsys: Capture) -> None:
    """Of a file that was touched, the content is compared."""
    _flip(one.video, keep_date=False)
    (problem,) = one.problems(capsys)
    assert "has other content than when it was indexed" in problem


def test_content_that_rots_is_told_by_a_deep_look(one: One, capsys: Capture) -> None:
    """Size and date are what they were; only reading everything shows it."""
    _flip(one.video, keep_date=True)
    (problem,) = one.problems(capsys, "--deep")
    assert "has other content than when it was indexed" in problem


def test_a_picture_that_is_stored_as_a_video_is_told(one: One, capsys: Capture) -> None:
    """As an older release indexed photos."""
    photo = one.video.with_name("photo.mp4")
    Image.new("RGB", (64, 48), "red").save(photo, "JPEG")
    source = LocalDisk().look(str(photo))
    one.sql(
        "UPDATE videos SET uri = ?, size_bytes = ?, stamp = ?",
        source.uri,
        source.size_bytes,
        source.stamp,
    )
    (problem,) = one.problems(capsys)
    assert "is indexed, and cannot be read now: a picture, not a video" in problem


def _thumbnail(one: One) -> tuple[str, Path]:
    ((name,),) = one.sql("SELECT thumbnail FROM segments ORDER BY start LIMIT 1")
    return str(name), one.library.data_dir / "thumbnails" / str(name)


def _recoloured(path: Path) -> bytes:
    """Turn a picture's colours round: what a reader makes that mistakes the format."""
    picture = Image.open(path).convert("RGB")
    red, green, blue = picture.split()
    target = io.BytesIO()
    Image.merge("RGB", (blue, red, green)).save(target, "JPEG", quality=90)
    return target.getvalue()


@pytest.mark.parametrize("options", [(), ("--deep",)], ids=["plain", "deep"])
def test_a_thumbnail_of_other_colours_is_told(
    one: One, capsys: Capture, options: tuple[str, ...]
) -> None:
    """Its name is right, for it was written so: only the file can tell."""
    name, path = _thumbnail(one)
    jpeg = _recoloured(path)
    digest = hashlib.sha256(jpeg).hexdigest()[:12]
    renamed = path.with_name(f"{path.name.split('-')[0]}-{digest}.jpg")
    path.unlink()
    renamed.write_bytes(jpeg)
    stored = f"{name.rsplit('/', 1)[0]}/{renamed.name}"
    one.sql("UPDATE segments SET thumbnail = ? WHERE thumbnail = ?", stored, name)
    (problem,) = one.problems(capsys, *options)
    assert "shows another picture than the file does then" in problem
    assert stored in problem


def test_a_thumbnail_of_another_shape_is_told(one: One, capsys: Capture) -> None:
    """Black bars or a stretch: the frame is upright in a shape of its own."""
    name, path = _thumbnail(one)
    picture = Image.open(path).convert("RGB")
    target = io.BytesIO()
    picture.resize((picture.width // 2, picture.height)).save(target, "JPEG")
    digest = hashlib.sha256(target.getvalue()).hexdigest()[:12]
    stored = f"{name.rsplit('-', 1)[0]}-{digest}.jpg"
    (path.parent / stored.rsplit("/", 1)[1]).write_bytes(target.getvalue())
    one.sql("UPDATE segments SET thumbnail = ? WHERE thumbnail = ?", stored, name)
    (problem,) = one.problems(capsys)
    assert "shows another picture" in problem


def test_a_thumbnail_that_was_replaced_is_told(one: One, capsys: Capture) -> None:
    """Another picture under the same name: the hash in the name differs."""
    _, path = _thumbnail(one)
    path.write_bytes(_recoloured(path))
    assert any("is not the one that was written" in p for p in one.problems(capsys))


def test_a_thumbnail_of_another_time_is_told(one: One, capsys: Capture) -> None:
    """Two segments that name each other's pictures."""
    rows = one.sql("SELECT id, thumbnail FROM segments ORDER BY start LIMIT 2")
    (first, picture), (second, other) = rows
    one.sql("UPDATE segments SET thumbnail = ? WHERE id = ?", other, first)
    one.sql("UPDATE segments SET thumbnail = ? WHERE id = ?", picture, second)
    assert sum("that belongs to another time" in p for p in one.problems(capsys)) == 2


def test_frames_at_other_times_are_told_by_a_deep_look(one: One, capsys: Capture) -> None:
    """The times of sampled frames are those at which the file shows them."""
    ((times,),) = one.sql("SELECT times FROM frame_vectors")
    assert isinstance(times, bytes)
    one.sql("UPDATE frame_vectors SET times = ?", times[:4] + times[:4] + times[8:])
    assert any("frames at other times" in p for p in one.problems(capsys, "--deep"))


def test_vectors_of_other_pictures_are_told_by_a_deep_look(one: One, capsys: Capture) -> None:
    """As when the reader's colours were wrong, or rows were mixed up."""
    ((vectors,),) = one.sql("SELECT vectors FROM frame_vectors")
    assert isinstance(vectors, bytes)
    half = len(vectors) // 4 * 2
    one.sql("UPDATE frame_vectors SET vectors = ?", vectors[half:] + vectors[:half])
    (problem,) = one.problems(capsys, "--deep")
    assert "shows another picture at" in problem


def test_what_was_not_looked_at_is_told(
    one: One, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sample is not a proof: the last line says how large it was, and which option checks all."""
    monkeypatch.setattr("indexer.originals.OPENED", 0)
    assert one.library.run("verify") == 0
    said = capsys.readouterr().err
    assert "everything agrees" in said
    assert "0 of 1 video" in said
    assert "`indexer verify --deep` decodes all again" in said


def test_a_data_folder_of_another_catalog_is_told(one: One, capsys: Capture) -> None:
    """Its pictures and snapshots are of another database: nothing is compared with them."""
    mark = one.library.data_dir / MARK
    mark.write_text(json.dumps({"id": "another", "embedded": False}))
    assert one.library.run("verify") == 2
    assert "belongs to another catalog" in capsys.readouterr().err
