"""Videos that contain subtitles."""

from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from clipseek.timed import Cue
from tests.contracts.videos import RED, rgb_frame

# The header of a script without styles of its own, which the encoder of mov_text asks for.
_HEADER = (
    "[Script Info]\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour, "
    "SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, "
    "ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, "
    "Encoding\nStyle: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,"
    "10,10,0\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, "
    "Effect, Text\n"
)


def write(path: Path, cues: list[Cue], *, language: str, seconds: int = 5) -> None:
    """Write a red video with a stream of subtitles; MP4 has mov_text, and Matroska SubRip."""
    import numpy as np

    is_mp4 = path.suffix == ".mp4"
    script = path.with_suffix(".made")
    script.write_text("".join(_line(number, cue) for number, cue in enumerate(cues, 1)))
    with av.open(str(script), format="srt") as source, av.open(str(path), "w") as output:
        given = source.streams.subtitles[0]
        video = output.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        if is_mp4:
            said = output.add_stream("mov_text")
            said.codec_context.subtitle_header = _HEADER.encode()
            said.codec_context.time_base = said.time_base = Fraction(1, 1000)
        else:
            said = output.add_stream_from_template(given)
        said.metadata["language"] = language
        for number in range(10 * seconds):
            frame = rgb_frame(np.full((48, 64, 3), RED, np.uint8))
            frame.pts, frame.time_base = number, Fraction(1, 10)
            output.mux(video.encode(frame))
        output.mux(video.encode())
        for packet in source.demux(given):
            if packet.size:
                made = _as_mov_text(packet) if is_mp4 else packet
                made.stream = said
                output.mux(made)
    script.unlink()


def _line(number: int, cue: Cue) -> str:
    return f"{number}\n{_time(cue.start)} --> {_time(cue.end)}\n{cue.text}\n\n"


def _time(seconds: float) -> str:
    return f"00:00:{int(seconds):02d},{round(seconds % 1 * 1000):03d}"


def _as_mov_text(packet: "Packet[SubtitleStream]") -> "Packet[Stream]":
    """Return the text behind its length, as 3GPP TS 26.245 has it."""
    text = bytes(packet)
    made = Packet(len(text).to_bytes(2, "big") + text)
    assert packet.pts is not None
    assert packet.time_base is not None
    made.time_base = Fraction(1, 1000)
    made.pts = made.dts = int(packet.pts * packet.time_base * 1000)
    made.duration = int((packet.duration or 0) * packet.time_base * 1000)
    return made
