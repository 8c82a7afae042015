"""Edit lists as OTIO, by the library OpenTimelineIO (the extra `otio`)."""

from collections.abc import Sequence
from importlib.util import find_spec

from clipseek.editlist.cuts import Cut, frames, length, origin, plain, standard, url


def is_installed() -> bool:
    """Whether the library is there."""
    return find_spec("opentimelineio") is not None


def otio(title: str, cuts: Sequence[Cut]) -> str:
    """Return the list: a timeline with the moments one after the other, each at its own rate.

    Raises:
        InvalidQuery: the frame rate of a video has no timecode.
    """
    from opentimelineio import adapters, opentime, schema

    def span(first: int, last: int, rate: float) -> opentime.TimeRange:
        start = opentime.RationalTime(first, rate)
        return opentime.TimeRange(start, opentime.RationalTime(last - first, rate))

    timeline = schema.Timeline(plain(title))
    track = schema.Track("V1", kind=schema.TrackKind.Video)
    timeline.tracks.append(track)
    for cut in cuts:
        (first, last), rate = frames(cut), float(standard(cut.rate))
        begins = origin(cut)
        whole = span(begins, begins + length(cut, last), rate)
        file = schema.ExternalReference(url(cut.uri), whole)
        clip = schema.Clip(plain(cut.title), file, span(begins + first, begins + last, rate))
        if cut.name:
            clip.metadata["clipseek"] = {"comment": plain(cut.name)}
        track.append(clip)
    return str(adapters.write_to_string(timeline, "otio_json"))
