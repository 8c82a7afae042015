"""Files of a run are looked up in the catalog many at a time."""

from collections.abc import Sequence
from pathlib import Path

from clipseek.testing import MemoryCatalog
from clipseek.types import Video
from indexer.indexed import AT_ONCE, Indexed


class Counting(MemoryCatalog):
    """Knows every second file, and counts how often it is asked."""

    asked = 0

    def videos_at(self, collection: str, uris: Sequence[str]) -> dict[str, Video]:
        """Answer one statement."""
        self.asked += 1
        known = [uri for uri in uris if int(uri.removeprefix("/")) % 2 == 0]
        return {uri: Video(uri, uri, uri, 1.0, 1, 1, 1, 1) for uri in known}


def test_many_files_are_few_statements() -> None:
    """Each file has its own answer, and a statement answers for hundreds."""
    catalog, paths = Counting(), [Path(f"/{i}") for i in range(3 * AT_ONCE + 1)]
    indexed = Indexed(catalog, "default", paths)
    found = [indexed.at(path) for path in paths]
    assert [video.uri if video else None for video in found] == [
        str(path) if i % 2 == 0 else None for i, path in enumerate(paths)
    ]
    assert catalog.asked == 4


def test_a_file_of_long_ago_is_looked_up_again() -> None:
    """A copy of a file that failed is read at the end of the run, and few answers are kept."""
    catalog, paths = Counting(), [Path(f"/{i}") for i in range(10 * AT_ONCE)]
    indexed = Indexed(catalog, "default", paths)
    for path in paths:
        indexed.at(path)
    first = indexed.at(paths[0])
    assert first is not None
    assert (first.uri, catalog.asked) == ("/0", 11)
