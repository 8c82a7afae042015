"""Files of a run are looked up in the catalog many at a time."""

from collections.abc import Sequence

from clipseek.ingest.indexed import AT_ONCE, Indexed
from clipseek.testing import MemoryCatalog
from clipseek.types import Video


class Counting(MemoryCatalog):
    """Knows every second file, and counts how often it is asked."""

    asked = 0

    def videos_at(self, collection: str, uris: Sequence[str]) -> dict[str, Video]:
        """Answer one statement."""
        self.asked += 1
        known = [uri for uri in uris if int(uri.removeprefix("/")) % 2 == 0]
        return {uri: Video(uri, uri, uri, 1.0, 1, 1, 1) for uri in known}


def test_many_files_are_few_statements() -> None:
    """Each file has its own answer, and a statement answers for hundreds."""
    catalog, uris = Counting(), [f"/{i}" for i in range(3 * AT_ONCE + 1)]
    indexed = Indexed(catalog, "default", uris)
    found = [indexed.at(uri) for uri in uris]
    assert [video.uri if video else None for video in found] == [
        uri if i % 2 == 0 else None for i, uri in enumerate(uris)
    ]
    assert catalog.asked == 4


def test_a_file_of_long_ago_is_looked_up_again() -> None:
    """A copy of a file that failed is read at the end of the run, and few answers are kept."""
    catalog, uris = Counting(), [f"/{i}" for i in range(10 * AT_ONCE)]
    indexed = Indexed(catalog, "default", uris)
    for uri in uris:
        indexed.at(uri)
    first = indexed.at(uris[0])
    assert first is not None
    assert (first.uri, catalog.asked) == ("/0", 11)
