"""Thumbnails are files named by what they show; what no row names goes after a while."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from clipseek.errors import ServiceUnavailable
from clipseek.thumbnails import SWEEP_AGE_S, Thumbnails, UnsafeName


def _jpeg(shade: int) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, shade, shade)).save(target, "JPEG")
    return target.getvalue()


def test_the_same_picture_has_the_same_name(tmp_path: Path) -> None:
    """Indexing a video again writes the same files."""
    thumbnails = Thumbnails(tmp_path)
    name = thumbnails.write("default", "abcd", 1.5, _jpeg(10))
    assert thumbnails.write("default", "abcd", 1.5, _jpeg(10)) == name
    assert thumbnails.write("default", "abcd", 1.5, _jpeg(200)) != name
    assert name.startswith("default/ab/abcd/000001500-")
    assert thumbnails.read(name) == _jpeg(10)


def test_missing_and_torn_pictures_are_found(tmp_path: Path) -> None:
    """A file without an end marker is not a complete picture."""
    thumbnails = Thumbnails(tmp_path)
    whole, torn, gone = (thumbnails.write("c", "ab", t, _jpeg(t)) for t in (1, 2, 3))
    (tmp_path / torn).write_bytes(_jpeg(2)[:-5])
    (tmp_path / gone).unlink()
    assert list(thumbnails.missing(iter([whole, torn, gone]))) == [torn, gone]


def test_those_of_one_collection_are_removed(tmp_path: Path) -> None:
    """Also if there are none, and those that an interrupted removal has left."""
    thumbnails = Thumbnails(tmp_path)
    for collection in ("gone", "kept"):
        name = thumbnails.write(collection, "ab", 1.0, _jpeg(1))
    (tmp_path / ".removed-x" / "ab").mkdir(parents=True)
    for _ in range(2):
        thumbnails.remove("gone")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert thumbnails.read(name) == _jpeg(1)


def test_those_of_one_video_are_removed(tmp_path: Path) -> None:
    """Also if there are none; those of another video with the same first letters stay."""
    thumbnails = Thumbnails(tmp_path)
    thumbnails.write("default", "abgone", 1.0, _jpeg(1))
    kept = thumbnails.write("default", "abkept", 1.0, _jpeg(1))
    for _ in range(2):
        thumbnails.remove_video("default", "abgone")
    assert [path.name for path in (tmp_path / "default" / "ab").iterdir()] == ["abkept"]
    assert thumbnails.read(kept) == _jpeg(1)
    thumbnails.remove_video("default", "abkept")
    assert not (tmp_path / "default" / "ab").exists()


@pytest.mark.parametrize("video_id", ["", ".", "..", "../kept", "a/b", "/"])
def test_a_video_leads_to_no_other_folder(tmp_path: Path, video_id: str) -> None:
    """A database may say anything."""
    thumbnails = Thumbnails(tmp_path)
    kept = thumbnails.write("kept", "ab", 1.0, _jpeg(1))
    with pytest.raises(ServiceUnavailable, match="outside the folder"):
        thumbnails.remove_video("default", video_id)
    assert thumbnails.read(kept) == _jpeg(1)


@pytest.mark.parametrize("name", ["", ".", "..", "../pictures", "kept/ab", "/"])
def test_nothing_else_is_removed(tmp_path: Path, name: str) -> None:
    """A database may say anything."""
    thumbnails = Thumbnails(tmp_path / "pictures")
    kept = thumbnails.write("kept", "ab", 1.0, _jpeg(1))
    with pytest.raises(ServiceUnavailable, match="outside the folder"):
        thumbnails.remove(name)
    assert thumbnails.read(kept) == _jpeg(1)


def test_sweep_takes_old_files_that_no_row_names(tmp_path: Path) -> None:
    """A young file may belong to a video that is about to be committed."""
    thumbnails = Thumbnails(tmp_path)
    named, old, young = (thumbnails.write("c", "ab", t, _jpeg(t)) for t in (1, 2, 3))
    for name in (named, old):
        long_ago = (tmp_path / name).stat().st_mtime - SWEEP_AGE_S - 1
        os.utime(tmp_path / name, (long_ago, long_ago))
    assert thumbnails.sweep("c", {named}) == 1
    assert [n for n in (named, old, young) if (tmp_path / n).exists()] == [named, young]


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    """The message names the folder and what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(ServiceUnavailable, match="CLIPSEEK_DATA_DIR"):
        Thumbnails(tmp_path / "file").write("c", "ab", 1, _jpeg(1))
    with pytest.raises(ServiceUnavailable, match="indexer verify"):
        Thumbnails(tmp_path).read("c/ab/ab/x.jpg")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../secret.jpg", id="up"),
        pytest.param("default/../../secret.jpg", id="up from within"),
        pytest.param("{outside}/secret.jpg", id="absolute"),
        pytest.param("default/a\0b.jpg", id="NUL"),
        pytest.param("link/secret.jpg", id="linked folder"),
        pytest.param("link.jpg", id="link"),
        pytest.param("", id="empty"),
    ],
)
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    """Whatever stands in the database, and whatever was put into the folder."""
    outside = tmp_path / "secret.jpg"
    outside.write_bytes(b"\xff\xd8secret\xff\xd9")
    root = tmp_path / "thumbnails"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    (root / "link.jpg").symlink_to(outside)
    pictures = Thumbnails(root)
    named = name.format(outside=tmp_path)
    with pytest.raises(ServiceUnavailable) as refused:
        pictures.read(named)
    assert isinstance(refused.value.__cause__, UnsafeName)
    assert list(pictures.missing(iter([named]))) == [named]


def test_a_name_that_is_encoded_is_taken_as_it_is(tmp_path: Path) -> None:
    """`%2e%2e` is not the parent folder, only a folder that does not exist."""
    with pytest.raises(ServiceUnavailable) as missing:
        Thumbnails(tmp_path / "thumbnails").read("%2e%2e/secret.jpg")
    assert isinstance(missing.value.__cause__, FileNotFoundError)


def test_two_builders_sweep_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the other one has deleted meanwhile is not an error."""
    thumbnails = Thumbnails(tmp_path)
    names = [thumbnails.write("c", "ab" * 16, time, _jpeg(1)) for time in (1.0, 2.0)]
    for name in names:
        os.utime(tmp_path / name, (1.0, 1.0))
    look = Path.stat

    def stat_then_lose(path: Path, **options: bool) -> os.stat_result:
        found = look(path, **options)
        if path == tmp_path / names[0]:
            path.unlink()
        return found

    monkeypatch.setattr(Path, "stat", stat_then_lose)
    assert thumbnails.sweep("c", set()) == 1
    monkeypatch.undo()
    assert not any((tmp_path / name).exists() for name in names)
