"""The process of one camera: reads its packets, records them, and decodes what is looked at.

A stream may crash a decoder or stop in the middle of a call, so each has a process of its own.
"""

import os
import queue
import resource
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.codec.context import ThreadType
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from clipseek import sampling
from clipseek.live.chunks import ChunkWriter, DiskFull, can_hold
from clipseek.live.clock import StreamClock
from clipseek.live.faults import reason_of
from clipseek.live.opening import UNTIMED, is_paced_by_us, opened, stamp_first
from clipseek.live.orders import End, File, Next, Watch
from clipseek.live.outbox import Outbox, Shown
from clipseek.live.pacing import Pace, decodes_keyframes
from clipseek.video.channel import BrokenChannel, Channel
from clipseek.video.child import status_bytes
from clipseek.video.conversion import Converter
from clipseek.video.ending import end_with_parent

if TYPE_CHECKING:
    from av.packet import Packet

TOLD_EVERY_S = 0.5
"""How often the process says how far it is."""
LONGEST_PAUSE_S = 10.0
"""A frame that is due later than in so many seconds has a timestamp that has jumped."""
SETTLE_S = 1.0
"""What a camera has stored for a new client comes at once, so times are known after a second."""
_MOST_HELD_BYTES = 16 << 20
_ARRIVALS = 256
_END_S = 5.0


class Changed(Exception):
    """The camera sends pictures of another size: it is opened again, for a file has one size."""


class Unreadable(Exception):
    """The camera sends, and nothing of it can be decoded."""


class TooLarge(Exception):
    """The camera sends frames of more pixels than the settings allow."""


def main() -> None:
    """Serve the parent over the socket whose descriptor is the last argument."""
    end_with_parent()
    channel = Channel(socket.socket(fileno=int(sys.argv[-1])))
    try:
        order = cast("Watch", channel.order()[0])
        channel.answer({"kind": "ready"})
        _serve(channel, order)
    except (BrokenChannel, ConnectionError):
        return


def _serve(channel: Channel, order: Watch) -> None:
    _limit_memory(order.memory_bytes)
    outbox = Outbox(channel)
    stream = CameraStream(order, outbox)
    listener = threading.Thread(target=_listen, args=(channel, stream), daemon=True)
    listener.start()
    kind, reason = "ended", ""
    try:
        stream.run()
        reason = "it has ended the stream"
    except Changed:
        kind, reason = "changed", "its picture has another size now"
    except Unreadable:
        reason = "nothing that it sends can be decoded; check its codec"
    except TooLarge:
        reason = f"its frames have more than {order.max_pixels} pixels (CLIPSEEK_MAX_FRAME_PIXELS)"
    except BrokenChannel:
        raise
    except Exception as error:  # noqa: BLE001  whatever a stream does, it is the fate of its camera
        reason = reason_of(error)
    finally:
        stream.close()
    outbox.flush()
    outbox.say({"kind": kind, "reason": reason, **stream.figures()})
    # Until the parent closes its end: a socket that is closed with orders in it loses its answers.
    listener.join(_END_S)


def _listen(channel: Channel, stream: "CameraStream") -> None:
    """Hear the parent. When it asks to end, the reader has a moment to do so by itself."""
    with suppress(BrokenChannel, OSError):
        while True:
            order, descriptor = channel.order()
            if isinstance(order, Next):
                stream.outbox.ask()
            elif isinstance(order, File) and descriptor is not None:
                stream.files.put(descriptor)
            elif isinstance(order, End):
                stream.ending.set()
                time.sleep(_END_S)
                break
    os._exit(0)


