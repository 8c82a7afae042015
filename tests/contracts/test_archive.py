"""An exported collection: what it has, what interrupts it, and what is refused when it is read."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipseek.archive import Export, Import, Manifest
from clipseek.archive import parts as part_files
from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.protocols import CatalogWriter
from clipseek.testing import MemoryCatalog
from clipseek.thumbnails import Thumbnails
from clipseek.timed import Cue, TimedText
from clipseek.types import Relevance, Scoring
from tests.contracts.catalogs import DIM, a_video

SCORING = Scoring("b" * 64, 100.0, Relevance(1.0, -6.0, fitted=False))

SAID = TimedText("subtitle", "1 .en.srt 5", (Cue(0.5, 1.25, "Hello, 世界", "en"), Cue(2, 3, "Bye")))


SPOKEN = TimedText("speech", "1 tiny", (Cue(1.0, 2.0, "Hello", "en"),))


def jpeg(text: str) -> bytes:
    """Return bytes that begin and end as a JPEG does."""
    return b"\xff\xd8" + text.encode() + b"\xff\xd9"


@pytest.fixture
def thumbnails(tmp_path: Path) -> Thumbnails:
    """Return an empty folder of thumbnails."""
    return Thumbnails(tmp_path / "thumbnails")


@pytest.fixture
def filled(catalog: CatalogWriter, thumbnails: Thumbnails) -> CatalogWriter:
    """Return a catalog of each kind with five videos; the last has no frames kept."""
    catalog.ensure_collection("old", "toy", DIM, "f1", SCORING)
    for video_id in "abcde":
        given = a_video(video_id, tags=(video_id, "é"))
        names = [
            thumbnails.write("old", video_id, time, jpeg(f"{video_id}{time}"))
            for time in given.picture.best_times.tolist()
        ]
        given = replace(given, picture=replace(given.picture, thumbnails=names))
        given = replace(given, texts=() if video_id == "d" else (SAID, SPOKEN))
        replace(given, frames=None if video_id == "e" else given.frames).put_into(catalog, "old")
    catalog.set_relevance("old", Relevance(1.5, -2.0, fitted=True))
    return catalog


def exported(catalog: CatalogWriter, thumbnails: Thumbnails, folder: Path) -> Manifest:
    """Export in parts of one video."""
    return Export(catalog, thumbnails, folder, part_bytes=1).run("old")


def imported(catalog: CatalogWriter, thumbnails: Thumbnails, folder: Path) -> Manifest:
    """Import under another name."""
    import_ = Import(catalog, thumbnails, folder, mark=thumbnails.root.parent / "mark.json")
    manifest = import_.run("new")
    import_.finish()
    return manifest


def test_a_collection_comes_back_unchanged(
    filled: CatalogWriter, thumbnails: Thumbnails, tmp_path: Path
) -> None:
    """Videos, segments, vectors, pictures and what judges them."""
    manifest = exported(filled, thumbnails, tmp_path / "archive")
    assert (manifest.videos, manifest.segments, manifest.missing) == (5, 15, 0)
    assert len(manifest.parts) == 5
    imported(filled, thumbnails, tmp_path / "archive")
    old, new = filled.collection("old"), filled.collection("new")
    assert replace(new, name="old", key=old.key, version=old.version, epoch=old.epoch) == old
    assert filled.videos("new") == filled.videos("old")
    for before, after in zip(filled.stored("old"), filled.stored("new"), strict=True):
        for one, other in zip(before.segments, after.segments, strict=True):
            assert one.vector.tobytes() == other.vector.tobytes()
            assert replace(one, vector=other.vector, thumbnail=other.thumbnail) == other
            assert other.thumbnail == one.thumbnail.replace("old/", "new/")
            assert thumbnails.read(other.thumbnail) == thumbnails.read(one.thumbnail)
        assert before.texts == after.texts
        assert (before.frames is None) == (after.frames is None)
        if before.frames is not None and after.frames is not None:
            assert before.frames.times.tobytes() == after.frames.times.tobytes()
            assert before.frames.vectors.tobytes() == after.frames.vectors.tobytes()


def test_anybody_can_read_a_part(
    filled: CatalogWriter, thumbnails: Thumbnails, tmp_path: Path
) -> None:
    """With nothing but a ZIP reader, JSON and NumPy."""
    exported(filled, thumbnails, tmp_path / "archive")
    with zipfile.ZipFile(tmp_path / "archive" / "part-00000.zip") as part:
        (line,) = part.read("videos.jsonl").splitlines()
        vectors = np.load(part.open("segments.npy"))
        times = np.load(part.open("times.npy"))
    assert json.loads(line)["title"] == "video a"
    assert (vectors.dtype, vectors.shape) == (np.int8, (3, DIM))
    assert times.tolist() == [0, 1, 2, 3, 4, 5]


def test_an_interrupted_export_continues(
    filled: CatalogWriter, thumbnails: Thumbnails, tmp_path: Path
) -> None:
    """Complete parts are not written again, whatever else the interruption left behind."""
    folder = tmp_path / "archive"

    def interrupt(manifest: Manifest) -> None:
        if len(manifest.parts) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Export(filled, thumbnails, folder, part_bytes=1, on_part=interrupt).run("old")
    (folder / "part-00003.zip.tmp").write_bytes(b"half")
    before = {path: path.stat().st_ino for path in folder.glob("part-*.zip")}
    assert len(before) == 3
    manifest = exported(filled, thumbnails, folder)
    assert {path: path.stat().st_ino for path in before} == before
    assert (manifest.videos, len(manifest.parts)) == (5, 5)
    names = {"manifest.json", *(part.name for part in manifest.parts)}
    assert {path.name for path in folder.iterdir()} == names
    assert exported(filled, thumbnails, folder) == manifest


def test_a_part_that_was_damaged_meanwhile_is_written_again(
    filled: CatalogWriter, thumbnails: Thumbnails, tmp_path: Path
) -> None:
    """Also one that is not the last; a complete export with such a part is not called complete."""
    folder = tmp_path / "archive"

    def interrupt(manifest: Manifest) -> None:
        if len(manifest.parts) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Export(filled, thumbnails, folder, part_bytes=1, on_part=interrupt).run("old")
    (folder / "part-00001.zip").write_bytes(b"damaged")
    manifest = exported(filled, thumbnails, folder)
    assert all(part_files.is_whole(folder, part) for part in manifest.parts)

    (folder / "part-00001.zip").unlink()
    with pytest.raises(ConfigError, match=r"its part-00001\.zip is missing or damaged; name a new"):
        exported(filled, thumbnails, folder)


def test_an_export_of_a_collection_that_went_on_begins_anew(
    filled: CatalogWriter, thumbnails: Thumbnails, tmp_path: Path
) -> None:
    """All of it is of one version."""
    folder = tmp_path / "archive"

    def interrupt(_manifest: Manifest) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Export(filled, thumbnails, folder, part_bytes=1, on_part=interrupt).run("old")
    filled.remove("old", "a")
    manifest = exported(filled, thumbnails, folder)
    assert (manifest.version, manifest.videos) == (filled.collection("old").version, 4)


def test_an_export_is_of_one_moment(
    filled: CatalogWriter, thumbnails: Thumbnails, tmp_path: Path
) -> None:
    """What changes meanwhile is not part of it."""
    if isinstance(filled, MemoryCatalog):
        pytest.skip("a catalog in memory has moments of its own")

    def change(manifest: Manifest) -> None:
        if len(manifest.parts) == 1:
            filled.remove("old", "c")

    manifest = Export(filled, thumbnails, tmp_path / "archive", part_bytes=1, on_part=change).run(
        "old"
    )
    assert manifest.videos == 5


def test_an_interrupted_import_continues(
    filled: CatalogWriter, thumbnails: Thumbnails, tmp_path: Path
) -> None:
    """With what is not there yet; each video is stored once."""
    exported(filled, thumbnails, tmp_path / "archive")
    mark = tmp_path / "mark.json"

    def interrupt(step: str, _manifest: Manifest, videos: int) -> None:
        if (step, videos) == ("store", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Import(filled, thumbnails, tmp_path / "archive", mark=mark, on_part=interrupt).run("new")
    assert len(filled.videos("new")) == 2
    imported(filled, thumbnails, tmp_path / "archive")
    assert filled.videos("new") == filled.videos("old")
    assert filled.collection("new").version == 6
    assert not mark.exists()


def test_an_import_never_writes_to_a_collection_that_is_there(
    filled: CatalogWriter, thumbnails: Thumbnails, tmp_path: Path
) -> None:
    """Nor to one that was made by the same name after an interrupted import was removed."""
    exported(filled, thumbnails, tmp_path / "archive")
    imported(filled, thumbnails, tmp_path / "archive")
    with pytest.raises(ConfigError, match="there is a collection 'new' already"):
        imported(filled, thumbnails, tmp_path / "archive")
    filled.set_alias("other", "old")
    with pytest.raises(ConfigError, match="'other' is an alias"):
        Import(filled, thumbnails, tmp_path / "archive", mark=tmp_path / "m").run("other")


def test_pictures_that_are_gone_are_counted(
    filled: CatalogWriter, thumbnails: Thumbnails, tmp_path: Path
) -> None:
    """So are damaged ones; the rest is exported and can be imported."""
    names = list(filled.thumbnails("old"))
    (thumbnails.root / names[0]).unlink()
    (thumbnails.root / names[1]).write_bytes(b"damaged")
    assert exported(filled, thumbnails, tmp_path / "archive").missing == 2
    imported(filled, thumbnails, tmp_path / "archive")
    missing = list(thumbnails.missing(filled.thumbnails("new")))
    assert missing == [name.replace("old/", "new/") for name in names[:2]]


@pytest.mark.parametrize(
    "left", ["holiday.mp4", ".hidden", "part-00000.zip"], ids=["file", "hidden", "part alone"]
)
def test_a_folder_with_something_else_is_left_alone(
    left: str, filled: CatalogWriter, thumbnails: Thumbnails, tmp_path: Path
) -> None:
    """A part without its list is something else, too."""
    (tmp_path / left).write_bytes(b"precious")
    folder = tmp_path / "archive"
    folder.mkdir()
    (tmp_path / left).rename(folder / left)
    with pytest.raises(ConfigError, match="is not empty"):
        exported(filled, thumbnails, folder)
    assert (folder / left).read_bytes() == b"precious"


def test_a_file_is_not_taken_for_a_folder(
    filled: CatalogWriter, thumbnails: Thumbnails, tmp_path: Path
) -> None:
    """The sentence says so, and the file stays as it is."""
    path = tmp_path / "archive"
    path.write_bytes(b"precious")
    with pytest.raises(ConfigError, match="archive is a file; name a folder"):
        exported(filled, thumbnails, path)
    assert path.read_bytes() == b"precious"


def test_a_folder_that_cannot_be_written_is_an_error(
    filled: CatalogWriter, thumbnails: Thumbnails, tmp_path: Path
) -> None:
    """In a sentence."""
    (tmp_path / "file").touch()
    with pytest.raises(ServiceUnavailable, match="cannot be written"):
        exported(filled, thumbnails, tmp_path / "file" / "archive")


def _changed(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest as its author might."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), "utf-8")


def _rewritten(folder: Path, name: str, change: Callable[[bytes], bytes | None]) -> None:
    """Write the first part again with one file changed or left out, and a manifest that fits."""
    path = folder / "part-00000.zip"
    with zipfile.ZipFile(path) as part:
        files = {entry: part.read(entry) for entry in part.namelist()}
    (found,) = [entry for entry in files if entry.startswith(name)][:1]
    content = change(files.pop(found))
    with zipfile.ZipFile(path, "w") as part:
        for entry, old in files.items():
            part.writestr(entry, old)
        if content is not None:
            part.writestr(found, content)
    _fits(folder)


def _fits(folder: Path) -> None:
    content = (folder / "part-00000.zip").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    _changed(folder, lambda m: m["parts"][0].update(bytes=len(content), sha256=digest))


def _line(**changes: object) -> Callable[[bytes], bytes]:
    """Change values of the first line."""

    def change(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        lines[0] = json.dumps(json.loads(lines[0]) | changes).encode() + b"\n"
        return b"".join(lines)

    return change


def _first_segment(**changes: object) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        line = json.loads(content.splitlines()[0])
        line["segments"][0] |= changes
        return json.dumps(line).encode() + b"\n"

    return change


def _late_segment(content: bytes) -> bytes:
    return _line(recorded_at="2026-11-28T12:00:00Z")(_first_segment(end=9e11)(content))


def _compressed(folder: Path) -> None:
    path = folder / "part-00000.zip"
    with zipfile.ZipFile(path) as part:
        files = {entry: part.read(entry) for entry in part.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as part:
        for entry, old in files.items():
            part.writestr(entry, old)
        part.writestr("bomb", bytes(10**7))
    _fits(folder)


def _no_zip(folder: Path) -> None:
    (folder / "part-00000.zip").write_bytes(b"something else")
    _fits(folder)


def _linked(folder: Path) -> None:
    path = folder / "part-00000.zip"
    path.rename(folder / "elsewhere")
    path.symlink_to("elsewhere")


def _npy(array: "np.ndarray[Any, Any]") -> Callable[[bytes], bytes]:
    def change(_content: bytes) -> bytes:
        import io

        written = io.BytesIO()
        np.save(written, array)
        return written.getvalue()

    return change


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda f: (f / "manifest.json").unlink(), "has no manifest.json"),
    "not JSON": (lambda f: (f / "manifest.json").write_text("{"), "is damaged"),
    "another format": (lambda f: _changed(f, lambda m: m.update(format=2)), "format"),
    "more than we know": (lambda f: _changed(f, lambda m: m.update(more=1)), "more"),
    "absurd dimensions": (lambda f: _changed(f, lambda m: m.update(dim=10**9)), "dim"),
    "other dimensions": (lambda f: _changed(f, lambda m: m.update(dim=DIM + 1)), "must be int8"),
    "absurd length": (lambda f: _changed(f, lambda m: m["parts"][0].update(bytes=10**15)), "bytes"),
    "a path in a name": (
        lambda f: _changed(f, lambda m: m["parts"][0].update(name="../part-00000.zip")),
        "name",
    ),
    "a part twice": (lambda f: _changed(f, lambda m: m["parts"].insert(0, m["parts"][0])), "numb"),
    "a part that is missing": (lambda f: (f / "part-00001.zip").unlink(), "cannot be read"),
    "a part that was cut": (
        lambda f: (f / "part-00000.zip").write_bytes((f / "part-00000.zip").read_bytes()[:-1]),
        "bytes, and the manifest says",
    ),
    "a bit": (
        lambda f: (f / "part-00000.zip").write_bytes(
            (f / "part-00000.zip").read_bytes().replace(b"video a", b"video b")
        ),
        "another SHA-256",
    ),
    "no ZIP": (_no_zip, "is not a part of an archive"),
    "a link": (_linked, "not a regular file"),
    "compressed": (_compressed, "is compressed"),
    "no vectors": (lambda f: _rewritten(f, "segments.npy", lambda _: None), "no segments.npy"),
    "too few vectors": (
        lambda f: _rewritten(f, "segments.npy", _npy(np.ones((2, DIM), np.int8))),
        r"must be int8 \(3, 8\), got int8 \(2, 8\)",
    ),
    "absurd vectors": (
        lambda f: _rewritten(f, "segments.npy", lambda c: c.replace(b"(3, 8)", b"(3, 9" + b")")),
        "must be int8",
    ),
    "fewer bytes": (lambda f: _rewritten(f, "segments.npy", lambda c: c[:-2]), "must have 24"),
    "objects": (
        lambda f: _rewritten(f, "segments.npy", _npy(np.array([{}, {}]))),
        "must be int8",
    ),
    "not a number": (
        lambda f: _rewritten(f, "times.npy", _npy(np.full(6, np.nan, "<f4"))),
        "not finite",
    ),
    "no direction": (
        lambda f: _rewritten(f, "segments.npy", _npy(np.zeros((3, DIM), np.int8))),
        "without a direction",
    ),
    "a span backwards": (
        lambda f: _rewritten(f, "videos.jsonl", _first_segment(start=9.0, end=1.0)),
        "a span needs",
    ),
    "an id with a path": (lambda f: _rewritten(f, "videos.jsonl", _line(id="../a")), "id"),
    "a picture with a path": (
        lambda f: _rewritten(f, "videos.jsonl", _first_segment(thumbnail="../../x.jpg")),
        "thumbnail",
    ),
    "another picture": (
        lambda f: _rewritten(f, "thumbnails/", lambda c: c + b"x"),
        "is not the picture that its name says",
    ),
    "one video less": (lambda f: _rewritten(f, "videos.jsonl", lambda _: b""), "has 0 videos"),
    "an absurd number of frames": (
        lambda f: _rewritten(f, "videos.jsonl", _line(frames=2**50)),
        "frames.npy must be",
    ),
    "a time that there is not": (
        lambda f: _rewritten(f, "videos.jsonl", _line(recorded_at="2026-13-45T99:99:99Z")),
        "recorded_at: .*must be one that there is",
    ),
    "a day that there is not": (
        lambda f: _rewritten(f, "videos.jsonl", _line(indexed_at="2026-02-30T00:00:00Z")),
        "indexed_at: .*must be one that there is",
    ),
    "a camera without a time": (
        lambda f: _rewritten(f, "videos.jsonl", _line(stream="yard", recorded_at="")),
        "recorded_at is missing",
    ),
    "a video past all years": (
        lambda f: _rewritten(
            f, "videos.jsonl", _line(recorded_at="9999-12-31T23:59:59Z", duration=60.0)
        ),
        "must end before the year 10000",
    ),
    "a segment past all years": (
        lambda f: _rewritten(f, "videos.jsonl", _late_segment),
        "must end before the year 10000",
    ),
    "the uri of another": (
        lambda f: _rewritten(f, "videos.jsonl", _line(uri="/videos/b.mp4")),
        "the same uri",
    ),
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an export of five videos in five parts."""
    folder = tmp_path_factory.mktemp("archive")
    catalog, thumbnails = MemoryCatalog(), Thumbnails(folder / "thumbnails")
    catalog.ensure_collection("old", "toy", DIM, "f1", SCORING)
    for video_id in "abcde":
        given = a_video(video_id)
        times = given.picture.best_times.tolist()
        names = [thumbnails.write("old", video_id, t, jpeg(f"{video_id}{t}")) for t in times]
        replace(given, picture=replace(given.picture, thumbnails=names)).put_into(catalog, "old")
    exported(catalog, thumbnails, folder / "archive")
    return folder / "archive"


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_or_hostile_archive_is_refused_as_a_whole(
    name: str, archive: Path, tmp_path: Path
) -> None:
    """In a sentence that names the file; nothing is written."""
    folder = tmp_path / "copy"
    shutil.copytree(archive, folder)
    damage, sentence = DAMAGES[name]
    damage(folder)
    catalog, thumbnails = MemoryCatalog(), Thumbnails(tmp_path / "thumbnails")
    with pytest.raises(ConfigError, match=sentence) as error:
        imported(catalog, thumbnails, folder)
    assert str(folder) in str(error.value)
    assert catalog.collections() == []
    assert not thumbnails.root.exists()
    assert not (tmp_path / "mark.json").exists()


