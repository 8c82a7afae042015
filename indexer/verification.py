"""Whether catalog, snapshots and thumbnails agree: each disagreement is one sentence."""

from collections.abc import Iterator

import numpy as np

from clipseek.protocols import CatalogReader
from clipseek.publishing import IndexStore
from clipseek.stored import SegmentBlock
from clipseek.thumbnails import Thumbnails
from clipseek.types import Collection
from indexer.originals import Checked

TOLERANCE_S = 1e-3
"""Times are stored as float32 and durations as float64."""
UNIT = 1e-5
"""Rows are read as unit vectors: sums of float32 are this exact."""


def problems(
    catalog: CatalogReader, thumbnails: Thumbnails, indexes: IndexStore, checked: Checked
) -> Iterator[str]:
    """Yield what is wrong in any collection, without a look at the videos' files."""
    for collection in catalog.collections():
        yield from _collection(catalog, collection, checked)
        yield from _texts(catalog, collection)
        yield from _snapshot(catalog, collection, indexes)
        for name in thumbnails.missing(catalog.thumbnails(collection.name)):
            yield f"{collection.name}: thumbnail {name} is missing or damaged"
    for key in catalog.leftovers():
        yield (
            f"{key}: the collection was removed, and its index and thumbnails may be there still; "
            "`indexer build` deletes them"
        )


def _collection(catalog: CatalogReader, collection: Collection, checked: Checked) -> Iterator[str]:
    """Check the rows of one collection among themselves."""
    segments = 0
    seen: dict[str, int] = {}
    for block in catalog.blocks(collection.name):
        segments += len(block)
        yield from _block(collection, block)
        ids, counts = np.unique(block.video_ids, return_counts=True)
        for video_id, count in zip(ids.tolist(), counts.tolist(), strict=True):
            seen[video_id] = seen.get(video_id, 0) + count
    after = ""
    while page := catalog.videos(collection.name, after=after):
        for video in page:
            after = video.id
            found = seen.pop(video.id, 0)
            if found != video.segments or not found:
                yield (
                    f"{collection.name}: video {video.id} says {video.segments} segments, "
                    f"{found} are stored"
                )
            times, vectors = catalog.frame_vectors(collection.name, video.id)
            checked.without_frames += not len(times)
            if len(times) != len(vectors) or (
                len(times) and times[-1] > video.duration + TOLERANCE_S
            ):
                yield f"{collection.name}: video {video.id} has frame times past its end"
            last = catalog.segments(collection.name, video.id)[-1:]
            if last and abs(last[0].span.end - video.duration) > TOLERANCE_S:
                yield f"{collection.name}: video {video.id} is not covered to its end"
    for video_id in seen:
        yield f"{collection.name}: segments of video {video_id} are stored, but the video is not"


def _texts(catalog: CatalogReader, collection: Collection) -> Iterator[str]:
    """Check that what videos say is said while they last."""
    ends = {video.id: video.duration for video in catalog.names(collection.name)}
    for video_id, text in catalog.texts(collection.name):
        late = sum(cue.end > ends.get(video_id, 0.0) + TOLERANCE_S for cue in text.cues)
        if late:
            yield (
                f"{collection.name}: video {video_id} has {late} of {len(text.cues)} texts of "
                f"field {text.field} past its end"
            )


def _block(collection: Collection, block: SegmentBlock) -> Iterator[str]:
    """Check what arrays can be checked at once."""
    norms = np.linalg.norm(block.vectors, axis=1)
    sound = np.isfinite(norms) & (abs(norms - 1) < UNIT) & np.isfinite(block.biases)
    inside = (block.spans[:, 0] <= block.best_times + TOLERANCE_S) & (
        block.best_times <= block.spans[:, 1] + TOLERANCE_S
    )
    for segment_id in block.ids[~sound].tolist():
        yield f"{collection.name}: segment {segment_id} has a vector whose length is not 1"
    for segment_id in block.ids[~inside].tolist():
        yield f"{collection.name}: segment {segment_id} has its best time outside its span"


def _snapshot(catalog: CatalogReader, collection: Collection, indexes: IndexStore) -> Iterator[str]:
    """Check what is published against its sums, and its rows against the catalog's."""
    damaged = indexes.damage(collection.key)
    yield from (f"{collection.name}: {problem}" for problem in damaged)
    if damaged:
        return
    opened = indexes.open(collection.key)
    if opened is None:
        return
    if opened.manifest.version > collection.version:
        yield (
            f"{collection.name}: the snapshot is of version {opened.manifest.version}, the catalog "
            f"of {collection.version}; was an older database restored? Run `indexer build`"
        )
    elif opened.manifest.version == collection.version:
        stored = np.concatenate(
            [block.ids for block in catalog.blocks(collection.name)] or [np.empty(0, np.int64)]
        )
        if not np.array_equal(np.sort(opened.ids), stored):
            yield f"{collection.name}: snapshot and catalog differ; run `indexer build`"
