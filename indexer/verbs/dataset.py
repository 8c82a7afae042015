"""The verb `dataset`: frames and tags of a collection as a data set that other programs read."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from clipseek.assembly import open_existing, open_places
from clipseek.config import Settings
from clipseek.curating import CuratingReader, SegmentTag, TagState, settled_tags
from clipseek.datasets import DECIDED, Followed, Selection, Wanted, Written, write
from clipseek.datasets.pictures import as_it_is
from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.ledgers import open_curating_reader
from clipseek.live.naming import is_recorded
from clipseek.protocols import CatalogReader
from clipseek.rules import RuleNotFound
from clipseek.service import Service
from clipseek.stored import rounding_s
from clipseek.tracked import Track
from clipseek.types import Video
from clipseek.video.opening import video_opener
from indexer.captions import read_lines
from indexer.output import counted, emit, note, say
from indexer.redaction import redactor_of
from indexer.videos import all_videos

ALL: tuple[TagState, ...] = ("proposed", *DECIDED)
TRIES = 3
UNRECORDED = "it was not recorded, so it has no frames"


class _Sample(BaseModel):
    """A line of `sample --out`; the rest of it says why it was chosen."""

    model_config = ConfigDict(extra="ignore")

    video_id: str
    time: float = Field(ge=0, allow_inf_nan=False)


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Write the data set; exit 1 if a video had to be left out."""
    samples = None
    if options.samples is not None:
        samples = _samples(options.samples)
    exact = settings.model_copy(update={"decode": "exact"})
    with open_existing(settings) as service:
        kinds, redactor = redactor_of(settings, settings.collection)
        selection, tags, asked, objects = _selected(service, options, samples, kinds)
        wanted = [each for each in asked if is_recorded(each.video)]
        with video_opener(exact) as open_exact:
            written = write(
                options.folder.absolute(),
                options.format,
                selection,
                wanted,
                tags,
                objects=objects,
                left_out=_unrecorded(asked),
                places=open_places(settings),
                open_exact=open_exact,
                redact=as_it_is if redactor is None else redactor.redacted,
            )
    _tell(written, options)
    return 1 if written.dataset.left_out else 0


def _samples(path: Path) -> list[_Sample]:
    found = read_lines(path, _Sample.model_validate)
    if not found:
        raise ConfigError(f"{path} has no samples; `indexer sample --out {path}` writes some")
    return found


def _selected(
    service: Service,
    options: argparse.Namespace,
    samples: Sequence[_Sample] | None,
    redacts: tuple[str, ...],
) -> tuple[Selection, list[SegmentTag], list[Wanted], list[Followed]]:
    """Return what of the collection is written: tags, frames and objects of one version."""
    name = service.settings.collection
    with closing(open_curating_reader(service.settings)) as curating:
        for _ in range(TRIES):
            with service.catalog.consistent(name) as reader:
                collection = reader.collection(name)
                wanted = list(_wanted(reader, name, samples))
                stamps, objects = _objects(reader, name, wanted)
            chosen, tags = _labels(curating, name, options)
            if service.catalog.collection(name).version == collection.version:
                break
        else:
            raise ServiceUnavailable(
                f"collection {name!r} changes while it is read; wait for the ingest to end"
            )
    states = _states(options)
    selection = Selection(
        collection.name, collection.version, collection.model, chosen, states, redacts, stamps
    )
    return selection, tags, wanted, objects


def _unrecorded(asked: Sequence[Wanted]) -> dict[str, str]:
    """Return why videos without a file are left out, by id."""
    return {each.video.id: UNRECORDED for each in asked if not is_recorded(each.video)}


def _states(options: argparse.Namespace) -> tuple[TagState, ...]:
    return DECIDED if options.decided else ALL


