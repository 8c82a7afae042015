"""The parts of an archive: ZIP files of some videos, written once and checked when they are read.

A part may come from anybody: names in it lead nowhere, lengths are compared with the file before
anything is allocated, and nothing in it is executed.
"""

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from pydantic import ValidationError

from clipseek.archive.lines import (
    PICTURE,
    CueLine,
    ObjectsLine,
    SegmentLine,
    TextLine,
    VideoLine,
)
from clipseek.archive.manifest import DamagedPart, Part
from clipseek.errors import ConfigError
from clipseek.files import open_regular
from clipseek.stored import FrameRows, SegmentRow, VideoRows
from clipseek.timed import Cue, TimedText
from clipseek.types import Span, Video

VIDEOS, SEGMENTS, FRAMES, TIMES = "videos.jsonl", "segments.npy", "frames.npy", "times.npy"
OBJECTS = "objects.npy"
"""Only in parts whose videos show objects."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a part. jpeg: None if there was none when the part was written."""

    tail: str
    jpeg: bytes | None


@dataclass(frozen=True, slots=True)
class Content:
    """The videos of a part, in the order of their ids, and the pictures of each."""

    rows: Sequence[VideoRows]
    pictures: Sequence[Sequence[Picture]]


@dataclass(slots=True)
class Writing:
    """A part that is being written."""

    path: Path
    lines: list[str] = field(default_factory=list)
    last: str = ""
    size: int = 0
    missing: int = 0
    _vectors: list[NDArray[np.int8]] = field(default_factory=list)
    _frames: list[NDArray[np.int8]] = field(default_factory=list)
    _times: list[NDArray[np.float32]] = field(default_factory=list)
    _objects: list[NDArray[np.int8]] = field(default_factory=list)
    _segments: int = 0
    _zip: zipfile.ZipFile = field(init=False)

    def __post_init__(self) -> None:
        self._zip = zipfile.ZipFile(self.path, "w", zipfile.ZIP_STORED)

    def add(self, rows: VideoRows, pictures: Sequence[bytes | None]) -> None:
        """Add a video and the picture of each of its segments, where there is one."""
        video = rows.video
        tails = [tail_of(row) for row in rows.segments]
        for tail, jpeg in dict(zip(tails, pictures, strict=True)).items():
            if jpeg is None:
                self.missing += 1
            else:
                self._write(f"thumbnails/{video.id}/{tail}", jpeg)
        self.lines.append(_line(rows, tails))
        self._vectors += [row.vector for row in rows.segments]
        self._segments += len(rows.segments)
        if rows.frames is not None:
            self._frames.append(rows.frames.vectors)
            self._times.append(rows.frames.times)
            self.size += rows.frames.vectors.nbytes + rows.frames.times.nbytes
        if rows.objects is not None and rows.objects.tracks:
            self._objects.append(rows.objects.vectors)
            self.size += rows.objects.vectors.nbytes
        self.size += len(self.lines[-1]) + sum(row.vector.nbytes for row in rows.segments)
        self.last = video.id

    def finish(self, dim: int) -> Part:
        """Write the rest, to the disk; return what the manifest says of the part."""
        none = np.empty((0, dim), np.int8)
        self._write(VIDEOS, "".join(self.lines).encode())
        self._write_array(SEGMENTS, np.stack(self._vectors) if self._vectors else none)
        self._write_array(FRAMES, np.concatenate([none, *self._frames]))
        self._write_array(TIMES, np.concatenate([np.empty(0, "<f4"), *self._times]))
        if self._objects:
            self._write_array(OBJECTS, np.concatenate(self._objects))
        self._zip.close()
        with self.path.open("rb+") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.seek(0, io.SEEK_END)
            os.fsync(file.fileno())
        return Part(
            name=self.path.name.removesuffix(".tmp"),
            bytes=size,
            sha256=digest,
            videos=len(self.lines),
            segments=self._segments,
            missing=self.missing,
            last=self.last,
        )

    def abandon(self) -> None:
        """Close the file of a part that is not finished."""
        self._zip.close()

    def _write(self, name: str, content: bytes) -> None:
        # Without the time of writing: the same content is the same file.
        self._zip.writestr(zipfile.ZipInfo(name), content)
        if name.startswith("thumbnails/"):
            self.size += len(content)

    def _write_array(self, name: str, array: NDArray[np.generic]) -> None:
        written = io.BytesIO()
        npy.write_array(written, np.ascontiguousarray(array), allow_pickle=False)
        self._write(name, written.getvalue())


