"""Odd, broken and hostile files: each is read as far as it goes, or refused with its reason."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from PIL import Image

from clipseek.errors import UnreadableVideo
from clipseek.sampling import grid
from clipseek.video import Confined, DecordFrames, Limits, PyAVFrames
from tests.contracts.readers import BOTH, FileReader
from tests.contracts.videos import BLUE, RED, Plan, rgb_frame, write
from tests.e2e.compare_readers import compare, videos

TEN_SECONDS = Plan(shots=((6, RED), (4, BLUE)))


def refusal(reader: FileReader, path: Path) -> str:
    """Return why a file is refused, on opening or on reading."""
    with pytest.raises(UnreadableVideo) as refused, reader(path) as source:
        list(source.read(grid(1)))
    assert refused.value.path == str(path)
    return refused.value.reason


@dataclass(frozen=True)
class Outcome:
    """What came of reading a video: frames, its length, and what is missing."""

    frames: int
    duration: float | None
    damage: str


def outcome(path: Path, reader: FileReader = PyAVFrames) -> Outcome:
    """Read a video at one frame per second."""
    with reader(path) as source:
        frames = sum(len(batch) for batch in source.read(grid(1), short_side=36))
        return Outcome(frames, source.duration, source.damage)


# What is not a video.


def _picture(path: Path) -> None:
    Image.new("RGB", (64, 36)).save(path, "JPEG")


def _header_alone(path: Path) -> None:
    video = path.with_name("whole.mp4")
    write(video)
    path.write_bytes(video.read_bytes()[:2000])


NOT_VIDEOS: list[tuple[str, Callable[[Path], object], str]] = [
    ("empty.mp4", Path.touch, "empty file"),
    ("folder.mp4", Path.mkdir, "not a regular file"),
    ("pipe.mp4", os.mkfifo, "not a regular file"),
    ("missing.mp4", lambda path: path, "cannot be opened: No such file or directory"),
    ("text.mp4", lambda path: path.write_text("not a video\n"), "not a video: invalid data"),
    ("noise.mkv", lambda p: p.write_bytes(np.random.default_rng(0).bytes(200_000)), "not a video"),
    ("picture.mp4", _picture, "a picture, not a video"),
    ("cut.mp4", _header_alone, "an MP4 without its index (moov): the recording or the copy was"),
    ("notes.txt", lambda path: path.write_text("hello\n" * 500), "not a video"),
]


@BOTH
@pytest.mark.parametrize(
    ("name", "make", "reason"), NOT_VIDEOS, ids=[name for name, *_ in NOT_VIDEOS]
)
def test_what_is_not_a_video_is_refused(
    reader: FileReader, name: str, make: Callable[[Path], object], reason: str, tmp_path: Path
) -> None:
    """A file that is not a video is refused with a reason that says what it is."""
    make(tmp_path / name)
    assert refusal(reader, tmp_path / name).startswith(reason)


def test_devices_are_not_opened() -> None:
    """A device, endless or not, is not a file."""
    assert refusal(PyAVFrames, Path("/dev/zero")) == "not a regular file"


# Playlists name other files and hosts.


class _Listener(HTTPServer):
    """A server that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Listener

    def do_GET(self) -> None:
        """Remember the request, and have nothing."""
        self.server.asked.append(self.path)
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep quiet."""


@pytest.fixture
def listener() -> Iterator[_Listener]:
    """Listen on a free port."""
    with _Listener() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{0}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile {0}\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 1 RTP/AVP 96\n"
    "a=control:{0}\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
    "<AdaptationSet><Representation><BaseURL>{0}</BaseURL></Representation></AdaptationSet>"
    "</Period></MPD>",
}


@BOTH
@pytest.mark.parametrize("kind", sorted(PLAYLISTS))
@pytest.mark.parametrize("suffix", [".m3u8", ".mp4", ".mkv"])
def test_playlists_reach_no_other_file_and_no_host(
    reader: FileReader, kind: str, suffix: str, listener: _Listener, tmp_path: Path
) -> None:
    """A playlist is refused under any name; the video beside it and the host stay unread."""
    write(tmp_path / "video.mp4")
    host = f"http://127.0.0.1:{listener.server_port}/video.mp4"
    for number, target in enumerate(("video.mp4", str(tmp_path / "video.mp4"), host)):
        path = tmp_path / f"list-{number}{suffix}"
        path.write_text(PLAYLISTS[kind].format(target))
        assert refusal(reader, path).startswith("not a video")
    assert listener.asked == []


# Names.


@BOTH
@pytest.mark.parametrize(
    "name",
    ["-i.mp4", "%03d.mp4", "a:b.mp4", "http:x.mp4", "Größe №1 'q' & [x].mp4", "new\nline.mp4"],
)
def test_odd_names_are_names(
    reader: FileReader, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is never an option, a pattern or a URL, also if the path is relative."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "video.mp4", Plan(shots=((1, RED),)))
    Path("video.mp4").rename(name)
    assert outcome(Path(name), reader).frames == 1


def test_a_name_that_is_no_text_is_read(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are a name too; decord takes only UTF-8, and says so."""
    path = tmp_path / os.fsdecode(b"\xff\xfe.mp4")
    write(tmp_path / "video.mp4", Plan(shots=((1, RED),)))
    (tmp_path / "video.mp4").rename(path)
    assert outcome(path).frames == 1
    assert "decord cannot read this file" in refusal(DecordFrames, path)


