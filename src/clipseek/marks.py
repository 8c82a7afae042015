"""Mark: a tag on a span of a video, as a search knows it."""

from typing import Literal, NamedTuple, get_args

from clipseek.timed import Span

TagState = Literal["proposed", "accepted", "rejected", "corrected"]
TAG_STATES: tuple[TagState, ...] = get_args(TagState)


class Mark(NamedTuple):
    """A tag on the seconds [start, end) of a video, that rules propose or people have decided on.

    relevance: The highest of the segments in the span, in [0, 1]. No one has rejected it.
    """

    tag: str
    span: Span
    relevance: float
    state: TagState
