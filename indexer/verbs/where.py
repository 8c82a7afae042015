"""The verb `where`: where in a video a sentence fits, frame by frame, as a video, JSON or COCO."""

import argparse
import json
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from clipseek import sampling
from clipseek.assembly import load_collection_model, open_existing
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.objects.coco import coco_of
from clipseek.objects.whereabouts import Whereabouts, painted, whereabouts
from clipseek.redaction import Redactor
from clipseek.service import Service
from clipseek.types import Video
from clipseek.video.opening import video_opener
from clipseek.video.writing import write_pictures
from indexer.noting import INTERRUPTED
from indexer.output import counted, emit, say
from indexer.redaction import redactor_of
from indexer.verbs.ingest import stopping_on_signal
from indexer.videos import named

_KINDS = "a video (.mp4), JSON (.json) or COCO (.coco.json, or coco.json)"


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Write where the sentence fits."""
    out: Path = options.out
    write = _writer(out)
    if options.side_by_side and out.suffix != ".mp4":
        raise ConfigError(f"--side-by-side needs a video to write, got --out {out}; name an .mp4")
    stop = threading.Event()
    with stopping_on_signal(stop) as interrupted, open_existing(settings) as service:
        collection = service.catalog.collection(settings.collection)
        video = named(service.catalog, collection.name, options.video)
        found = _Counted(_found(settings, service, video, options, stop))
        # What a collection redacts is blurred here too; JSON and COCO have no pictures.
        redactor = redactor_of(settings, collection.name)[1] or Redactor(())
        asked = _Asked(options.text, video, options.side_by_side, settings.sample_fps, redactor)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".where-") as folder:
            draft = Path(folder) / "draft"
            write(draft, found, asked)
            if interrupted.is_set():
                return INTERRUPTED
            draft.replace(out)
    if options.json:
        emit({"out": str(out), "frames": found.frames, "boxes": found.boxes})
    else:
        say(f"{out}: {counted(found.frames, 'frame')}, {found.boxes} with a box")
    return 0


def _found(
    settings: Settings,
    service: Service,
    video: Video,
    options: argparse.Namespace,
    stop: threading.Event,
) -> Iterator[Whereabouts]:
    """Read the video, and yield its frames."""
    collection = service.catalog.collection(settings.collection)
    model = load_collection_model(settings, collection)
    (vector,) = model.embedder.embed_texts([options.text])
    known = service.catalog.objects(collection.name, video_ids=[video.id])
    tracks = [track for _, objects in known for track in objects.tracks]
    source = service.places.look(video.uri)
    with (
        video_opener(settings, stop) as opener,
        source.open() as file,
        opener(video.uri, descriptor=file.fileno()) as opened,
    ):
        short_side = min(options.height, *opened.size)
        cuts = sampling.ShotCuts(opened.frame_rate)
        batches = opened.read(sampling.grid(settings.sample_fps), short_side=short_side, cuts=cuts)
        scoring = model.scoring_of(collection)
        yield from whereabouts(batches, model, vector, scoring, tracks, least=options.least)


class _Counted:
    """Counts frames, and those with a box, as they pass."""

    def __init__(self, found: Iterator[Whereabouts]) -> None:
        self._found = found
        self.frames = self.boxes = 0

    def __iter__(self) -> Iterator[Whereabouts]:
        for each in self._found:
            self.frames += 1
            self.boxes += each.box is not None
            yield each


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for, of which video, and how a video is written."""

    text: str
    video: Video
    beside: bool
    fps: float
    redactor: Redactor


Writer = Callable[[Path, Iterable[Whereabouts], _Asked], None]


def _writer(out: Path) -> Writer:
    """Return what writes a kind of file, by its name; raise ConfigError."""
    if out.name.endswith(".mp4"):
        return _write_video
    if out.name == "coco.json" or out.name.endswith(".coco.json"):
        return _write_coco
    if out.name.endswith(".json"):
        return _write_json
    raise ConfigError(f"--out must name {_KINDS}, got {str(out)!r}")


def _write_video(path: Path, found: Iterable[Whereabouts], asked: _Asked) -> None:
    shown = (replace(one, pixels=asked.redactor.redacted(one.pixels)) for one in found)
    pictures = ((one.time, painted(one, beside=asked.beside)) for one in shown)
    write_pictures(path, pictures, fps=asked.fps)


def _write_json(path: Path, found: Iterable[Whereabouts], asked: _Asked) -> None:
    video = asked.video
    said = {
        "video": {"id": video.id, "title": video.title, "uri": video.uri},
        "query": asked.text,
        "frames": [one.plain() for one in found],
    }
    path.write_text(json.dumps(said, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_coco(path: Path, found: Iterable[Whereabouts], asked: _Asked) -> None:
    video = asked.video
    size = video.width, video.height
    said = coco_of(found, name=asked.text, title=video.title, size=size)
    path.write_text(json.dumps(said, ensure_ascii=False) + "\n", encoding="utf-8")
