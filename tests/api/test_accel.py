"""GET /v1/videos/{id}/file where nginx sends the videos for the API."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from api.media import ACCEL_PREFIX, VideoFile, VideoResponse, locate, respond
from clipseek.sources import LocalDisk
from clipseek.types import Video


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Close the opened files, whether nginx or the API sends them."""
    with ExitStack() as files:
        yield files


def _file(path: Path, opened: ExitStack) -> VideoFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(b"video")
    source = LocalDisk().look(str(path))
    video = Video("sea", source.uri, "sea", 1.0, 2, 2, source.size_bytes, stamp=source.stamp)
    found = locate(video)
    opened.enter_context(found.file)
    return found


@pytest.mark.parametrize(
    ("name", "named"),
    [
        pytest.param("sea.mp4", "sea.mp4", id="plain"),
        pytest.param("2024/sea.mp4", "2024/sea.mp4", id="folder"),
        pytest.param("a b?c%d.mp4", "a%20b%3Fc%25d.mp4", id="marks"),
        pytest.param("mér.mp4", "m%C3%A9r.mp4", id="accent"),
    ],
)
def test_a_video_below_the_folder_is_named_to_nginx(
    tmp_path: Path, opened: ExitStack, name: str, named: str
) -> None:
    """By its path below the folder, in which nginx reads nothing but a path."""
    answer = respond(_file(tmp_path / name, opened), tmp_path)
    assert answer.headers["X-Accel-Redirect"] == ACCEL_PREFIX + named
    assert answer.body == b""
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Content-Disposition"].startswith("inline; filename")


def test_a_link_within_the_folder_is_named_by_what_it_leads_to(
    tmp_path: Path, opened: ExitStack
) -> None:
    """So that nginx needs to follow no link, and refuses one that comes in between."""
    _file(tmp_path / "2024" / "sea.mp4", opened)
    (tmp_path / "new").symlink_to(tmp_path / "2024")
    answer = respond(_file(tmp_path / "new" / "sea.mp4", opened), tmp_path)
    assert answer.headers["X-Accel-Redirect"] == f"{ACCEL_PREFIX}2024/sea.mp4"


def test_other_videos_are_sent_by_the_api(tmp_path: Path, opened: ExitStack) -> None:
    """Those outside the folder, by dots or by a link, and all without a folder."""
    inside = tmp_path / "videos"
    inside.mkdir()
    outside = _file(tmp_path / "other" / "sea.mp4", opened)
    (inside / "link.mp4").symlink_to(outside.path)
    linked = _file(inside / "link.mp4", opened)
    dotted = _file(inside / ".." / "other" / "sea.mp4", opened)
    assert isinstance(respond(outside, inside), VideoResponse)
    assert isinstance(respond(dotted, inside), VideoResponse)
    assert isinstance(respond(linked, inside), VideoResponse)
    assert isinstance(respond(outside, None), VideoResponse)


def test_a_file_swapped_meanwhile_is_not_named_to_nginx(tmp_path: Path, opened: ExitStack) -> None:
    """By its path another file would be opened than the one that was checked."""
    checked = _file(tmp_path / "sea.mp4", opened)
    (tmp_path / "other").write_bytes(b"video")
    (tmp_path / "other").replace(checked.path)
    assert isinstance(respond(checked, tmp_path), VideoResponse)
