"""A chunk of a recording: the packets of a camera in fragmented MP4, not encoded again."""

import io
import os
from fractions import Fraction
from typing import Any

import av
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

FRAGMENT_S = 0.5
"""A fragment ends at a keyframe, or after so many seconds: what a crash may lose of a file, and how
far behind a player is that joins the fragments."""
CODECS = frozenset({"h264", "hevc", "av1", "mpeg4", "mjpeg", "vp9"})
"""What MP4 can hold without another encoding."""
_OPTIONS = {
    # ISO/IEC 14496-12, 8.8: fragments, each with its own index, after an empty one. Players need
    # `default_base_moof` to join them in a Media Source.
    "movflags": "empty_moov+frag_keyframe+default_base_moof",
    "frag_duration": str(int(FRAGMENT_S * 1e6)),
    "flush_packets": "1",
}


class DiskFull(Exception):
    """A chunk cannot be written. `reason` says why, in words of the system."""

    def __init__(self, error: OSError) -> None:
        self.reason = os.strerror(error.errno) if error.errno else "it cannot be written"
        super().__init__(self.reason)


class ChunkWriter:
    """Writes a file that can be played while it grows. Times in it begin at 0.

    The first packet is a keyframe. Packets whose timestamps do not ascend are moved by one tick.
    """

    def __init__(self, descriptor: int, stream: VideoStream) -> None:
        """Take an open file, which this closes, and the stream whose packets come."""
        self._file = _Raw(descriptor)
        self._first: Fraction | None = None
        self._last = -1
        try:
            self._out = av.open(self._file, "w", format="mp4", options=_OPTIONS)
            self._stream = self._out.add_stream_from_template(stream, opaque=True)
        except BaseException:
            self._file.close()
            raise

    def write(self, packet: "Packet[Any]", time: Fraction) -> None:
        """Write a packet; `time` is when it is shown, in seconds from anywhere.

        Raises:
            DiskFull: the file cannot be written. It ends with what was written before.
        """
        base = packet.time_base or Fraction(1, 90_000)
        if self._first is None:
            self._first = time
        shown = round((time - self._first) / base)
        reordered = 0 if packet.pts is None or packet.dts is None else packet.pts - packet.dts
        decoded = max(shown - reordered, self._last + 1)
        copy = Packet(bytes(packet))
        copy.is_keyframe = packet.is_keyframe
        copy.time_base = base
        copy.pts, copy.dts = max(shown, decoded), decoded
        copy.duration = packet.duration
        copy.stream = self._stream
        self._last = decoded
        try:
            self._out.mux_one(copy)
        except (OSError, av.error.FFmpegError) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        found = self._file.failure or (error if isinstance(error, OSError) else None)
        self.close()
        raise DiskFull(found or OSError()) from None

    def close(self) -> None:
        """Write the last fragment, and close the file; what fails then is lost."""
        try:
            self._out.close()
        except (OSError, av.error.FFmpegError):
            pass
        finally:
            self._file.close()


class _Raw(io.RawIOBase):
    """A descriptor to write to, which remembers why it could not be written."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.failure: OSError | None = None

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            self.failure = error
            raise
        return len(data)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def can_hold(stream: Stream) -> bool:
    """Say whether a chunk can hold what a stream sends."""
    return stream.codec_context.name in CODECS
