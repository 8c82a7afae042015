"""A large index is not built again for a few more segments."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek.index import EXACT_UP_TO
from clipseek.library.view import View
from clipseek.publishing import FolderStore, build, few_beside
from clipseek.stored import SegmentBlock
from clipseek.testing import MemoryCatalog
from clipseek.types import Relevance, Scoring
from tests.contracts.catalogs import DIM, a_video
from tests.core.test_view import NAME, QUERIES, filled

SCORING = Scoring("b" * 64, 50.0, Relevance(1.0, 0.0, fitted=False))


class Counting(MemoryCatalog):
    """A catalog that counts the segments that are read of it."""

    read = 0

    def blocks(
        self, collection: str, *, video_ids: Sequence[str] | None = None, block: int = 4096
    ) -> Iterator[SegmentBlock]:
        """Yield segments, and count them."""
        for each in super().blocks(collection, video_ids=video_ids, block=block):
            self.read += len(each.ids)
            yield each


def some(_count: int) -> int:
    """Allow six segments beside an index."""
    return 6


@pytest.fixture
def catalog() -> Counting:
    """Return a catalog with three videos of three segments."""
    made = Counting()
    made.ensure_collection(NAME, "demo", DIM, "print")
    for name in "abc":
        a_video(name).put_into(made)
    return made


@pytest.fixture
def store(catalog: Counting, tmp_path: Path) -> FolderStore:
    """Return a store with an index of the catalog."""
    made = FolderStore(tmp_path)
    build(catalog, made, NAME, beside=some)
    catalog.read = 0
    return made


def test_few_segments_more_read_none(catalog: Counting, store: FolderStore) -> None:
    """The index stays, and a view finds the new ones beside it."""
    before = store.pointer(NAME)
    for name in "de":
        a_video(name).put_into(catalog)
        build(catalog, store, NAME, beside=some)
    assert catalog.read == 0
    assert store.pointer(NAME) == before
    view = View.open(catalog, store, NAME)
    assert (len(view), view.delta_size) == (15, 6)
    assert view.search(QUERIES, 20).ids.shape[1] == 15


def test_one_more_than_that_builds(catalog: Counting, store: FolderStore) -> None:
    """Then all segments are read, and the index is the last version."""
    for name in "def":
        a_video(name).put_into(catalog)
    assert build(catalog, store, NAME, beside=some).count == 18


def removed(catalog: MemoryCatalog) -> None:
    """Remove a video: the index would still have its vectors."""
    catalog.remove(NAME, "a")


def rescored(catalog: MemoryCatalog) -> None:
    """Compute every bias again: the index would still have those of before."""

    def bias(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.zeros(len(vectors), np.float32)

    catalog.rescore(NAME, SCORING, bias)


@pytest.mark.parametrize("change", [removed, rescored])
def test_what_an_index_must_not_keep_is_built_at_once(
    catalog: Counting, store: FolderStore, change: Callable[[MemoryCatalog], None]
) -> None:
    """However little has changed."""
    change(catalog)
    made = build(catalog, store, NAME, beside=some)
    assert made.version == catalog.collection(NAME).version


def test_another_kind_or_past_is_built_at_once(catalog: Counting, store: FolderStore) -> None:
    """As for an index that is current."""
    a_video("d").put_into(catalog)
    assert build(catalog, store, NAME, kind="ivf-flat", beside=some).count == 12
    other = filled("vwxyz")
    assert build(other, store, NAME, beside=some).count == 15


def test_a_hundredth_may_be_beside_a_large_index() -> None:
    """A small one is built for each video."""
    counts = (EXACT_UP_TO, EXACT_UP_TO + 1, 1_000_000)
    assert [few_beside(count) for count in counts] == [0, 1000, 10_000]
