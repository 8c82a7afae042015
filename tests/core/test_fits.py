"""How rules fit whole segments and the parts of them, and which segments a rule is for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.composition import Curves
from clipseek.relations import Relation, held
from clipseek.rules import Rule
from clipseek.tagging.fits import Asked, Seen, is_for, judged, relevance
from clipseek.types import Relevance
from clipseek.watches import Hours
from tests.core.test_relations import track

DIM = 4
EAST = Rule("beside", (), relation=Relation("cat", "car", "left_of"))
CURVES = Curves(10.0, Relevance(1.0, 0.0, fitted=True), 0.9)
TRACKS = st.lists(
    st.tuples(
        st.sampled_from(["cat", "car"]),
        st.dictionaries(st.integers(0, 20).map(float), st.sampled_from([0.2, 0.8]), min_size=1),
        st.sampled_from([0.5, 0.75, 1.0]),
    ),
    max_size=5,
)
LENGTHS = st.lists(st.sampled_from([0.5, 1.0, 3.0]), max_size=8)


@given(TRACKS, LENGTHS)
def test_segments_are_divided_where_a_relation_begins_or_ends(
    seen: list[tuple[str, dict[float, float], float]], lengths: list[float]
) -> None:
    """Each part is as sure as the surest boxes in it; a whole segment is as its surest part."""
    tracks = [
        track(label, {time: (x, 0.5) for time, x in sorted(middles.items())}, sure)
        for label, middles, sure in seen
    ]
    ends = np.cumsum(lengths)
    segments = np.stack([ends - lengths, ends], axis=1) if lengths else np.empty((0, 2))
    rows = np.zeros((len(lengths), DIM), np.float32)
    video = Seen(segments, rows[:, 0], rows, tracks)
    asked = Asked(EAST, rows[:0], rows[:0], rows[:0])
    assert EAST.relation is not None
    spells = held(EAST.relation, tracks)
    spans, fits = judged(asked, video, CURVES)
    edges = {edge for start, end, _ in spells for edge in (start, end)}
    assert {*spans.ravel().tolist()} == {
        *segments.ravel().tolist(),
        *(edge for edge in edges if len(ends) and 0 < edge < ends[-1]),
    }
    for (start, end), fit in zip(spans.tolist(), fits.tolist(), strict=True):
        sures = [sure for first, last, sure in spells if first < end and start < last]
        assert fit == max(sures, default=0.0)
    whole = relevance(asked, video, CURVES)
    for (start, end), fit in zip(segments.tolist(), whole.tolist(), strict=True):
        assert fit == max(fits[(spans[:, 0] >= start) & (spans[:, 1] <= end)])


@pytest.mark.parametrize(
    ("cameras", "hours", "stream", "recorded_at", "wanted"),
    [
        (None, None, "", "", [True, True]),
        (("yard",), None, "yard", "", [True, True]),
        (("yard",), None, "door", "", [False, False]),
        (None, "night", "", "", [False, False]),
        (None, "night", "", "2026-11-29T21:59:58Z", [False, True]),
        (("yard",), "night", "yard", "2026-11-29T21:59:58Z", [False, True]),
        (("yard",), "night", "door", "2026-11-29T21:59:58Z", [False, False]),
    ],
)
def test_a_rule_is_for_its_cameras_and_hours(
    cameras: tuple[str, ...] | None,
    hours: str | None,
    stream: str,
    recorded_at: str,
    wanted: list[bool],
) -> None:
    """Both must be right; a video without a time is in no hours."""
    night = Hours(start=22 * 60, end=6 * 60) if hours else None
    rule = replace(EAST, cameras=cameras, hours=night)
    assert is_for(rule, np.array([0.0, 2.0]), stream, recorded_at).tolist() == wanted
