"""What can be filtered by: folders by level and by prefix, and tags by use."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.library.facets import facets, offered
from clipseek.library.facts import Facts
from clipseek.library.parts import Part, beside
from clipseek.library.tags import Tags
from clipseek.stored import SegmentBlock
from clipseek.table import SegmentTable
from clipseek.types import Named

HOME = ["/home/ann/Videos/a/", "/home/ann/Videos/a/b/", "/home/ann/Videos/c/"]
ALL = ["/home/ann/Videos", *(folder[:-1] for folder in HOME)]
names = st.sampled_from(["a", "b", "a0", "é", "b c"])
folders = st.lists(names, max_size=4).map(lambda parts: "/" + "".join(f"{p}/" for p in parts))


@pytest.mark.parametrize(
    ("given", "prefix", "expected"),
    [
        pytest.param([HOME], "", ALL, id="all"),
        pytest.param([HOME], "/home/ann/Videos/", ALL, id="with a slash"),
        pytest.param([HOME[:1], HOME[1:]], "", ALL, id="of parts"),
        pytest.param([HOME], "/home/ann/Videos/a", [f[:-1] for f in HOME[:2]], id="a folder"),
        pytest.param([HOME], "/home/an", ALL, id="begun"),
        pytest.param([HOME], "/home/bob", [], id="no such"),
        pytest.param([[]], "", [], id="no video"),
        pytest.param([[""]], "", [], id="no folder"),
        pytest.param([["/", "/x/"]], "", ["/x"], id="the root"),
        pytest.param(
            [["s3://b/x/", "s3://b/y/"]], "", ["s3://b", "s3://b/x", "s3://b/y"], id="one"
        ),
        pytest.param([["/x/", "s3://b/", "s3://c/"]], "", ["/x", "s3://b", "s3://c"], id="places"),
    ],
)
def test_folders_are_offered(given: list[list[str]], prefix: str, expected: list[str]) -> None:
    """Up to the one that all of them are in, whichever part they are of."""
    assert offered(given, prefix, 100) == (expected, False)


def test_of_too_many_the_upper_ones_are_offered() -> None:
    """And it is said that there are more."""
    many = sorted(f"/v/{year}/{month:02}/" for year in range(2000, 2010) for month in range(1, 13))
    found, more = offered([many], "", 11)
    assert found == ["/v", *(f"/v/{year}" for year in range(2000, 2010))]
    assert more
    assert len(offered([many], "", 20)[0]) == 20
    assert offered([many], "/v/2003/1", 20) == (["/v/2003/10", "/v/2003/11", "/v/2003/12"], False)
    assert offered([many], "", 131)[1] is False


@given(st.sets(folders, min_size=1, max_size=12), st.integers(0, 6), st.integers(1, 30))
def test_what_is_offered_is_what_a_search_of_all_paths_finds(
    given: set[str], cut: int, most: int
) -> None:
    """Every folder that begins with the text and contains a video, from where they differ."""
    prefix = min(given)[:cut]
    begun = [folder for folder in given if folder.startswith(prefix)]
    parents = {
        folder[:end]
        for folder in begun
        for end in range(2, len(folder) + 1)
        if folder[end - 1] == "/"
    }
    within = {p for p in parents if not all(f.startswith(p) and f != p for f in begun)}
    shared = [p for p in parents if all(f.startswith(p) for f in begun)]
    within |= {max(shared, key=len)} if shared else set()
    expected = sorted(folder[:-1] for folder in within if folder.startswith(prefix))
    found, more = offered([sorted(given)], prefix, most)
    assert more == (len(expected) > most)
    assert set(found) < set(expected) if more else found == expected


def part(videos: dict[str, tuple[str, tuple[str, ...]]]) -> Part:
    """Return a part of videos, each with its folder and tags."""
    ids = sorted(videos)
    count = len(ids)
    block = SegmentBlock(
        ids=np.arange(1, count + 1),
        video_ids=np.array(ids),
        spans=np.zeros((count, 2)),
        best_times=np.zeros(count),
        biases=np.zeros(count, np.float32),
        vectors=np.ones((count, 1), np.float32),
    )
    table, vectors = SegmentTable.of([block], 1)
    tags = sorted({tag for _, own in videos.values() for tag in own})
    tagged = [(tag, [name for name in ids if tag in videos[name][1]]) for tag in tags]
    named = [Named(name, name, f"{videos[name][0]}{name}.mp4", 1.0, "") for name in ids]
    return beside(table, vectors, Tags.of(tagged, table.videos), Facts.of(named, table.videos))


def test_videos_that_are_gone_count_for_nothing() -> None:
    """Of a part, until it is built again; the most used tag comes first, then the alphabet."""
    base = part(
        {"a": ("/v/x/", ("sea", "city")), "b": ("/v/y/", ("sea",)), "c": ("/v/z/", ("old",))}
    )
    news = part({"b": ("/v/new/", ("city", "city2"))})
    found = facets([base.without({"b", "c"}), news], "", 10)
    assert found.folders == ["/v", "/v/new", "/v/x"]
    assert found.tags == [("city", 2), ("city2", 1), ("sea", 1)]
    assert (found.more_folders, found.more_tags) == (False, False)
    fewer = facets([base, news], "", 2)
    assert (len(fewer.folders), fewer.more_folders) == (2, True)
    assert (fewer.tags, fewer.more_tags) == ([("city", 2), ("sea", 2)], True)
    assert facets([replace(base, gone=np.ones(3, np.bool_))], "", 10).folders == []
