"""What is sent to a central library of a recording, while it goes on and when it is complete."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from clipseek.archive.manifest import Origin, Part
from clipseek.forwarding import Forwarder
from clipseek.testing import MemoryCatalog, ToyEmbedder
from clipseek.thumbnails import Thumbnails
from clipseek.types import PICTURE, FieldSegments, FrameVectors, Put, Video


class Center:
    """A central library that counts the vectors of frames of each part."""

    def __init__(self) -> None:
        self.frames: list[int] = []

    def put(self, part: Part, origin: Origin, content: bytes) -> None:
        """Count."""
        assert part.videos
        assert origin
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            self.frames.append(len(np.load(io.BytesIO(opened.read("frames.npy")))))

    def remove(self, video_ids: Sequence[str]) -> None:
        """Nothing is removed here."""
        assert not video_ids

    def videos(self) -> Iterator[str]:
        """Nothing is there."""
        return iter(())


@pytest.mark.parametrize(
    ("uri", "stream", "stamp", "sent"),
    [
        pytest.param("/rec/a.mp4", "door", "", 0, id="a file that grows"),
        pytest.param("/rec/a.mp4", "door", "1-2", 3, id="a complete file"),
        pytest.param("camera://door/a", "door", "", 3, id="a camera without files"),
        pytest.param("/videos/a.mp4", "", "", 3, id="a video of no camera"),
    ],
)
def test_vectors_of_frames_are_sent_once_a_file_is_complete(
    tmp_path: Path, uri: str, stream: str, stamp: str, sent: int
) -> None:
    """They are most of the bytes of a chunk, which is sent with each of its growths."""
    catalog, center = MemoryCatalog(), Center()
    catalog.ensure_collection("default", "toy", ToyEmbedder.dim, ToyEmbedder.fingerprint)
    vectors = ToyEmbedder().embed_texts(["red", "red", "red"])
    video = Video("a", uri, "a", 3.0, 64, 48, 1, stamp=stamp, stream=stream)
    segments = FieldSegments(
        np.array([[0.0, 3.0]]), vectors[:1], np.zeros(1), np.zeros(1, np.float32), ["a/b.jpg"]
    )
    catalog.put("default", Put(video, {PICTURE: segments}, FrameVectors(np.arange(3.0), vectors)))
    forwarder = Forwarder(catalog, Thumbnails(tmp_path), center, mark=tmp_path / "mark")
    forwarder.send("default")
    assert center.frames == [sent]
