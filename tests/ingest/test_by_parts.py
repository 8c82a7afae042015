"""A video that is known by its stamp: only what is read of it is fetched, if not all is read."""

import io
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from clipseek.ingest import Options, Run, Tools
from clipseek.ranged import served
from clipseek.sources import Descriptor, Places, content_id
from clipseek.types import Segment
from clipseek.video import PyAVFrames
from tests.ingest.test_threads import _tools

URI = "far://bucket/a.mp4"
FPS, LONG_S = 25, 12


@dataclass(frozen=True)
class Far:
    """A video that is fetched, as a whole or by parts; `fetched` notes how many bytes."""

    content: bytes = field(repr=False)
    stamp: str
    fetched: list[int] = field(default_factory=list, compare=False)
    uri: str = URI

    @property
    def size_bytes(self) -> int:
        """Return the length of the whole."""
        return len(self.content)

    @contextmanager
    def open(self) -> Iterator[io.FileIO]:
        """Fetch the whole."""
        self.fetched.append(len(self.content))
        with tempfile.TemporaryFile(buffering=0) as file:
            assert isinstance(file, io.FileIO)
            file.write(self.content)
            file.seek(0)
            yield file

    def parts(self) -> AbstractContextManager[Descriptor]:
        """Fetch what is read."""
        return served(self.stream, len(self.content))

    def stream(self, first: int, last: int) -> Iterator[bytes]:
        """Yield a range."""
        self.fetched.append(last + 1 - first)
        yield self.content[first : last + 1]


@dataclass
class Farness:
    """A place with one video."""

    source: Far

    def look(self, _uri: str) -> Far:
        """Return it."""
        return self.source

    def list(self, _uri: str) -> Iterator[Far]:
        """Yield it."""
        yield self.source


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Twelve seconds of noise with a keyframe every four, which take 6 MB."""
    noise = np.random.default_rng(1).integers(0, 255, (FPS, 144, 256, 3), np.uint8)
    path = tmp_path_factory.mktemp("videos") / "a.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=FPS, options={"g": "100", "crf": "20"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 256, 144, "yuv420p"
        for number in range(LONG_S * FPS):
            frame = av.VideoFrame.from_ndarray(noise[number % FPS], format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path.read_bytes()


def _index(
    tools: Tools, source: Far, *, force: bool = False, by_parts: bool = True
) -> tuple[int, list[Segment]]:
    """Index the video with keyframes alone; return the bytes that were fetched, and what it is."""
    reader = partial(PyAVFrames, decode="keyframes")
    tools = replace(tools, places=Places({"far": Farness(source)}), open_video=reader)
    source.fetched.clear()
    run = Run(tools, Options(force=force, by_parts=by_parts), stop=threading.Event())
    (report,) = run.reports([URI])
    assert report.state == "indexed", report
    with source.open() as file:
        assert report.id == content_id(file)
    source.fetched.pop()
    found = tools.catalog.segments(tools.collection, report.id)
    return sum(source.fetched), [replace(each, id=0, thumbnail="") for each in found]


def test_a_known_video_is_fetched_by_parts(content: bytes, tmp_path: Path) -> None:
    """A forced run, and one into another collection, as `switch` makes it."""
    tools, source = _tools(tmp_path), Far(content, "state 1")
    whole, expected = _index(tools, source)
    assert whole == len(content)
    again, same = _index(tools, source, force=True)
    assert again < 0.6 * whole
    assert same == expected
    embedder = tools.model.embedder
    tools.catalog.ensure_collection("other", "toy", embedder.dim, embedder.fingerprint)
    other = replace(tools, collection="other", known_in="default")
    switched, same = _index(other, source, force=True)
    assert switched == again
    assert same == expected


@pytest.mark.parametrize("why", ["changed", "read in full", "not known"])
def test_others_are_fetched_as_a_whole(content: bytes, tmp_path: Path, why: str) -> None:
    """One of another state is hashed, and of one that is read in full nothing is left out."""
    tools, source = _tools(tmp_path), Far(content, "state 1")
    if why != "not known":
        _index(tools, source)
    if why == "changed":
        source = Far(content, "state 2")
    fetched, _ = _index(tools, source, force=True, by_parts=why != "read in full")
    assert fetched == len(content)
