"""DecordFrames: the second reader, over decord; it can decode single frames."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import decord
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipseek.errors import UnreadableVideo
from clipseek.frames import FrameBatch
from clipseek.protocols import CutDetector
from clipseek.ranged import is_ranged, whole
from clipseek.timed import Cue
from clipseek.video.damage import Damage
from clipseek.video.picture import LUMA_SIZE, Turn, reduced_size
from clipseek.video.selection import Decoded, Requests, Shown, batches, shown

Picture = NDArray[np.uint8]

# decord 0.6 begins program streams at the second group of pictures, so every picture is a second
# early. For transport streams it gives wrong pictures, or none.
_MISREAD_FORMATS = {"mpeg", "mpegts"}
_REFUSAL = "decord cannot read this file right; the default decoder, pyav, reads it"
# decord keeps timestamps as float32, so each can be off by half of this share of itself. A request
# so near before a frame means that frame, because requests are made for frames.
_FLOAT32_STEP = Fraction(1, 2**23)
# Matroska and FLV keep milliseconds; decord computes times from them and the frame rate.
_SAME_S = 2e-3
# Longer than any video: a time beyond it is the mark of a missing timestamp.
_LONGEST_S = 1e8


def _from_ycc(red: float, blue: float) -> NDArray[np.float64]:
    """Return the matrix from Y, Cb, Cr to RGB for the weights of red and blue in Y."""
    green = 1 - red - blue
    to_blue, to_red = 2 * (1 - blue), 2 * (1 - red)
    return np.array(
        [[1, 0, to_red], [1, -blue * to_blue / green, -red * to_red / green], [1, to_blue, 0]]
    )


# ITU-R BT.601-7 and BT.709-6, sections 2 and 3 of both. The matrix is the right factor.
_FROM_601_TO_709 = (_from_ycc(0.2126, 0.0722) @ np.linalg.inv(_from_ycc(0.299, 0.114))).T.astype(
    np.float32
)


class DecordFrames:
    """A FrameSource over decord, for the containers that decord can index.

    decord does not say where the video stream begins in its file, ignores the aspect of pixels and
    mirrored display matrices, and opens what a playlist names. So libav reads the header, the first
    frame and the keyframes, and refuses what PyAVFrames refuses; decord decodes.

    `damage` names damaged keyframes, and where decord stopped because it could not decode a packet.
    decord does not report other damaged frames.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        threads: int = 1,
        descriptor: int | None = None,
        max_pixels: int | None = None,
    ) -> None:
        """Read the header of the file; `threads` threads will decode it.

        If an open `descriptor` of the file is given, it is read, because `path` may name another
        file by now. Frames of more than `max_pixels` are not decoded.

        Raises:
            UnreadableVideo: the file is not a video, or its first frames cannot be decoded.
        """
        # Not at the top, so that importing this module imports decord alone.
        from clipseek.video.pyav import PyAVFrames

        self._path = path
        self._held = ExitStack()
        if descriptor is not None and is_ranged(descriptor):  # decord reads files alone
            descriptor = self._held.enter_context(whole(descriptor)).fileno()
        self._descriptor = descriptor
        self._threads = threads
        self._is_taken = False
        self.damage = ""
        with PyAVFrames(path, descriptor=descriptor, max_pixels=max_pixels) as header:
            if header.container_format in _MISREAD_FORMATS:
                raise UnreadableVideo(str(path), _REFUSAL)
            # decord converts neither high dynamic range nor wide gamut, and crops nothing.
            if header.tone.is_needed or header.is_cropped:
                raise UnreadableVideo(str(path), _REFUSAL)
            self.duration = header.duration
            self.frame_rate = header.frame_rate
            self.size = header.size
            self.coding = header.coding
            self.timecode = header.timecode
            self.recorded_at = header.recorded_at
            self.has_subtitles = header.has_subtitles
            self._first_time = header.first_time
            self._claimed_end = header.claimed_end
            self._claim = None if header.duration is None else Fraction(header.duration)
            self._turn = header.turn
            self._is_misread = header.has_matrix_of_hd
            self._survey = header.survey()
            # decord stretches every picture to the size of the first.
            if self._survey.changes_shape:
                raise UnreadableVideo(str(path), _REFUSAL)

    def cues(self) -> Iterator[list[Cue]]:
        """Yield the subtitles, which libav reads."""
        from clipseek.video.pyav import PyAVFrames

        self._take()
        with PyAVFrames(self._path, descriptor=self._descriptor) as opened:
            yield from opened.cues()

    def sound(self, *, longest_s: float) -> Iterator[NDArray[np.float32]]:
        """Yield the sound, which libav reads."""
        from clipseek.video.pyav import PyAVFrames

        self._take()
        with PyAVFrames(self._path, descriptor=self._descriptor) as opened:
            yield from opened.sound(longest_s=longest_s)

    def _take(self) -> None:
        if self._is_taken:
            raise RuntimeError(f"{self._path} was read already; open it again")
        self._is_taken = True

    def read(
        self,
        times: Iterable[float | Fraction],
        *,
        short_side: int | None = None,
        cuts: CutDetector | None = None,
    ) -> Iterator[FrameBatch]:
        """Yield the frames shown at the times, and with `cuts` those that begin a shot.

        Without `cuts`, only the requested frames are decoded, and the frames that they reference.

        Raises:
            UnreadableVideo: decord cannot index the file or decode any frame of it.
        """
        self._take()
        table = self._open(*reduced_size(self.size, short_side))
        chosen = _chosen(table, times) if cuts is None else _chosen_and_cuts(table, times, cuts)
        yield from batches(
            Shown(time, self._finished(picture), is_cut) for time, picture, is_cut in chosen
        )
        if table.end == 0:
            raise UnreadableVideo(str(self._path), _REFUSAL)
        self._conclude(table)

    def _finished(self, picture: Picture) -> Picture:
        """Return a picture of decord, upright, with the colours of the video."""
        if self._is_misread:
            picture = _of_hd(picture)
        return _unmirrored(picture, self._turn)

    def _open(self, width: int, height: int) -> "_Table":
        decord.logging.set_level(decord.logging.QUIET)
        path = str(Path(self._path).absolute())
        if self._descriptor is not None:
            path = f"/dev/fd/{self._descriptor}"
        try:
            reader = decord.VideoReader(path, width=width, height=height, num_threads=self._threads)
            spans = reader.get_frame_timestamp(range(len(reader))).astype(float)
        # decord raises any of these if it cannot index a file.
        except (
            decord.DECORDError,
            RuntimeError,
            AssertionError,
            IndexError,
            ValueError,
            StopIteration,
            UnicodeEncodeError,
        ) as error:
            raise UnreadableVideo(str(self._path), _REFUSAL) from error
        if not agrees(spans, self._survey.times):
            raise UnreadableVideo(str(self._path), _REFUSAL)
        return _Table(reader, spans - spans[0, 0], self._first_time, self._survey.damage)

    def _conclude(self, table: "_Table") -> None:
        """Replace the length that the container claims by the one that was found."""
        end = table.end
        if table.is_one_picture and self._claim is not None:
            end = max(end, self._claim)
        self.duration = float(end)
        claimed, reached = self._claimed_end, end
        if claimed is None:  # only the length of the whole file is known
            claimed, reached = self._claim, max(end, self._survey.reached)
        self.damage = table.damage.describe(claimed=claimed, reached=reached)

    def __enter__(self) -> "DecordFrames":
        return self

    def __exit__(self, *exc: object) -> None:
        """Close what was fetched: decord closes its file with the last reference to the reader."""
        self._held.close()


