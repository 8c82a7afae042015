"""Blocks of segments: joined, taken and divided by video."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clipseek.stored import SegmentBlock
from clipseek.tagging.tags import segments_of
from clipseek.testing import MemoryCatalog
from tests.api.library import Library

ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.integers(1, 3)), max_size=9)


class Counted(np.ndarray[Any, np.dtype[np.str_]]):
    """Names that count how many of them were compared."""

    compared = 0
    __array_priority__ = 1.0  # so that what is joined of them counts too

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: NDArray[Any], **options: Any
    ) -> Any:
        Counted.compared += sum(np.size(each) for each in inputs)
        return getattr(ufunc, method)(*(np.asarray(each) for each in inputs), **options)


def block_of(rows: list[tuple[str, int, int]], first: int = 1) -> SegmentBlock:
    """Return segments of (video, start, seconds), each with a vector of its own."""
    ids = np.arange(first, first + len(rows))
    starts = np.array([row[1] for row in rows], np.float64)
    spans = np.stack([starts, starts + [row[2] for row in rows]], axis=1)
    return SegmentBlock(
        ids=ids,
        video_ids=np.array([row[0] for row in rows], np.str_),
        spans=spans,
        best_times=spans[:, 0],
        biases=ids.astype(np.float32),
        vectors=np.stack([ids, -ids], axis=1).astype(np.float32),
    )


@given(ROWS, ROWS)
def test_rows_keep_together(
    some: list[tuple[str, int, int]], others: list[tuple[str, int, int]]
) -> None:
    """Each video has its rows, in the order of time, after blocks were joined."""
    rows = [*some, *others]
    joined = SegmentBlock.joined([block_of(some), block_of(others, 1 + len(some))], dim=2)
    found = joined.by_video()
    assert set(found) == {row[0] for row in rows}
    for video, places in found.items():
        own = joined.taken(places)
        assert set(own.video_ids.tolist()) == {video}
        wanted = sorted(
            (start, start + seconds, number + 1)
            for number, (name, start, seconds) in enumerate(rows)
            if name == video
        )
        assert own.spans.tolist() == [[start, end] for start, end, _ in wanted]
        assert own.ids.tolist() == [number for *_, number in wanted]
        assert own.biases.tolist() == own.ids.tolist() == own.vectors[:, 0].tolist()
        assert own.best_times.tolist() == own.spans[:, 0].tolist()


def test_no_blocks_are_no_rows() -> None:
    """They have the length of vectors that is said."""
    none = SegmentBlock.joined([], dim=7)
    assert (len(none), none.vectors.shape, none.by_video()) == (0, (0, 7), {})


class Counting(MemoryCatalog):
    """A catalog whose names of videos count how often they are compared."""

    def blocks(
        self, collection: str, *, video_ids: Sequence[str] | None = None, block: int = 4096
    ) -> Iterator[SegmentBlock]:
        """Yield blocks as the catalog does."""
        for each in super().blocks(collection, video_ids=video_ids, block=block):
            yield replace(each, video_ids=each.video_ids.view(Counted))


def test_segments_are_sorted_by_video_in_one_pass(tmp_path: Path) -> None:
    """Names are compared with their neighbours once, not with the name of every video."""
    library = Library(tmp_path, Counting())
    ids = [f"v{number:02}" for number in range(20)]
    for each in ids:
        library.add(f"{each}.mp4", ["red", "blue"])
    Counted.compared = 0
    found = segments_of(library.catalog, "default", [*ids, "none"], with_objects=False)
    assert [found[each].spans.tolist() for each in ids] == [[[0, 2], [2, 4]]] * 20
    assert len(found["none"].spans) == 0
    assert 40 <= Counted.compared <= 4 * 40
