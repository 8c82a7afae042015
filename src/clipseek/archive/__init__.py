"""A collection as a folder of files, to move it to another catalog and to keep it safe.

    manifest.json     the collection, and each part with its length and SHA-256; written last
    part-00000.zip    some videos; not compressed
        videos.jsonl      a line for each video, with its segments
        segments.npy      int8 (S, dim): the vectors of all segments, in the order of the lines
        frames.npy        int8 (F, dim): the vectors of all sampled frames
        times.npy         float32 (F,): the times of these frames, in seconds
        thumbnails/VIDEO/MILLISECONDS-HASH.jpg
    curation.json     rules, samples and decisions, if there are any

Vectors are stored bit for bit as the catalog has them (see `catalog.codes`). Indexes are not part
of it: they are built from the catalog.
"""

from clipseek.archive.exporting import Export
from clipseek.archive.importing import Import
from clipseek.archive.manifest import Manifest, Origin, Part
from clipseek.archive.receiving import Received, prefix_of, receive, sender_of

__all__ = [
    "Export",
    "Import",
    "Manifest",
    "Origin",
    "Part",
    "Received",
    "prefix_of",
    "receive",
    "sender_of",
]