def tail_of(row: SegmentRow) -> str:
    """Return the last part of the name of a segment's picture.

    A name of another form than `thumbnails.name_of` gives becomes one that no picture has.
    """
    tail = PurePosixPath(row.thumbnail).name
    return tail if PICTURE.fullmatch(tail) else f"{round(row.best_time * 1000):09d}-{'0' * 12}.jpg"


def is_picture(name: str, jpeg: bytes) -> bool:
    """Whether a JPEG is the one that its name says; any other could not be imported."""
    named = PICTURE.fullmatch(PurePosixPath(name).name)
    digest = hashlib.sha256(jpeg).hexdigest()[:12]
    return named is not None and named[1] == digest and jpeg[:2] == b"\xff\xd8"


def _line(rows: VideoRows, tails: Sequence[str]) -> str:
    video = rows.video
    segments = tuple(
        SegmentLine(
            field="picture",
            start=row.span.start,
            end=row.span.end,
            best_time=float(row.best_time),
            bias=float(row.bias),
            thumbnail=tail,
            begins_shot=bool(row.begins_shot),
        )
        for row, tail in zip(rows.segments, tails, strict=True)
    )
    line = VideoLine(
        id=video.id,
        uri=video.uri,
        title=video.title,
        duration=float(video.duration),
        width=video.width,
        height=video.height,
        size_bytes=video.size_bytes,
        state=video.state,
        reason=video.reason,
        tags=video.tags,
        indexed_at=video.indexed_at,
        stamp=video.stamp,
        frame_rate=video.frame_rate,
        coding=video.coding,
        timecode=video.timecode,
        recorded_at=video.recorded_at,
        # Nobody could say of a camera without a time what it saw when.
        stream=video.stream if video.recorded_at else "",
        frames=None if rows.frames is None else len(rows.frames.times),
        segments=segments,
        texts=tuple(
            TextLine.model_validate(
                {
                    "field": text.field,
                    "stamp": text.stamp,
                    "cues": tuple(CueLine(**cue._asdict()) for cue in text.cues),
                }
            )
            for text in rows.texts
        ),
        objects=None if rows.objects is None else ObjectsLine.of(rows.objects),
    )
    # A video without these has the line that it had before there were any.
    new = {"texts": rows.texts, "stream": line.stream, "objects": rows.objects}
    return line.model_dump_json(exclude={name for name in new if not new[name]}) + "\n"


def is_whole(folder: Path, part: Part) -> bool:
    """Whether a part is there as it was written."""
    try:
        with open_regular(folder / part.name, follow_links=False) as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == part.sha256
    except OSError:
        return False


def read(path: Path, part: Part, *, dim: int) -> Content:
    """Read and check a part, whatever its file is called.

    Raises:
        DamagedPart: it is damaged, or not what `indexer export` writes.
        ConfigError: it is missing.
    """
    try:
        with open_regular(path, follow_links=False) as file:
            size = file.seek(0, io.SEEK_END)
            if size != part.bytes:
                raise _damaged(path, f"it has {size} bytes, and the manifest says {part.bytes}")
            file.seek(0)
            if hashlib.file_digest(file, "sha256").hexdigest() != part.sha256:
                raise _damaged(path, "it has another SHA-256 than the manifest says")
            file.seek(0)
            with zipfile.ZipFile(file) as opened:
                return _content(opened, path, part, dim)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}; copy the whole folder again"
        ) from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise _damaged(path, f"it is not a part of an archive ({error})") from error