class CameraStream:
    """Reads one camera until it ends."""

    def __init__(self, order: Watch, outbox: Outbox) -> None:
        self.order = order
        self.outbox = outbox
        self.files: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.ending = threading.Event()
        self._pace = Pace(order.fps, order.still_s)
        self._clock = StreamClock()
        self._cuts = sampling.ShotCuts(order.fps)
        self._kept: NDArray[np.float32] | None = None
        self._converter: Converter | None = None
        self._size: tuple[int, int] | None = None
        self._writer: ChunkWriter | None = None
        self._chunk = 0
        self._is_open = False
        self._begun = self._reached = 0.0
        self._arrivals: deque[tuple[int, float]] = deque(maxlen=_ARRIVALS)
        self._key_at: float | None = None
        self._is_full = True
        self._received = self._decoded = self._errors = 0
        self._read_at = time.monotonic()
        self._told = 0.0

    def run(self) -> None:
        """Open the camera and read it; returns when it ends, or when that is asked for."""
        order = self.order
        with opened(order.url, open_s=order.open_s, read_s=order.read_s) as container:
            if not container.streams.video:
                raise av.error.InvalidDataError(0, "no video")
            self._stream = container.streams.video[0]
            context = self._stream.codec_context
            context.thread_count, context.thread_type = 1, ThreadType.NONE
            self._is_timed = container.format.name not in UNTIMED
            paced = is_paced_by_us(order.url, container.format.name)
            self._waits = paced and not order.as_it_comes
            rate = float(self._stream.average_rate or 0)
            self.outbox.say({"kind": "opened", "coding": self._coding(container), "rate": rate})
            for packet, arrived in self._settled(container):
                if self.ending.is_set():
                    return
                self._take(packet, arrived)
                self._require_read()

    def _require_read(self) -> None:
        """Raise Unreadable if packets come, and no frame has for long."""
        limit_s = max(self.order.unread_s, 3 / self.order.fps)
        if time.monotonic() - self._read_at > (limit_s if self._is_open else 4 * limit_s):
            raise Unreadable

    def close(self) -> None:
        """End the chunk."""
        self._is_open = False
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def figures(self) -> dict[str, object]:
        """Return how far the stream is, and what was counted."""
        return {
            "chunk": self._chunk,
            "reached": max(0.0, self._reached - self._begun),
            "received": self._received,
            "decoded": self._decoded,
            "dropped": self.outbox.dropped,
            "errors": self._errors,
        }

    def _coding(self, container: Any) -> str:
        context = self._stream.codec_context
        layout = context.format.name if context.format is not None else "-"
        return f"{container.format.name.partition(',')[0]} {context.name} {layout} -"

    def _packets(self, container: Any) -> Iterator[tuple["Packet[VideoStream]", float]]:
        """Yield packets and when they came; those that come too fast are waited for."""
        for packet in container.demux(self._stream):
            if packet.size:
                stamp = self._stamp(packet)
                if self._waits and stamp is not None:
                    self._wait(stamp)
                yield packet, time.time()

    def _settled(self, container: Any) -> Iterator[tuple["Packet[VideoStream]", float]]:
        """Yield packets and when they came, the first ones after a second, with a settled clock."""
        held: list[tuple[Packet[VideoStream], float]] = []
        packets = self._packets(container)
        size = 0
        for packet, arrived in packets:
            held.append((packet, arrived))
            size += packet.size
            if self._clock.sees(self._stamp(packet), arrived):
                first = held[0][1]
                if self._waits or arrived - first >= SETTLE_S or size > _MOST_HELD_BYTES:
                    break
        self._clock.settle()
        stamp_first([packet for packet, _ in held[:3]])
        yield from held
        yield from packets

    def _stamp(self, packet: "Packet[VideoStream]") -> float | None:
        """Return when a packet is decoded by the clock of its camera, in seconds."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or not self._is_timed:
            return None
        return float(stamp * (packet.time_base or Fraction(1, 90_000)))

    def _take(self, packet: "Packet[VideoStream]", now: float) -> None:
        """Take a packet that came at `now`: record it, and decode it if it is looked at."""
        base = packet.time_base or Fraction(1, 90_000)
        seconds = self._stamp(packet)
        self._received += 1
        if packet.pts is not None:
            self._arrivals.append((packet.pts, now))
        if not self._clock.sees(seconds, now):
            self._leap()
        shown = seconds if packet.pts is None or seconds is None else float(packet.pts * base)
        at = self._clock.time(shown, now)
        if packet.is_keyframe:
            at = self._key(shown, at, now)
        if self._is_open:
            self._record(packet, at)
            self._reached = max(self._reached, at)
            self._decode(packet, at, now)
        self._tell(now)

    def _wait(self, seconds: float) -> None:
        ahead_s = self._clock.ahead_s(seconds, time.time())
        if 0 < ahead_s <= LONGEST_PAUSE_S:
            self.ending.wait(ahead_s)

    def _leap(self) -> None:
        """Times do not go on: what follows is another chunk, from the next keyframe on."""
        self.outbox.flush()
        self.close()
        self._pace.restart()
        self._key_at = None

    def _key(self, shown: float | None, at: float, now: float) -> float:
        """Begin a chunk at a keyframe if it is time; decide how the packets after it are decoded.

        Return when the keyframe is shown, which the clock may know better now.
        """
        if self._key_at is not None:
            is_full = not decodes_keyframes(at - self._key_at, self.order.fps)
            if is_full != self._is_full:
                self._is_full = is_full
                self._stream.codec_context.flush_buffers()
        self._key_at = at
        if not self._is_open or at - self._begun >= self.order.chunk_s:
            self.outbox.flush()
            self.close()
            if self._chunk:  # the first one is settled already
                self._clock.settle()
            at = self._key_at = self._clock.time(shown, now)
            self._begin(at)
        return at

    def _begin(self, at: float) -> None:
        self._chunk += 1
        self._begun = self._reached = at
        self._is_open = True
        self._pace.restart()
        self._kept = None
        reason = self._open_file() if self.order.records else ""
        self.outbox.say(
            {
                "kind": "chunk",
                "at": at,
                "recorded": self._writer is not None,
                "why_not": reason,
                **self.figures(),
            }
        )

    def _open_file(self) -> str:
        """Open the file of a chunk; return why there is none."""
        if not can_hold(self._stream):
            return f"{self._stream.codec_context.name} cannot be recorded as it is"
        try:
            descriptor = self.files.get(timeout=1.0)
        except queue.Empty:
            return "the disk is full"
        try:
            self._writer = ChunkWriter(descriptor, self._stream)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            return reason_of(error)
        return ""

    def _record(self, packet: "Packet[VideoStream]", at: float) -> None:
        if self._writer is None:
            return
        try:
            self._writer.write(packet, Fraction(at).limit_denominator(1_000_000))
        except DiskFull as full:
            self._writer = None
            self.outbox.say({"kind": "full", "reason": full.reason})

    def _decode(self, packet: "Packet[VideoStream]", at: float, now: float) -> None:
        """Decode a packet if it is needed, and look at its frames."""
        if not self._is_full:
            looks = packet.is_keyframe and self._pace.looks(at)
            if looks and not self.outbox.turns_away(now):
                for frame in self._frames(packet, alone=True):
                    self._look(frame, at, now)
            return
        for frame in self._frames(packet, alone=False):
            shown, arrived = self._time_of(frame, at, now)
            if self._pace.looks(shown) and not self.outbox.turns_away(arrived):
                self._look(frame, shown, arrived)

    def _frames(self, packet: "Packet[VideoStream]", *, alone: bool) -> list[VideoFrame]:
        context = self._stream.codec_context
        # Frames that no other frame needs are not decoded: there are enough others to look at.
        context.skip_frame = "DEFAULT" if alone else "NONREF"
        try:
            frames = list(context.decode(packet))
            if alone:  # a decoder holds frames back until it knows that none comes before them
                frames += context.decode(None)
                context.flush_buffers()
        except av.error.MemoryError:
            raise
        except av.error.FFmpegError:
            self._errors += 1
            context.flush_buffers()
            return []
        self._decoded += len(frames)
        if frames:
            self._read_at = time.monotonic()
        return [frame for frame in frames if not frame.is_corrupt]

    def _time_of(self, frame: VideoFrame, at: float, now: float) -> tuple[float, float]:
        """Return when a frame is shown and when its packet came."""
        if frame.pts is None or not self._is_timed:
            return at, now
        base = self._stream.time_base or Fraction(1, 90_000)
        came = next((when for pts, when in reversed(self._arrivals) if pts == frame.pts), now)
        return self._clock.time(float(frame.pts * base), came), came

    def _look(self, frame: VideoFrame, shown: float, arrived: float) -> None:
        """Look at a frame, and hand it on if it is to be indexed."""
        if shown < self._begun:
            return  # of the chunk before, held back by the decoder
        if frame.width * frame.height > self.order.max_pixels:
            raise TooLarge
        size = frame.width, frame.height
        if self._size not in (None, size):
            raise Changed
        self._size = size
        if self._converter is None:
            self._converter = Converter(frame, lambda: self._stream.sample_aspect_ratio)
            width, height = self._converter.size
            self.outbox.say({"kind": "size", "width": width, "height": height})
        cut = self._cuts.is_cut(self._converter.luma(frame), shown)
        pixels = self._converter.picture(frame, self.order.short_side)
        thumbprint = sampling.thumbprint(pixels)
        moved = self._kept is None or not sampling.repeats(self._kept, thumbprint)
        if self._pace.keeps(shown, moved=moved, cut=cut):
            self._kept = thumbprint
            self.outbox.offer(Shown(pixels, self._chunk, shown - self._begun, arrived, cut))

    def _tell(self, now: float) -> None:
        if not 0 <= now - self._told < TOLD_EVERY_S:
            self._told = now
            self.outbox.say({"kind": "alive", **self.figures()})


def _limit_memory(size: int) -> None:
    """Let allocations fail at `size` bytes more than now. Linux only, as for files of videos."""
    if sys.platform == "linux":
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        soft = status_bytes("VmData") + size
        if hard != resource.RLIM_INFINITY:
            soft = min(soft, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
