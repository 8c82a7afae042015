"""GET /v1/videos/{id}/file where nginx sends the films for the API."""

from pathlib import Path

import pytest

from api.media import ACCEL_PREFIX, VideoFile, VideoResponse, respond


def _file(path: Path) -> VideoFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"film")
    return VideoFile(path, path.stat(), "video/mp4")


@pytest.mark.parametrize(
    ("name", "named"),
    [
        pytest.param("sea.mp4", "sea.mp4", id="plain"),
        pytest.param("2024/sea.mp4", "2024/sea.mp4", id="folder"),
        pytest.param("a b?c%d.mp4", "a%20b%3Fc%25d.mp4", id="marks"),
        pytest.param("mér.mp4", "m%C3%A9r.mp4", id="accent"),
    ],
)
def test_a_film_below_the_folder_is_named_to_nginx(tmp_path: Path, name: str, named: str) -> None:
    """By its path below the folder, in which nginx reads nothing but a path."""
    answer = respond(_file(tmp_path / name), tmp_path)
    assert answer.headers["X-Accel-Redirect"] == ACCEL_PREFIX + named
    assert answer.body == b""
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Content-Disposition"].startswith("inline; filename")


def test_other_films_are_sent_by_the_api(tmp_path: Path) -> None:
    """Those outside the folder, those that a path with dots leads to, and all without a folder."""
    inside = tmp_path / "films"
    file = _file(tmp_path / "other" / "sea.mp4")
    dotted = VideoFile(inside / ".." / "other" / "sea.mp4", file.status, file.media_type)
    assert isinstance(respond(file, inside), VideoResponse)
    assert isinstance(respond(dotted, inside), VideoResponse)
    assert isinstance(respond(file, None), VideoResponse)
