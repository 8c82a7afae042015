"""Opening a video with libav: which files are refused, and which stream is the video."""

import io
import os
import re
from collections.abc import Sequence
from contextlib import suppress
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
from clipseek.files import NotARegularFile, open_regular
from clipseek.ranged import RangedFile, is_ranged, read_at
from clipseek.recorded import recorded_at
from clipseek.video.cropping import crop_of
from clipseek.video.kinds import is_picture, is_scrambled, may_be_motion_jpeg
from clipseek.video.limits import exceeds
from clipseek.video.picture import Crop
from clipseek.video.timestamps import usable_rate

# Demuxers that read the one file they are given. Playlists (hls, concat, dash, imf), sessions
# (sdp, rtsp), patterns of names (image2), scripts (lavfi, avisynth) and text (tty, subtitles)
# are left out: such a file names other files to open, or is not a video.
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
    # No file that another file names is opened: libav opens descriptors only, and gets only this.
    "protocol_whitelist": "fd",
    "format_whitelist": f"{_VIDEO_FORMATS},{_AUDIO_FORMATS},{_PICTURE_FORMATS}",
}
# ffmpeg itself stops at about 268 million pixels (libavutil/imgutils.c); this bounds each side.
_LONGEST_SIDE = 16384
_MICROSECOND = Fraction(1, av.time_base)
# Streams that contain a picture, or pictures to seek by: they are not the video.
_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
# A stream with up to `_FEW` pictures is a poster or a slide. So is a stream with less than a
# `_SHARE`th of the pictures of another: a slide every ten seconds has a 250th of 25 pictures a
# second. The share is judged once a stream has `_MANY` pictures.
_FEW, _SHARE, _MANY = 3, 50, 1000
# Sample entries of MP4 whose content is encrypted: ISO/IEC 23001-7, and Apple's FairPlay.
_ENCRYPTED_TAGS = frozenset({"encv", "drmi"})
# The clock of a transport or program stream can be reset. No frame in one lasts ten seconds,
# because ITU-T H.222.0 asks for timestamps at least every 0.7 s. ffmpeg's `dts_delta_threshold` is
# ten seconds too.
_CLOCKED = frozenset({"mpegts", "mpeg"})
_CLOCK_LEAP_S = 10
# In other containers, a step forward by more than this is a broken timestamp.
_LEAP_S = 24 * 3600
_HEAD_BYTES = 512
# More than the unencrypted part that a transport stream repeats between packets of its streams.
_SCRAMBLED_BYTES = 1 << 20
_MOST_INDEX_BYTES = 64 << 20