class _Table:
    """The frames of a video in decord; times in seconds from the start of the file."""

    def __init__(
        self,
        reader: "decord.VideoReader",
        spans: NDArray[np.float64],
        first_time: Fraction,
        damage: Damage,
    ) -> None:
        """Take frames, each shown from `spans[i, 0]` to `spans[i, 1]` after the first.

        `damage` is what is known before decoding.
        """
        self._reader = reader
        self._spans = spans
        self._first_time = first_time
        self._decoded = len(spans)
        self.damage = damage

    @property
    def end(self) -> Fraction:
        """When the last decodable frame ends; 0 if none could be decoded."""
        if self._decoded == 0:
            return Fraction(0)
        return self._first_time + Fraction(self._spans[self._decoded - 1, 1])

    @property
    def is_one_picture(self) -> bool:
        """Whether there is a single frame: it is shown until the end of the file."""
        return len(self._spans) == 1

    def frames(self) -> Iterator[Decoded[int]]:
        """Yield the index of each frame; its time is early by decord's rounding."""
        for index in range(self._decoded):
            yield Decoded(self.time(index) * (1 - _FLOAT32_STEP), index)

    def time(self, index: int) -> Fraction:
        """Return the time at which a frame begins."""
        return self._first_time + Fraction(self._spans[index, 0])

    def picture(self, index: int) -> Picture | None:
        """Decode a frame, uint8 (H, W, 3); None at the end of decoding."""
        try:
            picture: Picture = _unpadded(self._reader[index].asnumpy())
        except StopIteration:
            self._decoded = index
        except (decord.DECORDError, RuntimeError):
            self._decoded = index
            self.damage.stopped = f"decord stopped at {float(self.end):.1f} s, at a damaged packet"
        else:
            return picture
        return None


