"""An ingest that finds nothing new looks at each file once and leaves the library alone."""

import os
from pathlib import Path

from tests.e2e.conftest import Library


def _stray(library: Library) -> Path:
    """Make a picture of long ago that no row names."""
    path = library.data_dir / "thumbnails" / "default" / "00" / "gone" / "000000000-abc.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xff\xd8\xff\xd9")
    os.utime(path, (1.0, 1.0))
    return path


def test_pictures_are_swept_with_a_new_snapshot_or_by_build(library: Library) -> None:
    """Going through all pictures takes long, so an ingest with nothing new does not."""
    stray = _stray(library)
    films = str(library.films)
    assert library.run("ingest", films, "--quiet") == 0
    assert stray.exists()
    assert library.run("build", "--quiet") == 0
    assert not stray.exists()
    stray = _stray(library)
    first = sorted(library.films.glob("*.mp4"))[0]
    assert library.run("remove", str(first)) == 0
    assert library.run("ingest", str(sorted(library.films.glob("*.mp4"))[1]), "--quiet") == 0
    assert not stray.exists()
