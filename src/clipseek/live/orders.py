"""What the process of a camera is told, and the names of what it answers."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Watch:
    """Order: open a camera and send its frames. The URL, with its password, is never printed.

    fps: Frames to look at each second. still_s: Pause in a still scene. short_side: Of the
    pictures, in pixels. chunk_s: Length of a chunk. open_s, read_s: How long it may be silent, when
    it is opened and afterwards. as_it_comes: Whether what comes by HTTP before its time is read at
    once: a webcam sends some frames together. unread_s: How long it may send what cannot be
    decoded. max_pixels: Of a frame. memory_bytes: What decoding may take.
    """

    url: str = field(repr=False)
    fps: float
    short_side: int
    still_s: float = 10.0
    chunk_s: float = 300.0
    records: bool = False
    open_s: float = 10.0
    read_s: float = 10.0
    as_it_comes: bool = False
    unread_s: float = 30.0
    max_pixels: int = 2**26
    memory_bytes: int = 2**28


class Next:
    """Order: send the newest frame, now or when there is one."""


class File:
    """Order: record the next chunk into the file whose descriptor comes with this order."""


class End:
    """Order: end the chunk, and yourself."""
