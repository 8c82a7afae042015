"""The verb `verify`: whether what is stored agrees with itself and with the videos."""

import argparse
from collections.abc import Iterator

from clipseek.assembly import open_existing, open_places
from clipseek.config import Settings
from clipseek.embedding import models as known_models
from clipseek.service import Service
from clipseek.video.opening import video_opener
from indexer.originals import Checked, Originals
from indexer.output import counted, emit, note, say
from indexer.verification import problems

MEND = (
    "`indexer build --collection NAME` makes a snapshot again, "
    "`indexer ingest FILE --force --collection NAME` a video with its thumbnails"
)


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Check that what is stored agrees with itself and with the files; exit 1 and say it else."""
    service = open_existing(settings)
    checked = Checked()
    count = 0
    try:
        for problem in _problems(service, checked, deep=options.deep):
            count += 1
            if options.json:
                emit({"problem": problem})
            else:
                say(problem)
    finally:
        service.close()
    if not options.json:
        note(f"{counted(count, 'problem')} found; {MEND}" if count else "everything agrees")
        if not options.deep and checked.opened < checked.videos:
            note(
                f"{checked.opened} of {counted(checked.videos, 'video')} and "
                f"{counted(checked.thumbnails, 'thumbnail')} were compared with their files; "
                "`indexer verify --deep` decodes all again"
            )
        if checked.without_frames:
            note(
                f"frame vectors of {counted(checked.without_frames, 'video')} were not kept, and "
                "`--deep` does not compare them; with CLIPSEEK_KEEP_FRAME_VECTORS=true, `indexer "
                "ingest FILE --force` stores them"
            )
    return 1 if count else 0


def _problems(service: Service, checked: Checked, *, deep: bool) -> Iterator[str]:
    settings = service.settings
    yield from problems(service.catalog, service.thumbnails, service.indexes, checked)
    for model in sorted({each.model for each in service.catalog.collections()}):
        if damage := known_models.damage(model, settings.data_dir):
            yield damage
    with (
        video_opener(settings.model_copy(update={"decode": "fast"})) as fast,
        video_opener(settings.model_copy(update={"decode": "exact"})) as exact,
    ):
        for each in service.catalog.collections():
            originals = Originals(
                service.catalog,
                service.thumbnails,
                each.name,
                open_places(settings),
                fast,
                exact,
                checked,
            )
            if deep:
                yield from originals.all_problems(service.collections.models.get(each).embedder)
            else:
                yield from originals.problems(seed=each.version)
