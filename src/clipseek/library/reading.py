"""Parts of a view, read from the catalog."""

from collections.abc import Set as AbstractSet

from clipseek.library.facts import Facts
from clipseek.library.parts import VIDEOS_AT_ONCE, Delta, beside
from clipseek.library.tags import Tags
from clipseek.protocols import CatalogReader
from clipseek.table import SegmentTable


def delta_of(catalog: CatalogReader, name: str, dim: int, videos: AbstractSet[str]) -> Delta:
    """Make the part of the segments that some videos have now; removed ones have none."""
    ids = sorted(videos)
    some = [ids[start : start + VIDEOS_AT_ONCE] for start in range(0, len(ids), VIDEOS_AT_ONCE)]
    blocks = (block for asked in some for block in catalog.blocks(name, video_ids=asked))
    table, vectors = SegmentTable.of(blocks, dim)
    tagged = (each for asked in some for each in catalog.tagged(name, video_ids=asked))
    named = (each for asked in some for each in catalog.names(name, video_ids=asked))
    known = Tags.of(tagged, table.videos), Facts.of(named, table.videos)
    return beside(table, vectors, *known)


def known_of(catalog: CatalogReader, name: str, table: SegmentTable) -> tuple[Tags, Facts]:
    """Return the tags and the facts of the videos of a table."""
    tags = Tags.of(catalog.tagged(name), table.videos)
    return tags, Facts.of(catalog.names(name), table.videos)
