"""Files whose times or streams are not what they seem: posters, stills, joins, holds, ciphers."""

from collections.abc import Callable
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import get_args

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clipseek.errors import UnreadableVideo
from clipseek.sampling import grid
from clipseek.video import PyAVFrames
from clipseek.video.decord import DecordFrames, agrees
from clipseek.video.kinds import is_picture, may_be_motion_jpeg
from clipseek.video.pyav import Decode
from tests.contracts.readers import Read, read_all
from tests.contracts.videos import (
    BLUE,
    GREEN,
    RED,
    SOUND_RATE,
    Plan,
    mux_silence,
    rgb_frame,
    write,
)

MODES: tuple[Decode, ...] = get_args(Decode)
REFUSED_BY_DECORD = "decord cannot read this file right; the default decoder, pyav, reads it"


def read(path: Path, decode: Decode, *, with_cuts: bool = True) -> tuple[Read, float, str]:
    """Read a video once a second; return what came, its duration and its damage."""
    with PyAVFrames(path, decode=decode) as source:
        found = read_all(source, grid(1), with_cuts=with_cuts)
        assert source.duration is not None
        return found, round(source.duration, 3), source.damage


def refusal(path: Path, reader: Callable[[Path], PyAVFrames | DecordFrames]) -> str:
    """Return why a reader refuses a file."""
    with pytest.raises(UnreadableVideo) as refused, reader(path) as source:
        read_all(source, grid(1))
    return refused.value.reason


# Pictures.