def agrees(spans: NDArray[np.float64], stamps: NDArray[np.float64]) -> bool:
    """Say whether decord found the frames of the container: as many, at the same times.

    decord ignores edit lists, ends where one file was joined to another, and returns the marks of
    missing timestamps. If the container has no timestamps, nothing can be compared.
    """
    if spans.ndim != 2 or not len(spans) or spans[0, 0] < 0:
        return False
    if not np.isfinite(spans).all() or spans.max() > _LONGEST_S:
        return False
    begins = spans[:, 0] - spans[0, 0]
    if (np.diff(begins) < 0).any():
        return False
    if not len(stamps):
        return True
    if len(stamps) != len(begins):
        return False
    exact = np.unique(stamps)
    if len(exact) != len(stamps):
        return False
    return bool((np.abs(begins - (exact - exact[0])) <= _SAME_S + exact * 2.0**-22).all())


def _chosen(table: _Table, times: Iterable[float | Fraction]) -> Iterator[Shown[Picture]]:
    """Choose frames by their times, and decode only those."""
    for _, index, is_cut in shown(table.frames(), Requests(times), end=lambda: table.end):
        picture = table.picture(index)
        if picture is None:
            return
        yield Shown(table.time(index), picture, is_cut)


def _chosen_and_cuts(
    table: _Table, times: Iterable[float | Fraction], cuts: CutDetector
) -> Iterator[Shown[Picture]]:
    """Decode all frames, and choose among them."""
    frames = shown(
        _decoded(table),
        Requests(times),
        end=lambda: table.end,
        is_cut=lambda decoded: cuts.is_cut(_luma(decoded.frame[1])),
    )
    for _, (index, picture), is_cut in frames:
        yield Shown(table.time(index), picture, is_cut)


def _decoded(table: _Table) -> Iterator[Decoded[tuple[int, Picture]]]:
    for time, index, _ in table.frames():
        picture = table.picture(index)
        if picture is None:
            return
        yield Decoded(time, (index, picture))


def _luma(picture: Picture) -> NDArray[np.uint8]:
    """Return the brightness of uint8 (H, W, 3) as a cut detector sees it, uint8 (36, 64)."""
    small = Image.fromarray(picture).resize(LUMA_SIZE, Image.Resampling.BOX)
    return np.asarray(small.convert("L"))


def _unpadded(picture: Picture) -> Picture:
    """Cut off the padding of the rows; in narrow pictures decord reports it as more channels."""
    height, width, channels = picture.shape
    if channels == 3:
        return picture
    return picture.reshape(height, -1)[:, : width * 3].reshape(height, width, 3)


def _of_hd(picture: Picture) -> Picture:
    """Convert uint8 (H, W, 3) RGB from the matrix of BT.601 to that of BT.709.

    decord assumes BT.601 if a video does not name its matrix.
    """
    return np.asarray(np.clip(np.rint(picture @ _FROM_601_TO_709), 0, 255), np.uint8)


def _unmirrored(picture: Picture, turn: Turn) -> Picture:
    """Mirror a picture that decord only rotated: it uses the angle of the matrix's first column."""
    if not turn.mirrored:
        return picture
    return picture[:, ::-1] if turn.transposed else picture[::-1]