def test_a_part_is_closed_once_it_is_large(tmp_path: Path) -> None:
    """So that a reader needs little memory, however large the collection is."""
    catalog, thumbnails = MemoryCatalog(), Thumbnails(tmp_path / "thumbnails")
    catalog.ensure_collection("old", "toy", DIM, "f1")
    for number in range(40):
        a_video(f"v{number:02}").put_into(catalog, "old")
    whole = Export(catalog, thumbnails, tmp_path / "whole").run("old")
    assert len(whole.parts) == 1
    size = whole.parts[0].bytes // 4
    split = Export(catalog, thumbnails, tmp_path / "split", part_bytes=size).run("old")
    assert len(split.parts) in (3, 4, 5)
    assert all(part.bytes < 2 * size for part in split.parts)
    content = [
        part_files.read(tmp_path / "split" / part.name, part, dim=DIM) for part in split.parts
    ]
    assert sum(len(each.rows) for each in content) == 40


def test_a_camera_without_a_time_is_exported_as_a_file(tmp_path: Path) -> None:
    """A row that is damaged so keeps nobody from taking the collection along."""
    catalog, thumbnails = MemoryCatalog(), Thumbnails(tmp_path / "thumbnails")
    catalog.ensure_collection("old", "toy", DIM, "f1")
    given = a_video("yard")
    video = replace(given.video, stream="yard", recorded_at="")
    replace(given, video=video).put_into(catalog, "old")
    exported(catalog, thumbnails, tmp_path / "archive")
    copy = MemoryCatalog()
    imported(copy, thumbnails, tmp_path / "archive")
    assert copy.video("new", "yard").stream == ""
