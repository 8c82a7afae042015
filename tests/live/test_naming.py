"""What chunks are called: one name for each moment of a camera, and no path of anything else."""

from pathlib import Path

import pytest

from clipseek.live import naming

AT = 1_795_946_400.25
"""2026-11-29T10:00:00.250Z"""


def test_a_chunk_is_named_by_its_camera_and_time() -> None:
    """To the millisecond, in UTC."""
    assert naming.recorded_at(AT) == "2026-11-29T10:00:00.250Z"
    assert naming.chunk_uri("door", AT) == "camera://door/2026-11-29T10-00-00-250Z"
    assert naming.title("door", AT) == "door 2026-11-29 10:00:00 UTC"


def test_the_id_is_that_of_the_camera_and_the_millisecond() -> None:
    """Another camera of the same name has another epoch."""
    ids = {naming.chunk_id("a" * 16, AT), naming.chunk_id("a" * 16, AT + 0.001)}
    ids.add(naming.chunk_id("b" * 16, AT))
    assert len(ids) == 3
    assert naming.chunk_id("a" * 16, AT) in ids
    assert all(len(name) == 32 for name in ids)


def test_the_files_of_a_day_are_in_a_folder() -> None:
    """Below the epoch of the camera, never its name or URL."""
    path = naming.chunk_file(Path("/data/recordings"), "0123456789abcdef", AT)
    assert str(path) == "/data/recordings/0123456789abcdef/2026-11-29/10-00-00-250Z.mp4"
    assert naming.is_chunk_file(str(path))


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/passwd",
        "/data/recordings/0123456789abcdef/2026-11-29/../../../secret.mp4",
        "/data/recordings/0123456789abcdef/2026-11-29/10-00-00-250Z.mp4\n",
        "recordings/0123456789abcdef/2026-11-29/10-00-00-250Z.mp4",
        "/data/recordings/door/2026-11-29/10-00-00-250Z.mp4",
        "camera://door/2026-11-29T10-00-00-250Z",
    ],
)
def test_no_other_file_counts_as_a_chunk(uri: str) -> None:
    """The rows of a catalog may say anything, and the API sends a chunk that grows as it is."""
    assert not naming.is_chunk_file(uri)
