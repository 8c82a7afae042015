"""Whether browsers can be expected to play a file, by its container and its codecs.

Chromium 156 played H.264 in MP4 and in Matroska, and VP8 and VP9 in WebM; it did not play HEVC,
MPEG-2, AVI, Theora or H.264 without a container. Firefox plays no H.264 in Matroska, so a page also
needs the preview if playing fails.
"""

_PICTURES = {
    "mov": {"h264", "vp9", "av1"},
    "matroska": {"h264", "vp8", "vp9", "av1"},
}
_SOUNDS = {
    "mov": {"-", "aac", "mp3", "opus", "flac"},
    "matroska": {"-", "aac", "mp3", "opus", "vorbis"},
}
_PIXELS = {"yuv420p", "yuvj420p"}


def playable(coding: str) -> bool | None:
    """Return whether browsers play what `Video.coding` describes, or None if that is not known."""
    said = coding.split(" ")
    if len(said) != 4:
        return None
    container, video, pixels, sound = said
    return (
        video in _PICTURES.get(container, ())
        and pixels in _PIXELS
        and sound in _SOUNDS.get(container, ())
    )


def has_sound(coding: str) -> bool:
    """Return whether a file is known to have sound."""
    said = coding.split(" ")
    return len(said) == 4 and said[3] != "-"
