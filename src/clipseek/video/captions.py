"""Subtitles in a video file: the text that its streams of subtitles contain."""

import re
from collections.abc import Iterator
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Stream
from av.subtitles.stream import SubtitleStream

from clipseek.timed import MAX_CUES, Cue

# Decoders of libav that give text; the others (PGS, DVB, VobSub) give pictures of text.
_TEXT = frozenset(
    {
        *("srt", "subrip", "ass", "ssa", "mov_text", "webvtt", "text", "sami", "microdvd"),
        *("subviewer", "subviewer1", "realtext", "stl", "jacosub", "vplayer", "pjs", "mpl2"),
    }
)
_AT_ONCE = 2000
"""Packets until a reader says that it goes on, whether it has found a subtitle or not."""
_STYLE = re.compile(r"\{[^{}]*\}|</?[A-Za-z][^<>]*>")
_BREAK = re.compile(r"\\[Nnh]")


def streams_of(container: InputContainer) -> list[SubtitleStream]:
    """Return the streams of a file that contain text."""
    return [
        stream
        for stream in container.streams.subtitles
        if stream.codec_context is not None and stream.codec_context.name in _TEXT
    ]


def cues_of(container: InputContainer, start: Fraction) -> Iterator[list[Cue]]:
    """Go through an opened file from its start; yield its subtitles some at a time.

    Lists may be empty: they say that reading goes on. Times are seconds from `start`, which is that
    of the file. What is damaged ends the reading.
    """
    streams = streams_of(container)
    for stream in container.streams:
        if stream not in streams:
            stream.discard = Discard.all
    found: list[Cue] = []
    total = 0
    for number, packet in enumerate(container.demux()):
        if packet.stream in streams:
            found += _cues(packet, start)
        if number % _AT_ONCE == _AT_ONCE - 1:
            total += len(found)
            yield found
            found = []
            if total > MAX_CUES:  # enough to know that some are left out
                return
    yield found


def _cues(packet: "Packet[Stream]", start: Fraction) -> Iterator[Cue]:
    stream = packet.stream
    assert isinstance(stream, SubtitleStream)
    if packet.pts is None or not packet.size:
        return
    try:
        decoded = stream.codec_context.decode2(packet)
    except av.error.FFmpegError:
        return
    base = packet.time_base or stream.time_base or Fraction(1, 1000)
    begin = float(packet.pts * base - start)
    length = float((packet.duration or 0) * base)
    if decoded is None:
        return
    for each in decoded:
        shown = length or (decoded.end_display_time - decoded.start_display_time) / 1000
        raw = (getattr(each, "dialogue", b"") or getattr(each, "text", b"")).decode(
            "utf-8", "replace"
        )
        text = _STYLE.sub("", _BREAK.sub(" ", raw))
        yield Cue(begin, begin + shown, text, stream.language or "")
