"""Files of chunks: they are sent while they grow, and no other file is that has no stamp."""

from dataclasses import replace
from pathlib import Path

import pytest

from api.media import locate
from api.problems import Refused
from clipseek.live import naming
from clipseek.types import Video
from tests.api.library import MP4

AT = 1_795_946_400.0


@pytest.fixture
def chunk(tmp_path: Path) -> Video:
    """Return a chunk that is being recorded into a file."""
    path = naming.chunk_file(tmp_path / "recordings", "0123456789abcdef", AT)
    path.parent.mkdir(parents=True)
    path.write_bytes(MP4)
    return Video("abc", str(path), "door", 4.0, 640, 360, 0, stream="door")


def test_a_chunk_that_grows_is_sent_as_it_is(chunk: Video) -> None:
    """It has no stamp yet, and its size is another one each second."""
    with locate(chunk).file as file:
        assert file.read() == MP4


def test_a_chunk_that_is_complete_must_be_unchanged(chunk: Video) -> None:
    """As every video."""
    with pytest.raises(Refused) as refused:
        locate(replace(chunk, stamp="1-2"))
    assert refused.value.kind.status == 409


@pytest.mark.parametrize("stream", ["door", ""])
def test_another_file_without_a_stamp_is_not_sent(tmp_path: Path, stream: str) -> None:
    """A row may say anything, such as the path of a secret."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with pytest.raises(Refused) as refused:
        locate(Video("abc", str(secret), "door", 4.0, 640, 360, 0, stream=stream))
    assert refused.value.kind.status == 409


def test_a_camera_that_is_not_recorded_has_no_footage(chunk: Video) -> None:
    """The answer says so, and not that a file was lost."""
    with pytest.raises(Refused, match="not recorded") as refused:
        locate(replace(chunk, uri=naming.chunk_uri("door", AT)))
    assert refused.value.kind.status == 410
