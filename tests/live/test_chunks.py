"""Files of chunks: the packets of a camera, playable while they grow, and a disk that is full."""

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pytest
from av.container import InputContainer

from clipseek.live.chunks import ChunkWriter, DiskFull
from tests.cameras.fixtures import Film

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream


@pytest.fixture
def source(film: Film) -> Iterator[InputContainer]:
    """Return a video of 4 s at 10 frames a second."""
    with av.open(str(film())) as opened:
        yield opened


def packets(source: InputContainer) -> "list[Packet[VideoStream]]":
    """Return all packets of a video."""
    return [packet for packet in source.demux(source.streams.video[0]) if packet.size]


def shown(packet: "Packet[VideoStream]") -> Fraction:
    """Return when a packet is shown."""
    assert packet.pts is not None
    assert packet.time_base is not None
    return packet.pts * packet.time_base


def times(path: Path) -> list[float]:
    """Return the times of the frames that can be played."""
    with av.open(str(path)) as opened:
        return [float(frame.time or 0) for frame in opened.decode(video=0)]


def writer(path: Path, source: InputContainer) -> ChunkWriter:
    """Return what writes a file."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    return ChunkWriter(descriptor, source.streams.video[0])


def write_all(chunk: ChunkWriter, some: "list[Packet[VideoStream]]") -> None:
    """Write packets."""
    for packet in some:
        chunk.write(packet, shown(packet))


def test_a_chunk_plays_while_it_grows(tmp_path: Path, source: InputContainer) -> None:
    """All but what came since the last keyframe, although nothing has closed the file."""
    path = tmp_path / "a.mp4"
    chunk = writer(path, source)
    for packet in packets(source)[:35]:
        chunk.write(packet, shown(packet))
    assert len(times(path)) >= 20
    chunk.close()
    assert len(times(path)) == 35


def test_its_times_begin_at_zero(tmp_path: Path, source: InputContainer) -> None:
    """Whatever the clock of the camera says."""
    path = tmp_path / "a.mp4"
    chunk = writer(path, source)
    for packet in packets(source):
        chunk.write(packet, 1_795_946_400 + shown(packet))
    chunk.close()
    assert times(path) == pytest.approx([n / 10 for n in range(40)], abs=1e-3)


def test_times_that_do_not_ascend_are_moved(tmp_path: Path, source: InputContainer) -> None:
    """A file with such times could not be read from there on."""
    path = tmp_path / "a.mp4"
    chunk = writer(path, source)
    for packet in packets(source):
        chunk.write(packet, min(shown(packet), Fraction(1)))
    chunk.close()
    assert len(times(path)) == 40


def test_a_full_disk_is_told(source: InputContainer) -> None:
    """In the words of the system, so that the camera can go on without a file."""
    chunk = ChunkWriter(os.open("/dev/full", os.O_WRONLY), source.streams.video[0])
    with pytest.raises(DiskFull, match="No space left on device"):
        write_all(chunk, packets(source))