_TIMECODE = re.compile(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d[:;.]\d{2}")
"""As SMPTE 12M writes it; some programs write a full stop where numbers are dropped."""

ENCRYPTED = "encrypted: a copy without protection can be read"


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened file, its video stream, and what both state; times in seconds.

    `start` is where the file's timestamps begin. `claim` is the length of the whole file, sound
    included, and `stream_claim` that of the video stream alone; None if the file does not state it.
    `stream_start` is where the stream's timestamps begin. A step forward of the timestamps by more
    than `leap_s` is a leap of the clock, not a frame that is shown for so long. `ranged` is what
    fetches the file when it is read, or None for a file of this machine.
    """

    path: str | Path
    container: InputContainer
    stream: VideoStream
    time_base: Fraction
    frame_rate: Fraction
    start: Fraction | None
    claim: Fraction | None
    stream_claim: Fraction | None
    stream_start: Fraction | None
    leap_s: int
    crop: Crop
    ranged: RangedFile | None = None

    @property
    def stream_end(self) -> Fraction | None:
        """The end of the stream that the file states, in seconds from the start of the file."""
        if self.stream_claim is None or self.stream_start is None:
            return None
        return self.stream_start - (self.start or 0) + self.stream_claim

    @property
    def states_end(self) -> bool:
        """Whether the end that the stream states is better than that of the last packet.

        In MP4 the duration of a sample is the step to the next one in the order of decoding
        (ISO/IEC 14496-12, 8.6.1.2). So it is not the duration of a picture.
        """
        return self.container.format.name.startswith("mov")


def open_video(
    path: str | Path,
    *,
    threads: int,
    options: dict[str, str] | None = None,
    descriptor: int | None = None,
    max_pixels: int | None = None,
) -> Opened:
    """Open a regular file and choose its video stream, to be decoded by `threads` threads.

    `options` are libavcodec's, for the decoder. If an open `descriptor` of the file is given, it is
    read, because `path` may name another file by now. Frames of more than `max_pixels` are not
    decoded.

    Raises:
        UnreadableVideo: not a file, not readable, not media, or without a video stream.
    """
    if descriptor is None:
        with _regular(path) as file:
            return open_video(
                path,
                threads=threads,
                options=options,
                descriptor=file.fileno(),
                max_pixels=max_pixels,
            )
    try:
        return _opened(path, threads, options, descriptor, max_pixels)
    except OSError as error:
        reason = f"it cannot be read: {error.strerror}"
        raise UnreadableVideo(str(path), reason) from error


def _opened(
    path: str | Path,
    threads: int,
    options: dict[str, str] | None,
    descriptor: int,
    max_pixels: int | None,
) -> Opened:
    ranged = RangedFile(descriptor, str(path)) if is_ranged(descriptor) else None
    container = _open(path, descriptor, ranged)
    try:
        stream = _video_stream(container, path, descriptor)
        _require_size(stream, path, max_pixels)
    except UnreadableVideo:
        container.close()
        raise
    context = stream.codec_context
    context.thread_type = "AUTO"
    context.thread_count = threads
    context.options = dict(options or {})
    if max_pixels is not None:  # for streams that grow
        context.options = {**context.options, "max_pixels": str(max_pixels)}
    # Without this flag, libav keeps columns that Theora and others mark as outside the picture, if
    # rows would not start at an aligned address after cropping.
    context.flags |= CodecFlags.unaligned
    rate = usable_rate(stream.average_rate, stream.guessed_rate, stream.base_rate)
    claims = _claims(container, stream)
    time_base = stream.time_base or 1 / rate
    begins = None if stream.start_time is None else stream.start_time * time_base
    leap_s = _CLOCK_LEAP_S if container.format.name in _CLOCKED else _LEAP_S
    crop = crop_of(
        descriptor,
        container.format.name,
        index=stream.index,
        track=stream.id,
        size=(stream.width, stream.height),
    )
    start = _start(container)
    return Opened(
        path, container, stream, time_base, rate, start, *claims, begins, leap_s, crop, ranged
    )


def coding_of(opened: Opened) -> str:
    """Return what `FrameSource.coding` says of an opened file."""
    context = opened.stream.codec_context
    sound = opened.container.streams.best("audio")
    heard = None if sound is None or sound.codec_context is None else sound.codec_context.codec
    container = opened.container.format.name.split(",")[0]
    return " ".join(
        [
            container,
            context.codec.canonical_name,
            context.pix_fmt or "-",
            "-" if heard is None else heard.canonical_name,
        ]
    )


def timecode_of(opened: Opened) -> str:
    """Return what `FrameSource.timecode` says of an opened file.

    libav gives it to the video stream (a track `tmcd` of QuickTime, a tag of Matroska), to the
    whole file (MXF), or to the track itself.
    """
    container = opened.container
    kept = [
        opened.stream.metadata,
        container.metadata,
        *(s.metadata for s in container.streams.data),
    ]
    for tags in kept:
        for name, said in tags.items():
            if name.lower() == "timecode" and _TIMECODE.fullmatch(said):
                return said.replace(".", ";")
    return ""


def recorded_at_of(opened: Opened) -> str:
    """Return what `FrameSource.recorded_at` says of an opened file."""
    return recorded_at([opened.container.metadata, opened.stream.metadata])


def _regular(path: str | Path) -> io.FileIO:
    try:
        return open_regular(path)
    except NotARegularFile as error:
        raise UnreadableVideo(str(path), "not a regular file") from error
    except OSError as error:
        raise UnreadableVideo(str(path), f"cannot be opened: {error.strerror}") from error
    except ValueError as error:
        raise UnreadableVideo(str(path), f"cannot be opened: {error}") from error


def _open(path: str | Path, descriptor: int, ranged: RangedFile | None = None) -> InputContainer:
    beginning = read_at(descriptor, _HEAD_BYTES, 0)
    if not beginning:
        raise UnreadableVideo(str(path), "empty file")
    if is_picture(beginning) and not may_be_motion_jpeg(beginning):
        raise UnreadableVideo(str(path), "a picture, not a video")
    options = dict(_OPTIONS)
    file: RangedFile | str = "fd:"
    if is_ranged(descriptor):
        file = ranged or RangedFile(descriptor, str(path))
    else:
        os.lseek(descriptor, 0, os.SEEK_SET)  # libav reads from the position of its descriptor
        options["fd"] = str(descriptor)
    try:
        return av.open(file, "r", options=options, metadata_errors="replace")
    except av.error.ArgumentError as error:
        reason = "not a video: a playlist, a text or another kind of file that is not read"
        raise UnreadableVideo(str(path), reason) from error
    except av.error.FFmpegError as error:
        if is_scrambled(read_at(descriptor, _SCRAMBLED_BYTES, 0)):
            raise UnreadableVideo(str(path), ENCRYPTED) from error
        raise UnreadableVideo(str(path), _refusal(error, beginning)) from error


def _refusal(error: av.error.FFmpegError, beginning: bytes) -> str:
    if not isinstance(error, av.error.InvalidDataError):
        return f"cannot be opened: {error.strerror}"
    if beginning[4:8] == b"ftyp":
        return "an MP4 without its index (moov): the recording or the copy was cut off"
    return "not a video: invalid data"


def _video_stream(container: InputContainer, path: str | Path, descriptor: int) -> VideoStream:
    """Return the stream that libav calls the main one, if it is a video that can be decoded."""
    if container.format.name.endswith("_pipe"):
        raise UnreadableVideo(str(path), "a picture, not a video")
    videos = [s for s in container.streams.video if not s.disposition & _PICTURES]
    if not videos:
        raise UnreadableVideo(str(path), _without_video(container))
    best = container.streams.best("video")
    stream = _moving(
        path, descriptor, videos, next((video for video in videos if video is best), videos[0])
    )
    if stream.codec_context is None:
        is_encrypted = _names_cipher(descriptor)
        reason = ENCRYPTED if is_encrypted else "its video codec is not supported"
        raise UnreadableVideo(str(path), reason)
    if stream.codec_context.codec_tag in _ENCRYPTED_TAGS or "enc_key_id" in stream.metadata:
        raise UnreadableVideo(str(path), ENCRYPTED)
    return stream


def _names_cipher(descriptor: int) -> bool:
    """Say whether the index of an MP4 (`moov`) has sample entries of encrypted pictures."""
    at = 0
    while len(head := read_at(descriptor, 16, at)) == 16 and head[4:8].isalnum():
        size = int.from_bytes(head[:4], "big")
        size = int.from_bytes(head[8:], "big") if size == 1 else size
        if head[4:8] == b"moov":
            index = read_at(descriptor, min(size or _MOST_INDEX_BYTES, _MOST_INDEX_BYTES), at)
            return any(tag.encode() in index for tag in _ENCRYPTED_TAGS)
        if size < 8:
            break
        at += size
    return False


def _without_video(container: InputContainer) -> str:
    if container.streams.audio:
        return "audio only: no video stream"
    return "a picture, not a video" if container.streams.video else "no video stream"


def _moving(
    path: str | Path, descriptor: int, videos: Sequence[VideoStream], best: VideoStream
) -> VideoStream:
    """Return the best stream, unless it has only a few pictures and another stream moves.

    If there are several streams, their packets are counted, because many containers do not state
    how many there are.
    """
    if len(videos) == 1:
        return best
    counts = dict.fromkeys((video.index for video in videos), 0)
    is_file = not is_ranged(descriptor)
    position = os.lseek(descriptor, 0, os.SEEK_CUR) if is_file else 0  # both containers share it
    with _open(path, descriptor) as container, suppress(av.error.FFmpegError):
        for packet in container.demux(*(container.streams[index] for index in counts)):
            counts[packet.stream_index] += packet.size > 0
            if counts[best.index] > _MANY // _SHARE or max(counts.values()) >= _MANY:
                break
    if is_file:
        os.lseek(descriptor, position, os.SEEK_SET)
    most = max(videos, key=lambda video: counts[video.index])
    few = max(_FEW, counts[most.index] // _SHARE)
    return most if counts[best.index] <= few < counts[most.index] else best


def _require_size(stream: VideoStream, path: str | Path, max_pixels: int | None) -> None:
    """Refuse frames that are too large to be decoded."""
    size = f"{stream.width}x{stream.height}"
    if max(stream.width, stream.height) > _LONGEST_SIDE:
        raise UnreadableVideo(str(path), f"{size} pixels; at most {_LONGEST_SIDE} a side are read")
    if max_pixels is not None and stream.width * stream.height > max_pixels:
        what = f"{max_pixels} pixels a frame, with {size}"
        raise UnreadableVideo(str(path), exceeds(what, "max_frame_pixels"))


def _start(container: InputContainer) -> Fraction | None:
    """Return the container's start time, exact; libav rounds it to the microsecond."""
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
    """Return the lengths that the file and the stream state; for raw streams libav guesses them."""
    if FormatFlags.no_timestamps in FormatFlags(container.format.flags):
        return None, None
    stated = (container.duration or 0) * _MICROSECOND
    claim = stated if stated > 0 else None
    if not stream.duration or stream.duration < 0 or not stream.time_base:
        return claim, None
    own = stream.duration * stream.time_base
    # If a stream states nothing, libav gives it the length of the file (libavformat/demux.c,
    # `fill_all_stream_timings`), in which the sound may be longer than the picture.
    is_given = len(container.streams) > 1 and abs(own - stated) <= max(
        stream.time_base, _MICROSECOND
    )
    return claim, None if is_given and not container.format.name.startswith("mov") else own
