"""The crop that a container states: what to leave out at the edges of its pictures.

libav reads it (AV_PKT_DATA_FRAME_CROPPING), but its decoders do not apply it and PyAV does not pass
it on. So this module reads the few fields: PixelCrop of Matroska (RFC 9559, section 5.1.4.1.28) and
the clean aperture of ISO base media files (ISO/IEC 14496-12, 12.1.4). A field that makes no sense
means no crop: then too much is shown, and nothing is missing.
"""

import struct
from collections.abc import Iterator
from fractions import Fraction

from clipseek.ranged import is_ranged, read_at, size_of
from clipseek.video.picture import NO_CROP, Crop

# The headers of Matroska come before the first cluster. No more than this is searched for them.
_MATROSKA_BYTES = 1 << 20
_MOST_BOXES = 10_000
_SEGMENT, _TRACKS, _ENTRY, _VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0xE0
_CROPS = {0x54CC: "left", 0x54BB: "top", 0x54DD: "right", 0x54AA: "bottom"}
_UNKNOWN_SIZE = -1
# A visual sample entry has 78 bytes of its own before its boxes, after its header.
_SAMPLE_ENTRY = 78


class _File:
    """An open file, read at any position; the position from which libav reads on does not move."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def size(self) -> int:
        """Bytes."""
        return size_of(self._descriptor)

    def read(self, start: int, count: int) -> bytes:
        """Return at most `count` bytes from a position on."""
        return read_at(self._descriptor, count, start)


def crop_of(
    descriptor: int, container: str, *, index: int, track: int, size: tuple[int, int]
) -> Crop:
    """Read the crop of one stream.

    Args:
        descriptor: The open file.
        container: libav's name of the format.
        index: The number of the stream in the file, from 0.
        track: The id of the stream in the container.
        size: Width and height of its pictures as they are stored.
    """
    file = _File(descriptor)
    try:
        if container.startswith("matroska"):
            return _fitting(_of_matroska(file.read(0, _MATROSKA_BYTES), index), size)
        if container.startswith("mov"):
            return _fitting(_of_boxes(file, track, size), size)
    except OSError:
        if is_ranged(descriptor):
            raise  # what cannot be fetched is not a field without sense
    except (ValueError, IndexError, struct.error, ZeroDivisionError):
        return NO_CROP
    return NO_CROP


def _fitting(crop: Crop, size: tuple[int, int]) -> Crop:
    """Return the crop if its edges are inside the picture and something is left."""
    edges = (crop.left, crop.top, crop.right, crop.bottom)
    is_inside = crop.left + crop.right < size[0] and crop.top + crop.bottom < size[1]
    return crop if min(edges) >= 0 and is_inside else NO_CROP


# Matroska.


def _of_matroska(data: bytes, index: int) -> Crop:
    for name, start, end in _elements(data, 0, len(data)):
        if name == _SEGMENT:
            entries = [
                entry
                for found in _elements(data, start, end)
                if found[0] == _TRACKS
                for entry in _elements(data, *found[1:])
                if entry[0] == _ENTRY
            ]
            return _of_entry(data, *entries[index][1:])
    return NO_CROP


def _of_entry(data: bytes, start: int, end: int) -> Crop:
    edges = {
        _CROPS[name]: int.from_bytes(data[first:last], "big")
        for video in _elements(data, start, end)
        if video[0] == _VIDEO
        for name, first, last in _elements(data, *video[1:])
        if name in _CROPS
    }
    return Crop(**edges)


def _elements(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the id of each element (RFC 8794), and where its content begins and ends."""
    while start < end:
        name, start = _number(data, start, keep_marker=True)
        size, start = _number(data, start, keep_marker=False)
        stop = end if size == _UNKNOWN_SIZE else min(end, start + size)
        yield name, start, stop
        start = stop


def _number(data: bytes, start: int, *, keep_marker: bool) -> tuple[int, int]:
    """Read a number of variable length; return it, and the position behind it."""
    first = data[start]
    if not first:
        raise ValueError("not an EBML number")
    length = 9 - first.bit_length()
    value = int.from_bytes(data[start : start + length], "big")
    if not keep_marker:
        value &= (1 << 7 * length) - 1
        if value == (1 << 7 * length) - 1:
            value = _UNKNOWN_SIZE
    return value, start + length


# ISO base media files.


def _of_boxes(file: _File, track: int, size: tuple[int, int]) -> Crop:
    for kind, start, end in _boxes(file, 0, file.size):
        if kind == b"moov":
            for each, first, last in _boxes(file, start, end):
                if each == b"trak" and _track_id(file, first, last) == track:
                    return _of_track(file, first, last, size)
    return NO_CROP


def _track_id(file: _File, start: int, end: int) -> int:
    for kind, first, _ in _boxes(file, start, end):
        if kind == b"tkhd":
            version = file.read(first, 1)[0]
            return int.from_bytes(file.read(first + (20 if version == 1 else 12), 4), "big")
    return -1


def _of_track(file: _File, start: int, end: int, size: tuple[int, int]) -> Crop:
    for name in (b"mdia", b"minf", b"stbl", b"stsd"):
        found = next((box for box in _boxes(file, start, end) if box[0] == name), None)
        if found is None:
            return NO_CROP
        _, start, end = found
    for _, entry, last in _boxes(file, start + 8, end):
        for kind, first, _ in _boxes(file, entry + _SAMPLE_ENTRY, last):
            if kind == b"clap":
                return _of_aperture(struct.unpack(">IIIIiIiI", file.read(first, 32)), size)
    return NO_CROP


def _of_aperture(values: tuple[int, ...], size: tuple[int, int]) -> Crop:
    """Return the crop of a clean aperture: a size, and the offset of its middle."""
    width, height, right, down = (
        Fraction(values[i], values[i + 1]) for i in range(0, len(values), 2)
    )
    left = round((size[0] - width) / 2 + right)
    top = round((size[1] - height) / 2 + down)
    return Crop(left, top, size[0] - left - round(width), size[1] - top - round(height))


def _boxes(file: _File, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type of each box, and where its content begins and ends."""
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        length, kind = struct.unpack(">I4s", file.read(start, 8))
        begin = start + 8
        if length == 1:
            length = int.from_bytes(file.read(begin, 8), "big")
            begin += 8
        stop = end if length == 0 else start + length
        if stop < begin or stop > end:
            return
        yield kind, begin, stop
        start = stop
