"""Fixtures of cameras and videos, which are drawn once for a run of tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cameras.films import Shape, make_film
from tests.cameras.http import HttpCameras, http_cameras
from tests.cameras.rtsp import RtspCameras, rtsp_cameras

Film = Callable[..., Path]
"""Returns a video of a shape: `film(codec="hevc")`."""


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Return what makes videos; the same shape is drawn once."""
    made: dict[Shape, Path] = {}

    def make(**shape: object) -> Path:
        wanted = Shape(**shape)  # type: ignore[arg-type]  # the names of Shape, which checks them
        if wanted not in made:
            ending = "mkv" if wanted.codec == "mjpeg" else "mp4"
            path = tmp_path_factory.mktemp("film") / f"film.{ending}"
            made[wanted] = make_film(path, wanted)
        return made[wanted]

    return make


@pytest.fixture
def rtsp() -> Iterator[RtspCameras]:
    """Run an RTSP server that the test may harm."""
    with rtsp_cameras() as cameras:
        yield cameras


@pytest.fixture
def http() -> Iterator[HttpCameras]:
    """Run an HTTP server of cameras."""
    with http_cameras() as cameras:
        yield cameras
