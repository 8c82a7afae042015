"""The folder of a data set: pictures first, then what is said of them, and at last what it has."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clipseek.curating import SegmentTag
from clipseek.datasets.dataset import Dataset, Followed, Picture, Selection, assembled
from clipseek.datasets.formats import PICTURES, format_of
from clipseek.datasets.pictures import NotTheSame, Redact, Wanted, as_it_is, taken
from clipseek.errors import ConfigError, UnreadableVideo
from clipseek.protocols import FrameSourceOpener
from clipseek.sources import Places

MANIFEST = "dataset.json"
"""Written last: a folder that has it is complete."""


@dataclass(frozen=True, slots=True)
class Written:
    """A data set that was written, and how many bytes it has."""

    dataset: Dataset
    bytes: int


def write(
    folder: Path,
    form: str,
    selection: Selection,
    wanted: Iterable[Wanted],
    tags: Sequence[SegmentTag],
    *,
    objects: Sequence[Followed] = (),
    left_out: Mapping[str, str] | None = None,
    places: Places,
    open_exact: FrameSourceOpener,
    redact: Redact = as_it_is,
    on_video: Callable[[str], None] = lambda _: None,
) -> Written:
    """Write a data set into a new or empty folder.

    The same catalog and the same videos give the same bytes. A video that cannot be read or has
    changed is left out, and the manifest says why.

    left_out: Why videos were left out before, by id.

    Raises:
        ConfigError: the folder has something in it, or the format is unknown or not installed.
        OSError: a file cannot be written.
    """
    files = format_of(form)
    _prepare(folder)
    pictures: list[Picture] = []
    videos, left_out = [], dict(left_out or {})
    for some in wanted:
        try:
            pictures += _pictures(folder, taken(some, places, open_exact, redact))
            videos.append(some.video)
        except _Unwritable as error:
            raise error.reason from error
        except (NotTheSame, UnreadableVideo, OSError) as error:
            left_out[some.video.id] = _reason(error)
        on_video(some.video.uri)
    dataset = assembled(selection, videos, pictures, tags, objects=objects, left_out=left_out)
    sizes = _write_rest(folder, form, dataset, files(dataset))
    return Written(dataset, sizes)


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"{folder} must be a new or empty folder; choose another one")
        (folder / PICTURES).mkdir()
    except NotADirectoryError as error:
        raise ConfigError(f"{folder} must be a new or empty folder, got a file") from error
    except FileExistsError as error:
        raise ConfigError(f"{folder} must be a new or empty folder, got a file") from error


class _Unwritable(Exception):
    """A picture could not be written: not a fault of its video."""

    def __init__(self, reason: OSError) -> None:
        self.reason = reason
        super().__init__(str(reason))


def _pictures(folder: Path, frames: Iterable[tuple[Picture, bytes]]) -> list[Picture]:
    """Write the pictures of one video, all or none."""
    found: list[Picture] = []
    try:
        for picture, content in frames:
            try:
                (folder / PICTURES / picture.file).write_bytes(content)
            except OSError as error:
                raise _Unwritable(error) from error
            found.append(picture)
    except Exception:
        for picture in found:
            (folder / PICTURES / picture.file).unlink(missing_ok=True)
        raise
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, UnreadableVideo):
        return error.reason
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)


def _write_rest(folder: Path, form: str, dataset: Dataset, contents: Mapping[str, bytes]) -> int:
    """Write the labels and then the manifest; return the bytes of the whole data set."""
    hashes = {f"{PICTURES}/{each.file}": each.content for each in dataset.pictures}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        hashes[name] = hashlib.sha256(content).hexdigest()
    manifest = {
        **dataset.info(),
        "format": form,
        "videos": len(dataset.videos),
        "frames": len(dataset.pictures),
        "spans": len(dataset.tracks),
        "labels": len(dataset.labels),
        "left_out": dict(dataset.left_out),
        "sha256": dict(sorted(hashes.items())),
    }
    text = json.dumps(manifest, ensure_ascii=True, indent=1)
    (folder / MANIFEST).write_text(f"{text}\n", encoding="ascii")
    return sum((folder / name).stat().st_size for name in [*hashes, MANIFEST])
