"""A proxy before a camera that cuts, stalls, slows down, spoils and shifts what it sends."""

import random
import struct
import threading
import time
from collections.abc import Callable

from tests.chaos.link import Link


class FaultyLink(Link):
    """Listens on a free port of the loopback address, and passes on to a camera with its faults.

    garbage: The share of chunks from the camera in which some bytes are changed.
    bytes_s: The bytes per second of each connection at most, or 0 for no limit.
    jump_s: Seconds by which the RTP timestamps of RTSP over TCP are moved from now on.
    """

    def __init__(self, to_port: int) -> None:
        self.garbage = 0.0
        self.bytes_s = 0
        self.jump_s = 0.0
        self.connections = 0
        self._goes_on = threading.Event()
        self._goes_on.set()
        self._refuses = False
        super().__init__(to_port)

    def stall(self) -> None:
        """Keep connections open, and pass nothing on."""
        self._goes_on.clear()

    def go_on(self) -> None:
        """Pass on again, and take connections again."""
        self._goes_on.set()
        self._refuses = False

    def refuse(self) -> None:
        """Cut every connection, and each new one at once."""
        self._refuses = True
        self.cut()

    def close(self) -> None:
        """Stop listening and close every connection."""
        self._goes_on.set()
        super().close()

    def alteration(self, *, to_client: bool) -> Callable[[bytes], bytes]:
        """Return what changes the bytes of one direction of a new connection."""
        self.connections += to_client
        if not to_client:
            return bytes
        interleaved = Interleaved()
        return lambda chunk: self._spoiled(interleaved.moved(chunk, self.jump_s))

    def _spoiled(self, chunk: bytes) -> bytes:
        if self._refuses:
            raise ConnectionAbortedError("this link refuses connections")
        self._goes_on.wait()
        if self.bytes_s:
            time.sleep(len(chunk) / self.bytes_s)
        if chunk and random.random() < self.garbage:
            spoiled = bytearray(chunk)
            for _ in range(1 + len(spoiled) // 200):
                spoiled[random.randrange(len(spoiled))] = random.randrange(256)
            return bytes(spoiled)
        return chunk


class Interleaved:
    """RTP in a connection of RTSP (RFC 2326, section 10.12), whose timestamps can be moved."""

    _CLOCK = 90_000

    def __init__(self) -> None:
        self._kept = b""
        self._is_rtsp: bool | None = None

    def moved(self, chunk: bytes, seconds: float) -> bytes:
        """Return the bytes with moved timestamps; the begin of a packet is kept for the next call.

        Every byte of a connection is given, so that packets are told from their contents. What is
        not RTSP goes through as it is.
        """
        if self._is_rtsp is None:
            self._is_rtsp = chunk.startswith(b"RTSP/")
        if not self._is_rtsp:
            return chunk
        data, done = bytearray(self._kept + chunk), 0
        while done < len(data):
            if data[done] != ord("$"):  # a message of RTSP, which has no dollar
                following = data.find(b"$", done)
                done = len(data) if following < 0 else following
                continue
            if len(data) < done + 4:
                break
            channel, size = struct.unpack_from(">BH", data, done + 1)
            if len(data) < done + 4 + size:
                break
            if channel % 2 == 0 and size >= 12:
                (stamp,) = struct.unpack_from(">I", data, done + 8)
                shifted = (stamp + round(seconds * self._CLOCK)) % 2**32
                struct.pack_into(">I", data, done + 8, shifted)
            done += 4 + size
        self._kept = bytes(data[done:])
        return bytes(data[:done])
