"""The order of the videos is read once for each version, not for each page."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from api.lists import KEPT, Lists
from clipseek.errors import VideoNotFound
from clipseek.listing import Order
from clipseek.testing import MemoryCatalog
from clipseek.types import Named
from tests.contracts.catalogs import DIM, a_video

NAME = "default"
MANY = 60


class Counting(MemoryCatalog):
    """A catalog that counts the names that are read, and how often videos are added up."""

    read = 0
    added = 0

    def names(self, collection: str, *, video_ids: Sequence[str] | None = None) -> Iterator[Named]:
        """Yield names, and count them."""
        for each in super().names(collection, video_ids=video_ids):
            self.read += 1
            yield each

    @contextmanager
    def consistent(self, collection: str) -> Iterator[MemoryCatalog]:
        """Yield this catalog, so that what is read of the moment is counted too."""
        with super().consistent(collection):
            yield self

    def counts(self, collection: str) -> tuple[int, int, float]:
        """Add up, and count that."""
        self.added += 1
        return super().counts(collection)


@pytest.fixture
def catalog() -> Counting:
    """Return a catalog of many videos."""
    made = Counting()
    made.ensure_collection(NAME, "demo", DIM, "print")
    for number in range(MANY):
        a_video(f"{number * 7 % MANY:04}", count=1 + number % 3).put_into(made)
    return made


def pages(lists: Lists, order: Order, query: str = "", limit: int = 7) -> list[str]:
    """Return the ids of all pages, one after the other."""
    found, after = list[str](), None
    while True:
        page = lists.page(NAME, order, query, after=after, limit=limit)
        found += [video.id for video in page.videos]
        if page.following is None:
            return found
        after = page.following


@pytest.mark.parametrize("order", ["newest", "title", "length"])
def test_all_pages_read_each_name_once(catalog: Counting, order: Order) -> None:
    """They are what one page of everything is, and another reading of them reads nothing."""
    lists = Lists(catalog)
    assert pages(lists, order) == pages(Lists(catalog), order, limit=MANY)
    assert catalog.read == 2 * MANY
    pages(lists, order)
    assert catalog.read == 2 * MANY


def test_another_version_is_read_again(catalog: Counting) -> None:
    """A new title is in its place at once, and a removed video is gone."""
    lists = Lists(catalog)
    assert pages(lists, "title")[0] == "0000"
    catalog.edit(NAME, "0003", title="a first one")
    assert pages(lists, "title")[0] == "0003"
    catalog.remove(NAME, "0003")
    assert pages(lists, "title")[0] == "0000"
    assert catalog.read == 3 * MANY - 1


def test_after_a_video_that_the_words_do_not_find_any_more(catalog: Counting) -> None:
    """The page begins where it would be."""
    lists = Lists(catalog)
    first = lists.page(NAME, "title", "video", after=None, limit=3)
    assert first.following == "0002"
    catalog.edit(NAME, "0002", title="vid")
    page = lists.page(NAME, "title", "video", after="0002", limit=3)
    assert [video.id for video in page.videos] == ["0000", "0001", "0003"]


def test_after_a_video_that_is_gone(catalog: Counting) -> None:
    """There is no next page."""
    with pytest.raises(VideoNotFound):
        Lists(catalog).page(NAME, "title", "", after="nope", limit=3)


def test_few_orders_are_kept(catalog: Counting) -> None:
    """The one that was not asked for the longest is read again."""
    lists = Lists(catalog)
    for number in range(KEPT + 1):
        lists.page(NAME, "title", f"{number:04}", after=None, limit=3)
    catalog.read = 0
    lists.page(NAME, "title", f"{KEPT:04}", after=None, limit=3)
    assert catalog.read == 0
    lists.page(NAME, "title", "0000", after=None, limit=3)
    assert catalog.read == MANY


def test_no_collection_has_no_page(catalog: Counting) -> None:
    """As of a new server."""
    assert Lists(catalog).page("other", "title", "", after=None, limit=3) == ([], None)


def test_videos_are_added_up_once_for_a_version(catalog: Counting) -> None:
    """And again after a change."""
    lists = Lists(catalog)
    before = lists.counts(catalog.collection(NAME))
    assert lists.counts(catalog.collection(NAME)) == before
    assert catalog.added == 1
    catalog.remove(NAME, "0003")
    assert lists.counts(catalog.collection(NAME))[0] == before[0] - 1
    assert catalog.added == 2
