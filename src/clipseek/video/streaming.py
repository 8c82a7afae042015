"""Streaming: blurs what a camera sends while it is sent; it runs in a child process.

The recording of a camera comes in, file after file, each as fragmented MP4. One fragmented MP4 goes
out, small and with few frames a second: each of them is looked at, and there is time for that.
"""

import json
import os
import resource
import sys
from fractions import Fraction
from typing import Any

import av
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from clipseek.redaction.chosen import Chosen
from clipseek.redaction.opening import open_redactor
from clipseek.redaction.redactor import Redactor
from clipseek.video.child import status_bytes
from clipseek.video.conversion import matrix_of
from clipseek.video.encoding import even, name_colours
from clipseek.video.ending import end_with_parent
from clipseek.video.picture import display_size
from clipseek.video.redacting import Redacting

FPS = 5
"""Frames a second that are looked at, blurred and sent."""
HEIGHT = 360
SIDE = 640
"""Pixels of the longer side of what is looked at; frames of 640 x 360 are looked at as they are."""
_TICK = Fraction(1, 90_000)
_OUTPUT = {
    "movflags": "frag_every_frame+empty_moov+default_base_moof",
    "flush_packets": "1",
}
_INPUT = {"format_whitelist": "mov", "probesize": "4096", "analyzeduration": "0"}
"""The head says what the stream is; looking at more of it would only wait for it."""


def main() -> None:
    """Blur what comes from the descriptor that the arguments name, by the order in them."""
    order = json.loads(sys.argv[-2])
    end_with_parent()
    os.nice(5)
    if sys.platform == "linux":
        limit = status_bytes("VmData") + order["memory_bytes"]
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    chosen = Chosen.sent(order["chosen"])
    redactor = open_redactor(order["redact"], chosen=chosen, side=SIDE)
    stream(Files(int(sys.argv[-1])), Pipe(1), redactor, frame_pixels=order["frame_pixels"])


class Files:
    """The files that follow each other in a pipe, read as one after the other."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._left = 0
        """Bytes of the box that is being read."""
        self._held = b""
        """What was read, and not yet given out."""
        self._next = b""
        """The head of the first box of the next file."""

    def begin(self) -> bool:
        """Begin with the next file; False if there is none."""
        head, self._next = self._next or self._exactly(8), b""
        return self._started(head)

    def read(self, size: int) -> bytes:
        """Return some bytes of the file, at most so many; none at its end."""
        if self._next:  # libav asks again at the end of a file
            return b""
        if not self._held and not self._left:
            head = self._exactly(8)
            if head[4:8] == b"ftyp":
                self._next = head
                return b""
            if not self._started(head):
                return b""
        if self._held:
            given, self._held = self._held[:size], self._held[size:]
            return given
        given = os.read(self._descriptor, min(size, self._left))
        self._left = self._left - len(given) if given else 0
        return given

    def _started(self, head: bytes) -> bool:
        """Begin with a box (ISO/IEC 14496-12, 4.2); False at the end of all."""
        size = int.from_bytes(head[:4])
        if size == 1:  # the size is behind the kind, in 64 bits
            head += self._exactly(8)
            size = int.from_bytes(head[8:16])
        if size < len(head) or len(head) < 8:
            return False
        self._held, self._left = head, size - len(head)
        return True

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size and (more := os.read(self._descriptor, size - len(found))):
            found += more
        return found


class Pipe:
    """A pipe that libav writes to; it cannot go back."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes) -> int:
        """Write all of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        return len(data)


def stream(files: Files, target: Pipe, redactor: Redactor, *, frame_pixels: int) -> None:
    """Write what the files show, blurred, as one stream.

    Raises:
        FFmpegError: it cannot be decoded or encoded.
    """
    with av.open(target, "w", format="mp4", options=_OUTPUT) as output:
        picture = _Picture(output, Redacting(redactor))
        while files.begin():
            with av.open(files, "r", format="mp4", options=_INPUT) as opened:
                video = opened.streams.video[0]
                video.codec_context.options = {"max_pixels": str(frame_pixels)}
                video.codec_context.skip_frame = "NONREF"
                picture.begin_file()
                for frame in opened.decode(video):
                    picture.add(frame)
        picture.end()


class _Picture:
    """Encodes some of the frames; times go on where a file ends."""

    def __init__(self, output: OutputContainer, redacting: Redacting) -> None:
        self._output, self._redacting = output, redacting
        self._stream: VideoStream = output.add_stream("libx264", rate=FPS)
        self._stream.options = {
            "preset": "ultrafast",
            "crf": "28",
            "tune": "zerolatency",
            "g": str(FPS),
            "threads": "1",
        }
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = _TICK
        self._scaler = VideoReformatter()
        self._size: tuple[int, int] | None = None
        self._shift: float | None = None
        self._last = -1.0
        """When the last frame is shown that was sent, in seconds of the stream."""

    def begin_file(self) -> None:
        """Let the next frame follow the last one, whatever its time is."""
        self._shift = None

    def add(self, frame: VideoFrame) -> None:
        """Send a frame, unless one was sent a moment before."""
        at = float(frame.time or 0.0)
        if self._shift is None:
            self._shift = self._last + (1 / FPS if self._size else 1) - at
        at += self._shift
        if at - self._last < 0.95 / FPS:
            return
        self._last = at
        made = self._scaled(frame)
        made.pts, made.time_base = round(at / _TICK), _TICK
        for ready in self._redacting.add(made):
            self._output.mux(self._stream.encode(ready))

    def end(self) -> None:
        """Send what still waits."""
        if self._size is not None:
            for ready in self._redacting.end():
                self._output.mux(self._stream.encode(ready))
            self._output.mux(self._stream.encode(None))

    def _scaled(self, frame: VideoFrame) -> VideoFrame:
        if self._size is None:
            ratio: Any = (
                frame.sample_aspect_ratio if hasattr(frame, "sample_aspect_ratio") else None
            )
            width, height = display_size((frame.width, frame.height), ratio)
            scale = min(1.0, HEIGHT / height)
            self._size = even(width * scale), even(height * scale)
            self._stream.width, self._stream.height = self._size
            name_colours(self._stream.codec_context)
        return self._scaler.reformat(
            frame,
            *self._size,
            "yuv420p",
            src_colorspace=matrix_of(frame),
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
