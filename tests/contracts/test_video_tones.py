"""High dynamic range, wide gamut, crops and changes of size become the picture that was meant."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc
from av.video.stream import VideoStream
from numpy.typing import NDArray

from clipseek.errors import UnreadableVideo
from clipseek.sampling import ShotCuts, grid
from clipseek.video import PyAVFrames
from clipseek.video.decord import DecordFrames
from clipseek.video.pyav import Decode
from clipseek.video.tone import Tone
from tests import hdr
from tests.contracts.videos import BLUE, GREEN, RED, WHITE, Colour, Plan, rgb_frame, write

MODES: tuple[Decode, ...] = get_args(Decode)
Picture = NDArray[np.uint8]
BARS = np.array(
    [
        *((200, 40, 40), (40, 180, 40), (40, 60, 200), (210, 200, 50)),
        *((190, 60, 190), (60, 190, 190), (230, 230, 230), (20, 20, 20)),
    ],
    np.uint8,
)
REFUSED_BY_DECORD = "decord cannot read this file right; the default decoder, pyav, reads it"


def bars() -> Picture:
    """Return eight bars of colour, uint8 (144, 256, 3)."""
    return np.tile(np.repeat(BARS, 32, axis=0), (144, 1, 1))


def colours(picture: Picture) -> Picture:
    """Return the mean colour of the middle of each bar."""
    rows = picture[len(picture) // 4 : -len(picture) // 4]
    width = picture.shape[1] / 8
    middles = [rows[:, int((i + 0.3) * width) : int((i + 0.7) * width)] for i in range(8)]
    return np.array([middle.mean(axis=(0, 1)) for middle in middles])


def pictures(path: Path, decode: Decode = "exact", short_side: int | None = None) -> list[Picture]:
    """Read a video once a second."""
    with PyAVFrames(path, decode=decode) as source:
        batches = source.read(grid(1), short_side=short_side, cuts=ShotCuts(source.frame_rate))
        return [picture for batch in batches for picture in batch.pixels]


# High dynamic range.

ENCODINGS: dict[str, dict[str, Any]] = {
    "hevc": {},
    "h264": {"codec": "libx264"},
    "full-range": {"codec": "libx264", "full": True},
    "4:2:2": {"codec": "libx264", "layout": "yuv422p10le"},
    "4:4:4": {"codec": "libx264", "layout": "yuv444p10le"},
    "12-bit": {"codec": "libx265", "layout": "yuv420p12le"},
    "8-bit": {"codec": "libx264", "layout": "yuv420p"},
    "no-primaries": {"codec": "libx264", "named": False},
}


@pytest.mark.parametrize("kind", hdr.KINDS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_hdr_becomes_its_sdr_original(tmp_path: Path, kind: hdr.Kind, encoding: str) -> None:
    """Light up to white is within three levels, in every mode and size."""
    path = tmp_path / "video.mp4"
    hdr.write(path, [bars()] * 30, kind, **ENCODINGS[encoding])
    allowed = 14 if encoding == "8-bit" else 3.5  # 256 codes for a range of 10 000 cd/m2
    for mode in MODES:
        found = colours(pictures(path, mode, short_side=72)[0]).astype(float)
        assert np.abs(found - BARS).max() <= allowed, mode


@pytest.mark.parametrize("kind", hdr.KINDS)
def test_decord_refuses_hdr(tmp_path: Path, kind: hdr.Kind) -> None:
    """Decord would hand on washed-out colours."""
    path = tmp_path / "video.mp4"
    hdr.write(path, [bars()] * 3, kind)
    with pytest.raises(UnreadableVideo) as refused:
        DecordFrames(path)
    assert refused.value.reason == REFUSED_BY_DECORD


def test_what_is_brighter_than_white_keeps_its_order_and_hue() -> None:
    """Highlights are compressed, not cut: brighter stays brighter, and orange stays orange."""
    tone = Tone("pq", "bt2020")
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)
    grey = tone.apply(np.repeat(ramp, 3).reshape(1, 256, 3))[0]
    assert (np.diff(grey[:, 0].astype(int)) >= 0).all()
    assert (np.ptp(grey.astype(int), axis=1) <= 1).all()
    white = hdr.codes(np.full((1, 1, 3), 255, np.uint8), "pq")
    assert 252 <= tone.apply(white).min() <= 255
    orange = hdr.codes(np.array([[[255, 128, 0]]], np.uint8), "pq")
    bright = np.minimum(orange.astype(int) + 6000, 65535).astype(np.uint16)
    red, green, blue = (int(value) for value in tone.apply(bright)[0, 0])
    assert red > green > blue


@pytest.mark.parametrize("kind", hdr.KINDS)
def test_cuts_of_hdr_are_those_of_sdr(tmp_path: Path, kind: hdr.Kind) -> None:
    """The detector sees the brightness of the converted picture."""
    from tests.photographs import Look

    shots = [
        np.asarray(Look().at(name, (256, 144)))
        for name in ("astronaut", "rocket", "coffee")
        for _ in range(25)
    ]
    path = tmp_path / "video.mp4"
    hdr.write(path, shots, kind, codec="libx264")
    with PyAVFrames(path) as source:
        found = [
            float(time)
            for batch in source.read([], cuts=ShotCuts(25))
            for time, is_cut in zip(batch.times, batch.cuts, strict=True)
            if is_cut
        ]
    assert found == [1, 2]


def test_primaries_are_honoured_without_high_dynamic_range(tmp_path: Path) -> None:
    """SDR of BT.2020, as broadcasts in UHD have it, is converted to BT.709."""
    light = (BARS / 255.0) ** 2.4 @ hdr.TO_2020.T
    wide = np.rint(255 * np.clip(light, 0, 1) ** (1 / 2.4)).astype(np.uint8)
    plain = rgb_frame(np.tile(np.repeat(wide, 32, axis=0), (144, 1, 1)))

    def frame(_time: Fraction) -> VideoFrame:
        made = plain.reformat(format="yuv444p", dst_colorspace=Colorspace.BT2020)
        made.colorspace, made.color_primaries = Colorspace.BT2020, ColorPrimaries.BT2020
        made.color_trc = ColorTrc.BT2020_10
        return made

    def prepare(stream: VideoStream) -> None:
        stream.codec_context.options = {"preset": "ultrafast", "crf": "8"}
        stream.codec_context.colorspace = Colorspace.BT2020
        stream.codec_context.color_primaries = ColorPrimaries.BT2020
        stream.codec_context.color_trc = ColorTrc.BT2020_10

    path = tmp_path / "video.mp4"
    plan = Plan(shots=((1, RED),), size=(256, 144))
    write(path, plan, frame=frame, pixel_format="yuv444p", prepare=prepare)
    assert np.abs(colours(pictures(path)[0]).astype(float) - BARS).max() <= 4


def test_dolby_vision_alone_is_refused(tmp_path: Path) -> None:
    """Its own colours, read as others, are green and purple: profile 5 has the tag dvh1."""
    path = tmp_path / "video.mp4"

    def prepare(stream: VideoStream) -> None:
        stream.codec_context.options = {"preset": "ultrafast", "x265-params": "log-level=none"}
        stream.codec_context.codec_tag = "dvh1"

    write(path, Plan(shots=((1, RED),)), codec="libx265", prepare=prepare)
    with pytest.raises(UnreadableVideo) as refused:
        PyAVFrames(path)
    assert "Dolby Vision" in refused.value.reason


@pytest.mark.parametrize("transfer", [ColorTrc.LINEAR, ColorTrc.LOG, ColorTrc.SMPTE428])
def test_a_transfer_that_is_not_converted_is_refused(tmp_path: Path, transfer: ColorTrc) -> None:
    """Linear light or a camera's log, read as BT.709, would be off by up to 69 levels."""

    def prepare(stream: VideoStream) -> None:
        stream.codec_context.options = {"preset": "ultrafast"}
        stream.codec_context.color_trc = transfer

    path = tmp_path / "video.mp4"
    write(path, Plan(shots=((1, RED),)), prepare=prepare)
    with pytest.raises(UnreadableVideo) as refused:
        PyAVFrames(path)
    assert "export it as SDR" in refused.value.reason


