"""The tracks of a demo video beside its pictures: sound and subtitles, as packets in time order."""

from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import SubtitleSet
from numpy.typing import NDArray

from clipseek.demo.utterances import Passage
from clipseek.demo.voice import RATE

_MS = Fraction(1, 1000)
_LANGUAGE = "eng"  # the containers use ISO 639-2
# FFmpeg's encoders of text read events of Advanced SubStation Alpha, whose format this declares.
_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, \
Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


class Tracks:
    """Adds its streams to a container when made, and writes them beside the pictures."""

    def __init__(
        self,
        container: OutputContainer,
        cues: Sequence[Passage],
        sound: NDArray[np.int16] | None,
    ) -> None:
        self._container = container
        packets = [*_subtitles(container, cues), *_sound(container, sound)]
        self._waiting = deque(sorted(packets, key=_seconds))

    def write(self, until: float) -> None:
        """Write what comes before this time in seconds, so that players need not seek."""
        while self._waiting and _seconds(self._waiting[0]) <= until:
            self._container.mux(self._waiting.popleft())


def _seconds(packet: "Packet[Stream]") -> float:
    return float((packet.dts or 0) * (packet.time_base or _MS))


def _subtitles(container: OutputContainer, cues: Sequence[Passage]) -> "Iterator[Packet[Stream]]":
    """Yield the packet of each subtitle, as the text of MPEG-4 (mov_text)."""
    if not cues:
        return
    stream = container.add_stream("mov_text")
    if not isinstance(stream, SubtitleStream):
        raise TypeError(f"mov_text must be a stream of subtitles, got {stream.type}")
    stream.metadata["language"] = _LANGUAGE
    stream.codec_context.subtitle_header = _HEADER
    for number, cue in enumerate(cues):
        start, length = round(cue.start * 1000), round((cue.end - cue.start) * 1000)
        event = f"{number},0,Default,,0,0,0,,{cue.text}".encode()
        packet = stream.codec_context.encode_subtitle(SubtitleSet.create(event, 0, length))
        packet.stream, packet.time_base = stream, _MS
        packet.pts = packet.dts = start
        packet.duration = length
        yield packet


def _sound(
    container: OutputContainer, sound: NDArray[np.int16] | None
) -> "Iterator[Packet[Stream]]":
    """Yield the packets of a mono sound at RATE, as AAC, which browsers play."""
    if sound is None:
        return
    stream = container.add_stream("aac", rate=RATE, layout="mono")
    stream.bit_rate = 48_000
    stream.metadata["language"] = _LANGUAGE
    frame = av.AudioFrame.from_ndarray(sound[None, :], format="s16", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), 0
    yield from stream.encode(frame)
    yield from stream.encode(None)
