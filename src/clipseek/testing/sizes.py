"""How many bytes the videos of a MemoryCatalog have, counted value by value."""

import json
from collections.abc import Iterable

from clipseek.testing.shelf import Stored


def bytes_of(key: str, videos: Iterable[Stored]) -> dict[str, int]:
    """Return the bytes of each part of the videos of the collection that has this key."""
    found = dict.fromkeys(("frame_vectors", "segments", "texts", "objects"), 0)
    for video in videos:
        rows = video.rows
        if rows.frames is not None:
            found["frame_vectors"] += rows.frames.times.nbytes + rows.frames.vectors.nbytes
        for row in rows.segments:
            texts = (key, video.video.id, row.field, row.thumbnail)
            # The id, four numbers and a truth value.
            found["segments"] += row.vector.nbytes + sum(len(text.encode()) for text in texts) + 41
        for text in rows.texts:
            found["texts"] += len(json.dumps(text.cues))
            found["texts"] += len(text.meaning.vectors) if text.meaning else 0
        if rows.objects is not None:
            found["objects"] += len(json.dumps(rows.objects.tracks)) + rows.objects.vectors.nbytes
    return found