def _content(opened: zipfile.ZipFile, path: Path, part: Part, dim: int) -> Content:
    entries = {entry.filename: entry for entry in opened.infolist()}
    if len(entries) != len(opened.infolist()):
        raise _damaged(path, "two files in it have the same name")
    for entry in entries.values():
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise _damaged(path, f"{entry.filename!r} is compressed")
    if sum(entry.file_size for entry in entries.values()) > part.bytes:
        raise _damaged(path, "its files are longer than itself")
    for name in (VIDEOS, SEGMENTS, FRAMES, TIMES):
        if name not in entries:
            raise _damaged(path, f"it has no {name}")
    try:
        lines = [VideoLine.model_validate_json(line, strict=False) for line in _lines(opened)]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "a line"
        raise _damaged(path, f"{VIDEOS}: {where}: {first['msg']}") from error
    counts = len(lines), sum(len(line.segments) for line in lines)
    if counts != (part.videos, part.segments):
        raise _damaged(
            path,
            f"it has {counts[0]} videos and {counts[1]} segments, and the manifest says "
            f"{part.videos} and {part.segments}",
        )
    if not lines or lines[-1].id != part.last or any(a.id >= b.id for a, b in pairwise(lines)):
        raise _damaged(path, "its videos are not in the order of their ids")
    frames = sum(line.frames or 0 for line in lines)
    tracks = sum(len(line.objects.tracks) for line in lines if line.objects)
    if tracks and OBJECTS not in entries:
        raise _damaged(path, f"it has no {OBJECTS}")
    try:
        vectors = _array(opened, SEGMENTS, "i1", (counts[1], dim))
        seen = _array(opened, FRAMES, "i1", (frames, dim))
        times = _array(opened, TIMES, "<f4", (frames,))
        crops = np.empty((0, dim), np.int8)
        if tracks:
            crops = _array(opened, OBJECTS, "i1", (tracks, dim))
        rows = list(_rows(lines, vectors, seen, times, crops))
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    return Content(rows, [list(_pictures(opened, entries, path, line)) for line in lines])


def _lines(opened: zipfile.ZipFile) -> Iterator[bytes]:
    return (line for line in opened.read(VIDEOS).split(b"\n") if line)


def _array(opened: zipfile.ZipFile, name: str, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Read an array whose shape is known; raise ValueError if it has another one."""
    with opened.open(name) as file:
        version = npy.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"{name} is of version {version} of the .npy format, not 1.0")
        found = npy.read_array_header_1_0(file)
        if found != (shape, False, np.dtype(dtype)):
            raise ValueError(f"{name} must be {np.dtype(dtype)} {shape}, got {found[2]} {found[0]}")
        content = file.read()
    array = np.frombuffer(content, dtype)
    if array.size != int(np.prod(shape)):
        raise ValueError(f"{name} must have {int(np.prod(shape))} numbers, got {array.size}")
    array = array.reshape(shape)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has numbers that are not finite")
    if array.ndim == 2 and not (array.astype(np.float32) ** 2).sum(1).all():
        raise ValueError(f"{name} has a vector without a direction")
    return array


def _rows(
    lines: Sequence[VideoLine],
    vectors: NDArray[np.int8],
    seen: NDArray[np.int8],
    times: NDArray[np.float32],
    crops: NDArray[np.int8],
) -> Iterator[VideoRows]:
    done = shown = cut = 0
    for line in lines:
        end = done + len(line.segments)
        segments = tuple(
            SegmentRow(
                each.field,
                Span(each.start, each.end),
                each.best_time,
                each.bias,
                each.thumbnail,
                vectors[i],
                each.begins_shot,
            )
            for i, each in enumerate(line.segments, done)
        )
        frames = None
        if line.frames is not None:
            rows = slice(shown, shown + line.frames)
            frames = FrameRows(times[rows], seen[rows])
            shown += line.frames
        objects = None
        if line.objects is not None:
            last = cut + len(line.objects.tracks)
            objects = line.objects.rows(crops[cut:last])
            cut = last
        said = line.model_dump(exclude={"frames", "segments", "texts", "objects"})
        video = Video(**said, segments=end - done)
        yield VideoRows(video, segments, frames, tuple(map(_text, line.texts)), objects)
        done = end


def _text(line: TextLine) -> TimedText:
    cues = (Cue(cue.start, cue.end, cue.text, cue.language) for cue in line.cues)
    return TimedText(line.field, line.stamp, tuple(cues))


def _pictures(
    opened: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], path: Path, line: VideoLine
) -> Iterator[Picture]:
    """Yield the picture of each segment; a picture must be the one that its name says."""
    for segment in line.segments:
        entry = entries.get(f"thumbnails/{line.id}/{segment.thumbnail}")
        if entry is None:
            yield Picture(segment.thumbnail, None)
            continue
        jpeg = opened.read(entry)
        if not is_picture(segment.thumbnail, jpeg):
            raise _damaged(path, f"{entry.filename} is not the picture that its name says")
        yield Picture(segment.thumbnail, jpeg)


def _damaged(path: Path, problem: str) -> DamagedPart:
    return DamagedPart(path, problem)
