"""Looks at a camera once: whether it sends pictures, what they are, and why not if it does not."""

import io
import threading
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipseek.cameras import WEBCAM
from clipseek.config import Settings
from clipseek.live.capture import Capture, Ended, Frame, Opened, Sized
from clipseek.live.orders import Watch
from clipseek.video.channel import BrokenChannel
from clipseek.video.process import Stopped, TooLong

SHORT_SIDE = 360
"""Pixels of the picture that people see of what it sends."""
JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Looked:
    """What a camera sends.

    works: Whether a frame of it was decoded. reason: Why not, in a sentence without its URL.
    coding: As that of videos, such as "rtsp h264 yuv420p aac". rate: Frames in a second; 0 if it
    does not say. width, height: Pixels; 0 if there was none. picture: A JPEG; empty if there was
    none.
    """

    works: bool
    reason: str = ""
    coding: str = ""
    rate: float = 0.0
    width: int = 0
    height: int = 0
    picture: bytes = field(default=b"", repr=False)

    @classmethod
    def failed(cls, reason: str) -> Self:
        """Return that a camera does not work."""
        return cls(works=False, reason=reason)


def look(url: str, settings: Settings) -> Looked:
    """Open a camera in a process of its own, and wait for its first frame."""
    if url == WEBCAM:
        return Looked.failed("a browser sends its pictures; see them on the live page")
    order = Watch(
        url=url,
        fps=1.0,
        short_side=SHORT_SIDE,
        open_s=settings.live_silent_s,
        read_s=settings.live_silent_s,
        max_pixels=settings.max_frame_pixels,
        memory_bytes=settings.camera_bytes,
    )
    try:
        with Capture(order, threading.Event()) as capture:
            return _seen(capture)
    except (BrokenChannel, TooLong, Stopped):
        return Looked.failed("the process that reads it could not be started; try again")


def _seen(capture: Capture) -> Looked:
    coding, rate, width, height = "", 0.0, 0, 0
    capture.ask()
    for event in capture.events():
        match event:
            case Opened():
                coding, rate = event.coding, event.rate
            case Sized():
                width, height = event.width, event.height
            case Frame():
                return Looked(True, "", coding, rate, width, height, _jpeg(event.pixels))
            case Ended():
                return Looked(False, event.reason, coding, rate, width, height)
    return Looked.failed("it has ended the stream")


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()