def _labels(
    curating: CuratingReader, name: str, options: argparse.Namespace
) -> tuple[dict[str, str], list[SegmentTag]]:
    """Return the version of the rule of each tag that is wanted, by name, and these tags.

    What people have settled counts without a rule, too: labels that they have named, and what they
    have accepted for a rule that was removed. These have no version.

    Raises:
        RuleNotFound: neither a rule nor a decision has a name that is asked for.
    """
    versions = {rule.name: rule.version for rule in curating.rules(name)}
    said = curating.decisions(name)
    known = {*versions, *(each.rule for each in said), *(each.label for each in said if each.label)}
    for wanted in options.rule:
        if wanted not in known:
            raise RuleNotFound(wanted, name)
    states = _states(options)
    settled = {
        tag.id: tag
        for tag in settled_tags(said, versions)
        if tag.rule not in versions and tag.state in states
    }
    every = {**dict.fromkeys((tag.rule for tag in settled.values()), ""), **versions}
    chosen = {each: every.get(each, "") for each in options.rule or every}
    stored = curating.tags(name, rules=[each for each in chosen if each in versions], states=states)
    return chosen, [*stored, *(tag for tag in settled.values() if tag.rule in chosen)]


def _objects(
    reader: CatalogReader, name: str, wanted: Sequence[Wanted]
) -> tuple[tuple[str, ...], list[Followed]]:
    """Return the stamps of the detectors, and what they have found in the videos."""
    ids = {some.video.id for some in wanted}
    stamps: set[str] = set()
    found: list[Followed] = []
    for video_id, objects in reader.objects(name):
        if video_id in ids:
            stamps.add(objects.stamp)
            found += [_followed(video_id, track) for track in objects.tracks]
    return tuple(sorted(stamps)), found


def _followed(video_id: str, track: Track) -> Followed:
    left, top, right, bottom = track.boxes.astype(np.float64).T.tolist()
    edges = zip(left, top, right, bottom, strict=True)
    return Followed(
        video_id,
        track.label,
        track.confidence,
        track.span.start,
        track.span.end,
        dict(zip(track.times.tolist(), edges, strict=True)),
    )


def _wanted(
    reader: CatalogReader, name: str, samples: Sequence[_Sample] | None
) -> Iterator[Wanted]:
    """Yield the frames of each video, by id: those of the samples, or one of each segment."""
    if samples is None:
        for video in all_videos(reader, name):
            if is_recorded(video):
                segments = reader.segments(name, video.id)
                yield Wanted(video, [segment.best_time for segment in segments])
        return
    times: dict[str, list[float]] = {}
    for sample in samples:
        times.setdefault(sample.video_id, []).append(sample.time)
    videos = reader.videos_by_id(name, sorted(times))
    for video_id in sorted(times):
        video = _known(videos.get(video_id), video_id, name)
        last = max(times[video_id])
        if last > video.duration + rounding_s(last):
            raise ConfigError(
                f"--samples names {last:g} s of video {video_id}, which has {video.duration:g} s; "
                "`indexer sample` again"
            )
        yield Wanted(video, times[video_id])


def _known(video: Video | None, video_id: str, name: str) -> Video:
    if video is None:
        raise ConfigError(
            f"--samples names video {video_id}, which collection {name!r} does not have; "
            "`indexer sample` again"
        )
    return video


def _tell(written: Written, options: argparse.Namespace) -> None:
    dataset, folder = written.dataset, Path(options.folder)
    for video_id, reason in dataset.left_out.items():
        note(f"indexer: video {video_id} is left out: {reason}")
    if options.json:
        emit(
            {
                **dataset.info(),
                "format": options.format,
                "folder": str(folder),
                "videos": len(dataset.videos),
                "frames": len(dataset.pictures),
                "spans": len(dataset.tracks),
                "labels": len(dataset.labels),
                "left_out": dict(dataset.left_out),
                "bytes": written.bytes,
            }
        )
        return
    say(
        f"data set {dataset.name}: {counted(len(dataset.pictures), 'frame')} of "
        f"{counted(len(dataset.videos), 'video')}, {counted(len(dataset.labels), 'label')} of "
        f"{counted(len(dataset.selection.rules), 'tag')}, {written.bytes / 1e6:.1f} MB in {folder}"
    )