# decord's colours.


@pytest.mark.parametrize("size", [(256, 144), (1280, 720)], ids=["sd", "hd"])
def test_decord_takes_the_matrix_that_the_size_means(tmp_path: Path, size: tuple[int, int]) -> None:
    """A video that names no matrix has BT.709's from 720 lines on, by both readers."""
    wide = np.tile(np.repeat(BARS, size[0] // 8, axis=0), (size[1], 1, 1))
    matrix = Colorspace.ITU709 if size[1] >= 720 else Colorspace.ITU601

    def frame(_time: Fraction) -> VideoFrame:
        made = rgb_frame(wide).reformat(format="yuv444p", dst_colorspace=matrix)
        made.colorspace = 2  # named nowhere
        return made

    path = tmp_path / "video.mp4"
    plan = Plan(shots=((Fraction(1, 5), RED),), size=size)
    write(path, plan, frame=frame, pixel_format="yuv444p")
    for reader in (PyAVFrames, DecordFrames):
        with reader(path) as source:
            found = colours(next(iter(source.read([0], short_side=144))).pixels[0])
        assert np.abs(found.astype(float) - BARS).max() <= 3, reader


# Crops.


def with_clap(path: Path, width: int, height: int, right: int, down: int) -> None:
    """Add a clean aperture to the only video of an MP4 whose index is behind its frames."""
    data = path.read_bytes()
    box = struct.pack(">I4sIIIIiIiI", 40, b"clap", width, 1, height, 1, right, 1, down, 1)
    index = data.rindex(b"moov")
    at = data.index(b"avcC", index) - 4
    changed = data[:at] + box + data[at:]
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        place = changed.index(name, index) - 4
        size = int.from_bytes(changed[place : place + 4], "big") + len(box)
        changed = changed[:place] + size.to_bytes(4, "big") + changed[place + 4 :]
    path.write_bytes(changed)


def letterboxed(_time: Fraction) -> VideoFrame:
    """Return 320 x 260: white bars of 40 lines above and below red, blue at its right end."""
    pixels = np.full((260, 320, 3), WHITE, np.uint8)
    pixels[40:220] = RED
    pixels[40:220, 240:] = BLUE
    return rgb_frame(pixels)


@pytest.mark.parametrize("mode", MODES)
def test_a_clean_aperture_is_cropped(tmp_path: Path, mode: Decode) -> None:
    """Nothing of the bars is left, at full size and reduced."""
    path = tmp_path / "video.mp4"
    write(path, Plan(shots=((2, RED),), size=(320, 260)), frame=letterboxed)
    with_clap(path, 320, 180, 0, 0)
    for short_side, size in ((None, (180, 320)), (90, (90, 160))):
        picture = pictures(path, mode, short_side)[0]
        assert picture.shape[:2] == size
        assert picture[:, :, 1].max() < 60
        assert picture[size[0] // 2, -size[1] // 8, 2] > 200
    with PyAVFrames(path) as source:
        assert source.size == (320, 180)


def test_a_clean_aperture_beside_the_middle_is_cropped_there(tmp_path: Path) -> None:
    """The offset counts from the middle: the right quarter of the picture is blue."""
    path = tmp_path / "video.mp4"
    write(path, Plan(shots=((1, RED),), size=(320, 260)), frame=letterboxed)
    with_clap(path, 64, 180, 128, 0)
    picture = pictures(path)[0]
    assert picture.shape[:2] == (180, 64)
    assert picture[:, 4:-4, 0].max() < 60


@pytest.mark.parametrize("values", [(0, 0, 0, 0), (400, 300, 0, 0), (320, 180, 200, 0)], ids=str)
def test_a_clean_aperture_that_cannot_be_is_none(
    tmp_path: Path, values: tuple[int, int, int, int]
) -> None:
    """An aperture outside the picture, or one that leaves nothing of it, is ignored."""
    path = tmp_path / "video.mp4"
    write(path, Plan(shots=((1, RED),), size=(320, 260)), frame=letterboxed)
    with_clap(path, *values)
    assert pictures(path)[0].shape[:2] == (260, 320)


def with_pixel_crop(path: Path, top: int) -> None:
    """Give the only track of a Matroska file a crop of its lines, in the place of its aspect."""
    data = path.read_bytes()
    size = b"\xb0\x82" + (320).to_bytes(2, "big") + b"\xba\x82" + (260).to_bytes(2, "big")
    at = data.index(size) - 2
    content = size + b"\x54\xbb\x81" + bytes([top])
    assert data[at + 1] & 0x7F == len(content)
    path.write_bytes(data[: at + 2] + content + data[at + 2 + len(content) :])


@pytest.mark.parametrize("mode", MODES)
def test_a_pixel_crop_is_cropped(tmp_path: Path, mode: Decode) -> None:
    """Matroska's crop of the lines above."""
    path = tmp_path / "video.mkv"
    write(path, Plan(shots=((2, RED),), size=(320, 260)), frame=letterboxed)
    with_pixel_crop(path, 40)
    picture = pictures(path, mode)[0]
    assert picture.shape[:2] == (220, 320)
    assert picture[:170, :, 1].max() < 60
    assert picture[-30:, :, 1].min() > 200
    with pytest.raises(UnreadableVideo, match="decord cannot"):
        DecordFrames(path)


# Sizes that change.


def raw(
    folder: Path, name: str, size: tuple[int, int], shots: tuple[tuple[float, Colour], ...]
) -> bytes:
    """Return H.264 without a container."""
    path = folder / name
    plan = Plan(shots=shots, size=size)
    write(path, plan, container="h264", prepare=_without_b_frames)
    return path.read_bytes()


def _without_b_frames(stream: VideoStream) -> None:
    stream.codec_context.options = {"preset": "ultrafast", "g": "25", "bf": "0"}


@pytest.mark.parametrize("mode", MODES)
def test_each_part_has_its_own_shape(tmp_path: Path, mode: Decode) -> None:
    """Landscape, then portrait, in one stream: neither is stretched into the other's shape."""
    first = raw(tmp_path, "1.h264", (128, 72), ((2, RED),))
    second = raw(tmp_path, "2.h264", (72, 128), ((2, GREEN),))
    joined = tmp_path / "joined.h264"
    joined.write_bytes(first + second)
    found = pictures(joined, mode)
    shapes = [picture.shape[:2] for picture in found]
    assert shapes[0] == (72, 128)
    assert shapes[-1] == (128, 72)
    assert [*dict.fromkeys(shapes)] == [(72, 128), (128, 72)]


def joined(folder: Path, name: str, parts: list[Path]) -> Path:
    """Write the packets of several videos of two seconds into one stream."""
    path = folder / name
    with av.open(path, "w") as output:
        streams: list[VideoStream] = []
        for number, part in enumerate(parts):
            with av.open(part) as read:
                streams = streams or [output.add_stream_from_template(read.streams.video[0])]
                for packet in read.demux(video=0):
                    if packet.pts is not None:
                        packet.stream = streams[0]
                        shift = round(2 * number / packet.time_base)
                        packet.pts = packet.dts = packet.pts + shift
                        output.mux(packet)
    return path


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_decord_refuses_pictures_of_two_shapes(tmp_path: Path, codec: str) -> None:
    """It would stretch the second shape into the first; PyAV gives each its own."""
    parts = []
    for number, size in enumerate(((128, 72), (72, 128))):
        parts.append(tmp_path / f"{number}.webm")
        write(parts[-1], Plan(shots=((2, RED),), size=size), codec=codec)
    video = joined(tmp_path, "joined.webm", parts)
    shapes = [picture.shape[:2] for picture in pictures(video)]
    assert [*dict.fromkeys(shapes)] == [(72, 128), (128, 72)]
    with pytest.raises(UnreadableVideo, match=REFUSED_BY_DECORD):
        DecordFrames(video)
    assert DecordFrames(parts[1]).size == (72, 128)


def test_decord_refuses_pixels_of_two_aspects(tmp_path: Path) -> None:
    """The size stays, and the shape does not: MPEG-2 states the aspect with each key frame."""
    parts = []
    for number, aspect in enumerate((Fraction(1), Fraction(4, 3))):

        def squeeze(stream: VideoStream, aspect: Fraction = aspect) -> None:
            stream.codec_context.sample_aspect_ratio = aspect
            stream.codec_context.options = {"bf": "0"}

        parts.append(tmp_path / f"{number}.mkv")
        plan = Plan(shots=((2, RED),), size=(128, 72), rate=Fraction(25))
        write(parts[-1], plan, codec="mpeg2video", prepare=squeeze)
    video = joined(tmp_path, "joined.mkv", parts)
    shapes = [picture.shape[:2] for picture in pictures(video)]
    assert len({*shapes}) == 2
    with pytest.raises(UnreadableVideo, match=REFUSED_BY_DECORD):
        DecordFrames(video)


def test_pictures_of_two_shapes_come_in_two_batches(tmp_path: Path) -> None:
    """A batch is one array."""
    first = raw(tmp_path, "1.h264", (128, 72), ((1, RED),))
    joined = tmp_path / "joined.h264"
    joined.write_bytes(first + raw(tmp_path, "2.h264", (72, 128), ((1, GREEN),)))
    with PyAVFrames(joined) as source:
        found = [batch.pixels.shape[1:3] for batch in source.read(grid(5))]
    assert found == [(72, 128), (128, 72)]
