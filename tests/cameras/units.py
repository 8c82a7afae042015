"""A video as the packets that a server sends, so that it needs no reader of videos of its own."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext

_ANNEX_B = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}


@dataclass(frozen=True)
class Unit:
    """One encoded frame: where its bytes are in the file, and when it is decoded and shown."""

    first: int
    size: int
    dts_ns: int
    pts_ns: int
    is_key: bool


@dataclass(frozen=True)
class Units:
    """The packets of a video, whose bytes are in a file; times begin at 0."""

    codec: str
    duration_ns: int
    units: tuple[Unit, ...]
    file: Path

    def packed(self) -> dict[str, object]:
        """Return what the server is told of it."""
        return {
            **asdict(self),
            "units": [list(asdict(each).values()) for each in self.units],
            "file": str(self.file),
        }


def split(film: Path, into: Path) -> Units:
    """Write the packets of a video's first video stream (H.264 and HEVC as Annex B) into a file."""
    found: list[Unit] = []
    with av.open(str(film)) as container, into.open("wb") as file:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        codec = stream.codec_context.name
        to_ns = float(stream.time_base) * 1e9
        name = _ANNEX_B.get(codec)
        plain = BitStreamFilterContext(name, stream) if name else None
        for packet in container.demux(stream):
            if packet.dts is None or packet.pts is None:
                continue
            for each in plain.filter(packet) if plain else (packet,):
                data = bytes(each)
                when = round((each.dts or 0) * to_ns), round((each.pts or 0) * to_ns)
                found.append(Unit(file.tell(), len(data), *when, bool(each.is_keyframe)))
                file.write(data)
        rate = stream.average_rate or 25
    start = found[0].dts_ns
    units = tuple(
        Unit(each.first, each.size, each.dts_ns - start, each.pts_ns - start, each.is_key)
        for each in found
    )
    return Units(codec, units[-1].dts_ns + round(1e9 / float(rate)), units, into)


def described(units: Units) -> str:
    """Return what the server is told of a video as one line of JSON."""
    return json.dumps(units.packed())
