"""Tags on spans, as a view knows them: which segments they meet, after any change."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clipseek.library.marks import Marks
from clipseek.marks import Mark
from clipseek.table import SegmentTable
from clipseek.timed import Span

VIDEOS = ("a", "b", "c")
spans = st.tuples(st.integers(0, 6), st.integers(1, 3)).map(lambda s: Span(s[0], s[0] + s[1]))
marks = st.lists(
    st.tuples(
        st.sampled_from((*VIDEOS, "gone")),
        st.builds(Mark, st.sampled_from("xy"), spans, st.just(0.5), st.just("proposed")),
    ),
    max_size=8,
)
rows = st.lists(st.tuples(st.sampled_from(VIDEOS), spans), min_size=1, max_size=8)


def table(segments: list[tuple[str, Span]]) -> SegmentTable:
    """Return a table of the segments, in this order."""
    ids = np.arange(len(segments))
    videos = np.array(VIDEOS)
    return SegmentTable(
        ids=ids,
        videos=videos,
        owners=np.searchsorted(videos, [video for video, _ in segments]).astype(np.int32),
        spans=np.array([(span.start, span.end) for _, span in segments], np.float64),
        best_times=np.zeros(len(ids)),
        biases=np.zeros(len(ids), np.float32),
    )


@given(marks, rows, st.sets(st.sampled_from("xyz"), min_size=1))
def test_a_segment_passes_if_it_overlaps_each_of_the_tags(
    known: list[tuple[str, Mark]], segments: list[tuple[str, Span]], tags: set[str]
) -> None:
    """Compared with each span of each tag, one by one; spans that only touch do not overlap."""
    expected = [
        all(
            any(
                owner == video
                and mark.tag == tag
                and mark.span.start < span.end
                and span.start < mark.span.end
                for owner, mark in known
            )
            for tag in tags
        )
        for video, span in segments
    ]
    found = Marks.of(known)

    assert found.met(tags, table(segments)).tolist() == expected
    assert [found.are_over(tags, *segment) for segment in segments] == expected


@given(marks, marks)
def test_tags_of_some_videos_are_replaced(
    before: list[tuple[str, Mark]], after: list[tuple[str, Mark]]
) -> None:
    """What is read again of some videos is what reading all again would give."""
    changed = {"a", "gone"}
    kept = [each for each in before if each[0] not in changed]
    news = [each for each in after if each[0] in changed]

    assert Marks.of(before).changed(changed, news) == Marks.of([*kept, *news])


def test_tags_are_counted_by_videos_and_spans() -> None:
    """The tag of the most videos is first; videos that are gone are left out."""
    x, y = (Mark(tag, Span(0, 1), 0.5, "accepted") for tag in "xy")
    found = Marks.of([("a", x), ("a", x), ("b", y), ("c", y)])

    assert found.counts() == [("y", 2, 2), ("x", 1, 2)]
    assert found.counts({"b", "c"}) == [("x", 1, 2)]