def ftyp(major: str, *compatible: str) -> bytes:
    """Return the first box of an ISO base media file."""
    brands = major.encode() + b"\0\0\0\0" + "".join(compatible).encode()
    return (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands + b"\0\0\1\0meta"


PICTURES = {
    "heic": ftyp("heic", "mif1", "heic"),
    "iphone": ftyp("heic", "mif1", "MiHB", "MiHE", "MiPr", "miaf", "heic"),
    "mif1": ftyp("mif1", "heic"),
    "avif": ftyp("avif", "avif", "mif1", "miaf", "MA1B"),
    "canon-raw": ftyp("crx ", "crx ", "isom"),
    "jpeg": b"\xff\xd8\xff\xe1" + bytes(40),
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40),
    "tiff": b"II*\0" + bytes(40),
    "webp": b"RIFF\0\0\0\0WEBPVP8 " + bytes(40),
    "jpeg-xl": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40),
}
VIDEOS = {
    "mp4": ftyp("isom", "isom", "iso2", "avc1", "mp41"),
    "quicktime": ftyp("qt  ", "qt  "),
    "heif-sequence": ftyp("msf1", "msf1", "hevc", "mif1"),
    "mif1-sequence": ftyp("mif1", "msf1", "hevc"),
    "avif-sequence": ftyp("avis", "avis", "msf1", "avif", "mif1"),
    "matroska": b"\x1aE\xdf\xa3" + bytes(40),
    "animated-png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(17) + b"\0\0\0\x08acTL",
    "animated-webp": b"RIFF\0\0\0\0WEBPVP8X\n\0\0\0\x02" + bytes(40),
    "empty": b"",
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_photograph_is_known_by_its_first_bytes(name: str) -> None:
    """HEIF, AVIF and the older kinds are pictures, whatever their names end in."""
    assert is_picture(PICTURES[name])


@pytest.mark.parametrize("name", VIDEOS)
def test_what_moves_is_no_photograph(name: str) -> None:
    """Videos, and sequences in the containers of photographs, are not pictures."""
    assert not is_picture(VIDEOS[name])


@pytest.mark.parametrize("reader", [PyAVFrames, DecordFrames], ids=["pyav", "decord"])
def test_a_photograph_is_refused(
    tmp_path: Path, reader: Callable[[Path], PyAVFrames | DecordFrames]
) -> None:
    """The reason says what it is, although libav would read it as a video of a second."""
    path = tmp_path / "photo.mp4"
    path.write_bytes(PICTURES["heic"] + bytes(1000))
    assert refusal(path, reader) == "a picture, not a video"


def test_a_gif_that_does_not_move_is_refused(tmp_path: Path) -> None:
    """One frame is a picture; two are a video."""
    for count, name in ((1, "still.gif"), (2, "moves.gif")):
        plan = Plan(shots=((Fraction(count, 5), RED),), rate=Fraction(5))
        write(tmp_path / name, plan, codec="gif", pixel_format="rgb8")
    assert refusal(tmp_path / "still.gif", PyAVFrames) == "a picture, not a video"
    assert read(tmp_path / "moves.gif", "exact")[1] == 0.4


def test_a_raw_stream_of_jpegs_is_a_video(tmp_path: Path) -> None:
    """It begins as a photograph does; a JPEG alone is refused, under a video's name too."""
    for count, name in ((50, "video.mjpeg"), (1, "photo.mjpeg")):
        plan = Plan(shots=((Fraction(count, 25), RED),))
        write(tmp_path / name, plan, codec="mjpeg", pixel_format="yuvj420p", container="mjpeg")
    for mode in MODES:
        assert read(tmp_path / "video.mjpeg", mode)[1] == 2.0
    assert refusal(tmp_path / "photo.mjpeg", PyAVFrames) == "a picture, not a video"


def test_a_photograph_of_several_pictures_is_no_stream_of_jpegs() -> None:
    """Cameras' photographs name themselves by Exif, or by an index of their pictures."""
    assert may_be_motion_jpeg(b"\xff\xd8\xff\xdb" + bytes(60))
    assert not may_be_motion_jpeg(b"\xff\xd8\xff\xe1\0\x10Exif\0\0" + bytes(60))
    assert not may_be_motion_jpeg(b"\xff\xd8\xff\xe2\0\x10MPF\0" + bytes(60))
    assert not may_be_motion_jpeg(PICTURES["png"])


# Posters, and pictures that are shown as long as the sound lasts.


def picture(colour: tuple[int, int, int]) -> VideoFrame:
    """Return a plain frame for MJPEG."""
    pixels = np.tile(np.array(colour, np.uint8), (72, 128, 1))
    return rgb_frame(pixels).reformat(format="yuvj420p")


@pytest.mark.parametrize("container", ["mkv", "mp4", "mov"])
@pytest.mark.parametrize("count", [1, 2, 8])
def test_a_poster_is_not_the_video(tmp_path: Path, container: str, count: int) -> None:
    """A first, default stream of a few pictures gives way to the stream that moves."""
    path = tmp_path / f"video.{container}"
    plan = Plan(shots=((2, RED), (18, BLUE)))
    with av.open(str(path), "w") as output:
        poster = output.add_stream("mjpeg", rate=25)
        video = output.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        assert isinstance(poster, VideoStream)
        assert isinstance(video, VideoStream)
        poster.width, poster.height, poster.pix_fmt = 128, 72, "yuvj420p"
        poster.codec_context.time_base = Fraction(1, 25)
        video.width, video.height, video.pix_fmt = 64, 36, "yuv420p"
        poster.disposition = av.stream.Disposition.default
        output.start_encoding()
        for i in range(count):
            frame = picture(GREEN)
            frame.time_base, frame.pts = Fraction(1, 25), i
            output.mux(poster.encode(frame))
        output.mux(poster.encode(None))
        for time in plan.times:
            frame = plan.frame(time)
            frame.time_base, frame.pts = Fraction(1, 25), int(time * 25)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    for mode in MODES:
        found, duration, damage = read(path, mode)
        assert (duration, damage) == (20.0, "")
        assert found.colours[0] == RED
        assert found.colours[-1] == BLUE


@pytest.mark.parametrize("container", ["mkv", "mp4", "mov"])
def test_a_picture_stands_for_as_long_as_the_sound(tmp_path: Path, container: str) -> None:
    """A podcast with one picture is as long as the podcast, by each reader."""
    path = tmp_path / f"podcast.{container}"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mjpeg", rate=25)
        sound = output.add_stream("aac", rate=SOUND_RATE)
        assert isinstance(stream, VideoStream)
        assert isinstance(sound, AudioStream)
        stream.width, stream.height, stream.pix_fmt = 128, 72, "yuvj420p"
        stream.codec_context.time_base = Fraction(1, 25)
        output.start_encoding()
        frame = picture(GREEN)
        frame.time_base, frame.pts = Fraction(1, 25), 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        mux_silence(output, sound, 12)
    for mode in MODES:
        found, duration, damage = read(path, mode)
        assert found.times == [0.0]
        assert duration == pytest.approx(12, abs=0.3)
        assert damage == ""
    with DecordFrames(path) as source:
        assert read_all(source, grid(1)).times == [0.0]
        assert source.duration == pytest.approx(12, abs=0.3)


@pytest.mark.parametrize("container", ["mkv", "mp4", "ts", "flv"])
def test_a_picture_that_ends_before_its_sound_is_whole(tmp_path: Path, container: str) -> None:
    """If the container states only the length of the whole, no part of the picture is missing."""
    path = tmp_path / f"video.{container}"
    write(path, sound_s=20)
    for mode in MODES:
        _, duration, damage = read(path, mode)
        assert duration == pytest.approx(5, abs=0.2)
        assert damage == ""


def test_decord_says_that_a_video_with_sound_was_cut_off(tmp_path: Path) -> None:
    """Neither picture nor sound come as far as the container claims."""
    write(tmp_path / "whole.flv", Plan(shots=((20, RED),)), sound_s=20)
    content = (tmp_path / "whole.flv").read_bytes()
    cut = tmp_path / "cut.flv"
    cut.write_bytes(content[: len(content) // 2])
    assert "claims 20" in read(cut, "exact")[2]
    with DecordFrames(cut) as source:
        read_all(source, grid(1))
        assert "claims 20" in source.damage


# Holds, leaps, joins, and a beginning in the middle.


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("where", ["middle", "end"])
def test_a_hold_in_mp4_is_as_long_as_it_is(tmp_path: Path, mode: Decode, where: str) -> None:
    """A duration in MP4 is a step between decoding times: with B-frames, not of the picture."""
    hold = Fraction(60)
    begins = [Fraction(i, 25) for i in range(50)]
    later = [begins[-1] + hold + Fraction(i, 25) for i in range(1 if where == "end" else 50)]
    path = tmp_path / "held.mp4"
    write(path, Plan(shots=((100, RED),), stamps=tuple(begins + later)))
    assert read(path, mode)[1] == pytest.approx(float(later[-1]), abs=0.1)


def transport(folder: Path, *starts: float, g: int = 12) -> Path:
    """Join transport streams, each of two red and three blue seconds, that begin at `starts`."""
    joined = folder / "joined.ts"
    parts = []
    for number, start in enumerate(starts):
        part = folder / f"part{number}.ts"
        write(part, start=Fraction(start).limit_denominator(1000), prepare=_groups(g))
        parts.append(part.read_bytes())
    joined.write_bytes(b"".join(parts))
    return joined


def _groups(length: int) -> Callable[[VideoStream], None]:
    def prepare(stream: VideoStream) -> None:
        stream.codec_context.options = {"preset": "ultrafast", "g": str(length), "bf": "2"}

    return prepare


LEAPS = {
    "ten-hours": (0, 36000),
    "twenty-seconds": (0, 25),
    "back": (7200, 0),
    "wrap": (2**33 / 90000 - 5, 0),
    "twice": (0, 36000, 500),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("leap", LEAPS)
def test_a_leap_of_the_clock_is_no_still(tmp_path: Path, leap: str, mode: Decode) -> None:
    """Transport streams that were joined are as long as their parts together."""
    starts = LEAPS[leap]
    found, duration, damage = read(transport(tmp_path, *starts), mode)
    assert duration == pytest.approx(5 * len(starts), abs=0.2)
    assert "claims" not in damage  # at a seam, the counter of packets may count one as lost
    if mode == "exact":
        assert [colour for colour, _ in groupby(found.colours)] == [RED, BLUE] * len(starts)


@pytest.mark.parametrize("mode", MODES)
def test_a_gap_of_some_seconds_in_a_transport_stream_stays(tmp_path: Path, mode: Decode) -> None:
    """Four seconds of lost reception are time that passed."""
    assert read(transport(tmp_path, 0, 9), mode)[1] == pytest.approx(14, abs=0.2)


@pytest.mark.parametrize("mode", MODES)
def test_a_stream_that_begins_in_a_group_ends_when_it_ends(tmp_path: Path, mode: Decode) -> None:
    """What cannot be decoded at the beginning counts as time, and nothing is claimed beyond."""
    whole = transport(tmp_path, 0, g=50)
    packets = whole.read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(packets[188 * 12 :])
    found, duration, damage = read(cut, mode)
    with av.open(str(cut)) as container:
        claimed = container.streams.video[0]
        expected = float((claimed.duration or 0) * (claimed.time_base or 0))
    assert duration == pytest.approx(expected, abs=0.1)
    assert "claims" not in damage
    assert found.times[0] > 0


# Ciphers.


@pytest.mark.parametrize("mode", MODES)
def test_an_encrypted_video_is_refused(tmp_path: Path, mode: Decode) -> None:
    """Common encryption leaves the headers readable; what is decoded would be noise."""
    path = tmp_path / "protected.mp4"
    options = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": "00112233445566778899aabbccddeeff",
        "encryption_kid": "112233445566778899aabbccddeeff00",
    }
    plain = tmp_path / "plain.mp4"
    write(plain)
    with av.open(str(plain)) as source, av.open(str(path), "w", options=options) as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    with pytest.raises(UnreadableVideo, match=str(path)):  # the file by its own name
        read(path, mode)
    reason = refusal(path, lambda name: PyAVFrames(name, decode=mode))
    assert reason == "encrypted: a copy without protection can be read"
    assert refusal(path, DecordFrames) == reason


@pytest.mark.parametrize("entry", [b"drmi", b"encv"])
def test_a_sample_entry_of_a_cipher_is_enough(tmp_path: Path, entry: bytes) -> None:
    """FairPlay's entries, and those that do not name what they hide, have no codec."""
    path = tmp_path / "protected.mp4"
    write(path)
    content = path.read_bytes()
    at = content.index(b"avc1", content.index(b"stsd"))
    path.write_bytes(content[:at] + entry + content[at + 4 :])
    assert refusal(path, PyAVFrames) == "encrypted: a copy without protection can be read"


@pytest.mark.parametrize("packet_size", [188, 192])
def test_a_scrambled_transport_stream_is_refused(tmp_path: Path, packet_size: int) -> None:
    """Recordings of pay television have tables in the clear, and noise."""
    path = tmp_path / "channel.ts"
    write(path)
    content = bytearray(path.read_bytes())
    noise = np.random.default_rng(0)
    for at in range(0, len(content), 188):
        pid = int.from_bytes(content[at + 1 : at + 3], "big") & 0x1FFF
        if 0x100 <= pid < 0x1FFF:
            content[at + 3] |= 0x80
            content[at + 30 : at + 188] = noise.bytes(158)
    lead = bytes(packet_size - 188)
    packets = [content[at : at + 188] for at in range(0, len(content), 188)]
    path.write_bytes(b"".join(lead + packet for packet in packets))
    assert refusal(path, PyAVFrames) == "encrypted: a copy without protection can be read"


# decord.


def test_decord_refuses_what_it_would_read_in_part(tmp_path: Path) -> None:
    """Two Matroska files in one: decord knows the first one only."""
    parts = []
    for number in range(2):
        write(tmp_path / f"{number}.mkv")
        parts.append((tmp_path / f"{number}.mkv").read_bytes())
    joined = tmp_path / "joined.mkv"
    joined.write_bytes(b"".join(parts))
    assert read(joined, "exact")[1] == pytest.approx(10, abs=0.1)
    assert refusal(joined, DecordFrames) == REFUSED_BY_DECORD


@pytest.mark.parametrize(
    "spans", [[[0.0, 9.2e15]], [[0.0, float("nan")]], [[0.0, float("inf")]]], ids=str
)
def test_decord_refuses_marks_of_missing_times(spans: list[list[float]]) -> None:
    """Read as times they would never end: a table of frames that lasts 300 million years."""
    assert not agrees(np.array(spans), np.empty(0))


@pytest.mark.parametrize(
    ("off_s", "expected"),
    [
        pytest.param(0.0015, True, id="rounding of milliseconds"),
        pytest.param(0.003, False, id="more than rounding"),
        pytest.param(0.02, False, id="half a frame"),
    ],
)
def test_decord_may_round_a_time_but_not_move_a_frame(off_s: float, expected: bool) -> None:
    """Matroska keeps milliseconds; a frame that is further off is another one."""
    stamps = np.arange(5) / 25
    begins = stamps + np.array([0, 0, off_s, 0, 0])
    assert agrees(np.stack([begins, begins + 0.04], axis=1), stamps) is expected


def test_decord_refuses_flv_joined_to_another(tmp_path: Path) -> None:
    """Times that start again cannot be a table of frames."""
    for number in range(2):
        write(tmp_path / f"{number}.flv")
    first, second = ((tmp_path / f"{number}.flv").read_bytes() for number in range(2))
    joined = tmp_path / "joined.flv"
    joined.write_bytes(first + second[13:])
    assert refusal(joined, DecordFrames) == REFUSED_BY_DECORD