def test_tags_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    """Metadata in another encoding than UTF-8 does not make a file unreadable."""
    path = tmp_path / "video.avi"
    write(path, Plan(shots=((1, RED),)), codec="mpeg4")
    path.write_bytes(path.read_bytes().replace(b"Lavf", b"\xe4\xf6\xfc\xff"))
    assert outcome(path).frames == 1


@BOTH
@pytest.mark.parametrize(
    ("name", "written", "read"),
    [
        pytest.param("video.mov", "10:00:58;12", "10:00:58;12", id="QuickTime"),
        pytest.param("video.mkv", "01:00:00:00", "01:00:00:00", id="Matroska"),
        pytest.param("other.mkv", "01:00:00.00", "01:00:00;00", id="full stop"),
        pytest.param("wrong.mkv", "25:00:00:00", "", id="no time of day"),
        pytest.param("words.mkv", "ten o'clock", "", id="no timecode"),
    ],
)
def test_a_timecode_is_read(
    reader: FileReader, name: str, written: str, read: str, tmp_path: Path
) -> None:
    """That of the first frame, which edit lists count from; what is none is not guessed at."""
    path = tmp_path / name
    with av.open(path, "w") as container:
        container.metadata["timecode"] = written
        container.metadata["creation_time"] = "2024-05-01T12:00:00Z"
        stream = container.add_stream("libx264", rate=Fraction(30000, 1001))
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        for packet in [
            *stream.encode(rgb_frame(np.full((36, 64, 3), 99, np.uint8))),
            *stream.encode(),
        ]:
            container.mux(packet)
    with reader(path) as opened:
        assert opened.timecode == read
        assert opened.recorded_at == "2024-05-01T12:00:00Z"
    if name == "video.mov":
        limits = Limits(2**26, 1000, 60, 600, 2**30)
        with Confined(reader, limits=limits) as opener, opener(path) as confined:
            assert confined.timecode == read
            assert confined.recorded_at == "2024-05-01T12:00:00Z"


# Damage.


@BOTH
def test_a_video_cut_off_is_read_as_far_as_it_goes(reader: FileReader, tmp_path: Path) -> None:
    """Half of a Matroska file gives half the video, and says how long it claims to be."""
    path = tmp_path / "video.mkv"
    write(path, TEN_SECONDS)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = outcome(path, reader)
    assert found.duration is not None
    assert 3 < found.duration < 7
    assert f"claims 10.0 s, decoded up to {found.duration:.1f} s" in found.damage
    assert found.frames == pytest.approx(found.duration, abs=1)


def test_garbage_in_the_middle_is_counted_and_passed(tmp_path: Path) -> None:
    """A video is read past its damage to its end, and the damage is counted."""
    path = tmp_path / "video.mp4"
    write(path, TEN_SECONDS, frame=_noise)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 6000] = np.random.default_rng(0).bytes(6000)
    path.write_bytes(content)
    found = outcome(path)
    assert found.duration == pytest.approx(10, abs=0.1)
    assert "could not be decoded" in found.damage


