"""Boxes of fragmented MP4, as far as a player that joins in the middle needs them. Pure.

ISO/IEC 14496-12: a file is a sequence of boxes. A recording begins with `ftyp` and `moov`, and goes
on with fragments, each a `moof` and its `mdat`.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

HEAD = frozenset({b"ftyp", b"moov"})
FRAGMENT = frozenset({b"moof", b"mdat"})

_BASE_OFFSET, _DESCRIPTION, _DURATION, _SIZE, _FLAGS = 0x1, 0x2, 0x8, 0x10, 0x20
"""The fields that `tfhd` has, by its flags (8.8.7)."""
_OFFSET, _FIRST_FLAGS, _EACH_DURATION, _EACH_SIZE, _EACH_FLAGS = 0x1, 0x4, 0x100, 0x200, 0x400
"""The fields that `trun` has, by its flags (8.8.8)."""
_NO_SYNC = 0x10000
"""`sample_is_non_sync_sample` (8.8.3.1)."""


class Box(NamedTuple):
    """One box: what it is, where it begins and where it ends, in bytes."""

    kind: bytes
    start: int
    end: int


def boxes(read: Callable[[int, int], bytes], start: int, end: int) -> Iterator[Box]:
    """Yield the boxes that are whole; the last one may still be written.

    Args:
        read: Returns so many bytes from a place on. Only the first bytes of each box are read.
        start: The place of the first box.
        end: How many bytes there are.

    Raises:
        ValueError: this is not a sequence of boxes.
    """
    while start + 8 <= end:
        head = read(start, 16)
        size, kind = int.from_bytes(head[:4]), head[4:8]
        if size == 1:  # the size is behind the kind, in 64 bits
            size = int.from_bytes(head[8:16])
        if size < 8:
            raise ValueError(f"a box of {size} bytes is none")
        if start + size > end:
            return
        yield Box(kind, start, start + size)
        start += size


def is_complete(read: Callable[[int, int], bytes], size: int) -> bool:
    """Whether bytes are an MP4 as a player opens it: whole boxes, and those of a head."""
    try:
        found = list(boxes(read, 0, size))
    except ValueError:
        return False
    kinds = [box.kind for box in found]
    return bool(found) and kinds[0] == b"ftyp" and b"moov" in kinds and found[-1].end == size


def begins_with_keyframe(moof: bytes) -> bool:
    """Whether a player can begin with this fragment: its first frame needs no other one."""
    traf = _within(moof, b"moof", b"traf")
    if traf is None:
        return False
    tfhd, trun = _within(traf, b"traf", b"tfhd"), _within(traf, b"traf", b"trun")
    if tfhd is None or trun is None:
        return False
    flags = _first_flags(tfhd, trun)
    return flags is not None and not flags & _NO_SYNC


def codecs_of(moov: bytes) -> str | None:
    """Return the codec of a video as media types name it (RFC 6381), if browsers may know it."""
    if (found := re.search(rb"avcC\x01(.{3})", moov, re.DOTALL)) is not None:
        return f"avc1.{found[1].hex()}"
    if (found := re.search(rb"(hev1|hvc1).*?hvcC\x01(.{12})", moov, re.DOTALL)) is not None:
        return _hevc(found[1].decode(), found[2])
    return None


def _hevc(entry: str, profile: bytes) -> str:
    """Write the profile of a decoder configuration (ISO/IEC 14496-15, 8.3.3 and annex E.3)."""
    first, fits, limits, level = profile[0], profile[1:5], profile[5:11], profile[11]
    space = ("", "A", "B", "C")[first >> 6]
    reversed_bits = int(f"{int.from_bytes(fits):032b}"[::-1], 2)
    said = [entry, f"{space}{first & 0x1F}", f"{reversed_bits:X}", f"{'LH'[first >> 5 & 1]}{level}"]
    return ".".join(said + [f"{each:X}" for each in limits.rstrip(b"\0")])


def _within(data: bytes, outer: bytes, kind: bytes) -> bytes | None:
    """Return the first box of a kind in a box, or None."""
    if data[4:8] != outer:
        return None
    inner = boxes(lambda at, size: data[at : at + size], 8, len(data))
    found = next((box for box in inner if box.kind == kind), None)
    return None if found is None else data[found.start : found.end]


def _first_flags(tfhd: bytes, trun: bytes) -> int | None:
    """Return the flags of the first sample, or None if they are those of the file's `trex`."""
    fields = int.from_bytes(trun[9:12])
    at = 16 + (4 if fields & _OFFSET else 0)
    if fields & _FIRST_FLAGS:
        return int.from_bytes(trun[at : at + 4])
    if fields & _EACH_FLAGS:
        at += 4 * bool(fields & _EACH_DURATION) + 4 * bool(fields & _EACH_SIZE)
        return int.from_bytes(trun[at : at + 4])
    fields = int.from_bytes(tfhd[9:12])
    if not fields & _FLAGS:
        return None
    before = ((_BASE_OFFSET, 8), (_DESCRIPTION, 4), (_DURATION, 4), (_SIZE, 4))
    at = 16 + sum(size for flag, size in before if fields & flag)
    return int.from_bytes(tfhd[at : at + 4])
