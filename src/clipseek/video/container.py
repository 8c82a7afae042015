"""Opening a local file with libav: what is refused, and which stream is the film."""

import stat
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import Flags as CodecFlags
from av.container import InputContainer
from av.format import Flags as FormatFlags
from av.stream import Disposition
from av.video.stream import VideoStream

from clipseek.errors import UnreadableVideo
from clipseek.video.clock import usable_rate

# Demuxers that read the one file they are given. Playlists (hls, concat, dash, imf), sessions
# (sdp, rtsp), patterns of names (image2), scripts (lavfi, avisynth) and text (tty, subtitles)
# are left out: a file of that kind names others to be opened, or is no film.
_VIDEO_FORMATS = (
    "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,ogg,flv,live_flv,asf,rm,gif,apng,h261,h263,h264,"
    "hevc,vvc,evc,m4v,mjpeg,av1,obu,ivf,dirac,vc1,cavsvideo,avs2,avs3,dv,dnxhd,mxf,gxf,lxf,nut,"
    "nuv,nsv,swf,wtv,yuv4mpegpipe,r3d,smk,bink,roq,flic,amv,pva,ty,dhav,kux,cine,dxa"
)
# Opened only so that the reason can say "audio only" or "a picture".
_AUDIO_FORMATS = "aac,ac3,eac3,aiff,amr,ape,au,caf,dts,flac,mp3,mpc,mpc8,tta,truehd,voc,w64,wav,wv"
_PICTURE_FORMATS = (
    "jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,tiff_pipe,gif_pipe,psd_pipe,j2k_pipe,jpegxl_pipe"
)
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": f"{_VIDEO_FORMATS},{_AUDIO_FORMATS},{_PICTURE_FORMATS}",
}
# ffmpeg itself stops at about 268 million pixels (libavutil/imgutils.c); this bounds each side.
_LONGEST_SIDE = 16384
_MICROSECOND = Fraction(1, av.time_base)


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened file, its film stream, and what they say of themselves; times in seconds.

    `start` is where the file's timestamps begin. `claim` is the length of the whole file, sound
    included, and `stream_claim` that of the film stream alone; None where nothing is said.
    """

    container: InputContainer
    stream: VideoStream
    time_base: Fraction
    frame_rate: Fraction
    start: Fraction | None
    claim: Fraction | None
    stream_claim: Fraction | None


def open_film(path: Path, *, threads: int, options: dict[str, str] | None = None) -> Opened:
    """Open a regular file and choose its film stream, to be decoded by `threads` threads.

    `options` are libavcodec's, for the decoder.

    Raises:
        UnreadableVideo: not a file, not readable, not media, or without a video stream.
    """
    beginning = _beginning(path)
    container = _open(path, beginning)
    try:
        stream = _film_stream(container, path)
    except UnreadableVideo:
        container.close()
        raise
    context = stream.codec_context
    context.thread_type = "AUTO"
    context.thread_count = threads
    context.options = dict(options or {})
    # Without it libav keeps columns that Theora and others mark as outside the picture, where
    # cropping them would leave rows that do not start on an aligned address.
    context.flags |= CodecFlags.unaligned
    rate = usable_rate(stream.average_rate, stream.guessed_rate, stream.base_rate)
    claims = _claims(container, stream)
    time_base = stream.time_base or 1 / rate
    return Opened(container, stream, time_base, rate, _start(container), *claims)


def _beginning(path: Path) -> bytes:
    """Return the first bytes of a regular file; nothing else is ever opened."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableVideo(str(path), "not a file")
        with path.open("rb") as file:
            beginning = file.read(12)
    except OSError as error:
        raise UnreadableVideo(str(path), f"cannot be opened: {error.strerror}") from error
    except ValueError as error:
        raise UnreadableVideo(str(path), f"cannot be opened: {error}") from error
    if not beginning:
        raise UnreadableVideo(str(path), "empty file")
    return beginning


def _open(path: Path, beginning: bytes) -> InputContainer:
    # The scheme keeps libav from reading "-", "%d" or "name:" as anything but a file name.
    try:
        return av.open(f"file:{path.absolute()}", "r", options=_OPTIONS, metadata_errors="replace")
    except av.error.ArgumentError as error:
        reason = "not a video: a playlist, a text or another kind of file that is not read"
        raise UnreadableVideo(str(path), reason) from error
    except av.error.FFmpegError as error:
        raise UnreadableVideo(str(path), _refusal(error, beginning)) from error


def _refusal(error: av.error.FFmpegError, beginning: bytes) -> str:
    if not isinstance(error, av.error.InvalidDataError):
        return f"cannot be opened: {error.strerror}"
    if beginning[4:8] == b"ftyp":
        return "an MP4 without its index (moov): the recording or the copy was cut off"
    return "not a video: invalid data"


def _film_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return what libav holds to be the main video stream, if it is a film and can be decoded."""
    if container.format.name.endswith("_pipe"):
        raise UnreadableVideo(str(path), "a picture, not a video")
    best = container.streams.best("video")
    films = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not films:
        kind = "audio only: no video stream" if container.streams.audio else "no video stream"
        raise UnreadableVideo(str(path), kind)
    stream = next((film for film in films if film is best), films[0])
    if stream.codec_context is None:
        raise UnreadableVideo(str(path), "its video codec is not supported")
    if max(stream.width, stream.height) > _LONGEST_SIDE:
        size = f"{stream.width}x{stream.height}"
        raise UnreadableVideo(str(path), f"{size} pixels; at most {_LONGEST_SIDE} a side are read")
    return stream


def _start(container: InputContainer) -> Fraction | None:
    """Return the container's start time; exact, for libav rounds it to the microsecond."""
    if container.start_time is None:
        return None
    start = container.start_time * _MICROSECOND
    for stream in container.streams:
        if stream.start_time is not None and stream.time_base:
            exact = stream.start_time * stream.time_base
            if abs(exact - start) <= _MICROSECOND:
                return exact
    return start


def _claims(
    container: InputContainer, stream: VideoStream
) -> tuple[Fraction | None, Fraction | None]:
    """Return what file and stream state as their lengths; for raw streams libav only guesses."""
    if FormatFlags.no_timestamps in FormatFlags(container.format.flags):
        return None, None
    stated = (container.duration or 0) * _MICROSECOND
    claim = stated if stated > 0 else None
    if not stream.duration or stream.duration < 0 or not stream.time_base:
        return claim, None
    return claim, stream.duration * stream.time_base