@BOTH
def test_a_damaged_keyframe_is_told(reader: FileReader, tmp_path: Path) -> None:
    """Decord shows what it can make of it, and says nothing; a first pass finds the damage."""
    path = tmp_path / "video.mp4"
    write(path, TEN_SECONDS, frame=_noise)
    with av.open(str(path)) as container:
        keys = [packet for packet in container.demux(video=0) if packet.is_keyframe]
        at, size = keys[3].pos, keys[3].size
    content = bytearray(path.read_bytes())
    assert at is not None
    content[at + size // 2 : at + size] = np.random.default_rng(0).bytes(size - size // 2)
    path.write_bytes(content)
    assert outcome(path, reader).damage == "1 frame decoded with errors"


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_a_file_of_ruined_packets_is_refused(codec: str, tmp_path: Path) -> None:
    """A file of which nothing can be decoded is not a video."""
    path = tmp_path / "video.mp4"
    write(path, Plan(shots=((1, RED),)), codec=codec)
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    end = content.index(b"moov", start) - 4
    content[start:end] = b"\xff" * (end - start)
    path.write_bytes(content)
    assert refusal(PyAVFrames, path) == "no frame could be decoded"


@BOTH
def test_damage_writes_nothing_to_the_terminal(
    reader: FileReader, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The libraries print nothing; `damage` says what is missing."""
    test_garbage_in_the_middle_is_counted_and_passed(tmp_path)
    outcome(tmp_path / "video.mp4", reader)
    assert capfd.readouterr() == ("", "")


def _noise(time: Fraction) -> VideoFrame:
    noise = np.random.default_rng(int(time * 25)).integers(0, 256, (36, 64, 3), np.uint8)
    return rgb_frame(noise)


# The footage: what comes of each odd file.

REFUSED = {
    "made_audio_only.mp4": "audio only: no video stream",
    "made_jpeg_as.mp4": "a picture, not a video",
    "made_random_bytes.mkv": "not a video: invalid data",
    "made_text_as.mp4": "not a video: invalid data",
    "made_zero_byte.mp4": "empty file",
    "real_audio_only.ogg": "audio only: no video stream",
    "real_mp4_no_video_stream.mp4": "audio only: no video stream",
}
COFFEE = Outcome(10, 9.576, "")
READ = {
    "dir with spaces/Kaffee größe №1 'quoted' & [x].mp4": COFFEE,
    "made_all_black.mp4": Outcome(5, 5.0, ""),
    "made_hevc_coffee.mp4": COFFEE,
    "made_interlaced_mpeg2.mpg": Outcome(11, 10.25, ""),
    "made_midfile_garbage.mp4": Outcome(
        11, 10.292, "10 packets could not be decoded; 1 frame decoded with errors"
    ),
    "made_mp4_as.avi": COFFEE,
    "made_mp4_no_extension": COFFEE,
    "made_rotated180_metadata.mp4": Outcome(7, 6.667, ""),
    "made_rotated90_metadata.mp4": Outcome(7, 6.667, ""),
    "made_single_frame.mp4": Outcome(1, 0.033, ""),
    "made_truncated_faststart_50pct.mp4": Outcome(
        4, 3.75, "1 packet could not be decoded; claims 10.3 s, decoded up to 3.8 s"
    ),
    "real_1s_320x240_vfrlike.mp4": Outcome(2, 1.199, ""),
    "real_30x20_pixels_cameratrap.avi": Outcome(61, 60.766, ""),
    "real_animated.gif": Outcome(5, 4.74, ""),
    "real_av1_low_entropy.mkv": Outcome(5, 5.0, ""),
    "real_corrupted_decord.mp4": Outcome(
        5, 5.0, "1 packet could not be decoded; 1 frame decoded with errors"
    ),
    "real_delayed_start.mp4": Outcome(1, 0.96, ""),
    "real_matroska_bad_crc_order_ffv1.mkv": Outcome(1, 0.52, ""),
    "real_raw_h264_no_container.h264": Outcome(10, 10.0, ""),
    "real_rotation_0_3frames.mov": Outcome(1, 0.1, ""),
    "real_rotation_180_3frames.mov": Outcome(1, 0.1, ""),
    "real_rotation_90_3frames.mov": Outcome(1, 0.1, ""),
    "real_solid_grey_fades.mp4": Outcome(10, 10.0, ""),
    "real_static_text_slide.mp4": Outcome(10, 9.833, ""),
    "real_test_card_timecode.mp4": Outcome(16, 16.0, ""),
    "real_vp8_flower.webm": Outcome(6, 5.008, ""),
}
# decord reads these wrong or not at all, or no further than the first damaged packet.
NOT_BY_DECORD = {
    "made_interlaced_mpeg2.mpg",
    "real_animated.gif",
    "real_av1_low_entropy.mkv",
    "real_raw_h264_no_container.h264",
}


def test_every_odd_file_has_a_verdict(odd_dir: Path) -> None:
    """The verdicts below cover the folder."""
    names = {str(path.relative_to(odd_dir)) for path in videos(odd_dir)}
    assert names == {*REFUSED, *READ}


@BOTH
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_odd_files_without_a_video_are_refused(
    reader: FileReader, name: str, odd_dir: Path
) -> None:
    """What is not a video is refused with its reason, by both readers."""
    assert refusal(reader, odd_dir / name) == REFUSED[name]


@pytest.mark.parametrize("name", sorted(READ))
def test_odd_videos_are_read(name: str, odd_dir: Path) -> None:
    """Each video gives its frames, its length and what is missing of it."""
    found, expected = outcome(odd_dir / name), READ[name]
    assert (found.frames, found.damage) == (expected.frames, expected.damage)
    assert found.duration == pytest.approx(expected.duration, abs=0.001)


@pytest.mark.parametrize("name", sorted(READ))
def test_readers_agree_on_odd_videos(name: str, odd_dir: Path) -> None:
    """Frames that both readers give are the same frames, or decord refuses the file."""
    agreement = compare(odd_dir / name)
    if name in NOT_BY_DECORD:
        assert "the default decoder, pyav, reads it" in agreement.note
        return
    assert agreement.time is not None
    assert agreement.pixels is not None
    assert agreement.time < 0.01
    assert agreement.pixels < 8


@pytest.mark.long
def test_readers_agree_on_every_video(videos_dir: Path) -> None:
    """Both readers read all videos to their ends and give the same frames of each."""
    agreements = [compare(path) for path in videos(videos_dir)]
    assert {a.file: a.note for a in agreements if a.note} == {}
    assert {a.file for a in agreements if a.counts[0] != a.counts[1]} == set()
    assert {a.file for a in agreements if a.time is None or a.time >= 0.01} == set()
    assert {a.file for a in agreements if a.pixels is None or a.pixels >= 5} == set()
