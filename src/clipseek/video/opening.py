"""How video files are opened: by the reader that the settings name, in child processes."""

import threading
from functools import partial

from clipseek import video
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.protocols import FrameSourceOpener


def video_opener(settings: Settings, stop: threading.Event | None = None) -> video.Confined:
    """Return what opens video files: the reader that the settings name, in child processes.

    Close it. What it reads ends with an error once `stop` is set.

    Raises:
        ConfigError: decord is asked for and not installed.
    """
    limits = video.Limits(
        frame_pixels=settings.max_frame_pixels,
        frame_rate=settings.max_frame_rate,
        frame_s=settings.max_frame_s,
        decode_s=settings.max_decode_s,
        memory_bytes=settings.max_decode_bytes,
    )
    return video.Confined(_reader(settings), limits=limits, workers=settings.workers, stop=stop)


def _reader(settings: Settings) -> FrameSourceOpener:
    """Return the reader that the settings name."""
    pixels = settings.max_frame_pixels
    try:
        if settings.decoder == "decord":
            return partial(video.DecordFrames, max_pixels=pixels)
        return partial(video.PyAVFrames, decode=settings.decode, max_pixels=pixels)
    except ImportError as error:
        raise ConfigError(
            f"CLIPSEEK_DECODER={settings.decoder} needs the package {error.name}; "
            "install it (decord has wheels for x86-64 only), or use the other reader"
        ) from error
