"""Edit lists as FCPXML 1.10, for Final Cut Pro and DaVinci Resolve.

Elements, attributes and their order are those of Apple's document type definition FCPXMLv1_10.
"""

from collections.abc import Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from clipseek.editlist.cuts import (
    Cut,
    drops,
    frames,
    is_dropped,
    length,
    origin,
    plain,
    standard,
    url,
)

_CONFORMED = {
    Fraction(24000, 1001): "23.98",
    Fraction(24): "24",
    Fraction(25): "25",
    Fraction(30000, 1001): "29.97",
    Fraction(30): "30",
    Fraction(48000, 1001): "47.95",
    Fraction(48): "48",
    Fraction(50): "50",
    Fraction(60000, 1001): "59.94",
    Fraction(60): "60",
}
"""The rates that the definition lists for `conform-rate`."""


def fcpxml(title: str, cuts: Sequence[Cut]) -> str:
    """Return the list: a project with the moments one after the other.

    The project counts frames at the rate of the first moment. A moment with another rate plays at
    its own speed: `start` counts its own frames, `offset` and `duration` those of the project.

    Raises:
        InvalidQuery: the frame rate of a video has no timecode.
    """
    root = Element("fcpxml", version="1.10")
    resources = _Resources(SubElement(root, "resources"), cuts)
    event = SubElement(SubElement(root, "library"), "event", name=plain(title))
    project = SubElement(event, "project", name=plain(title))
    rate = standard(cuts[0].rate)
    sequence = SubElement(
        project, "sequence", format=resources.format(cuts[0]), tcStart="0s", tcFormat=_counted(rate)
    )
    spine = SubElement(sequence, "spine")
    begun = 0
    for cut in cuts:
        begun += _clip(spine, cut, resources, begun, rate)
    sequence.set("duration", _time(begun / rate))
    indent(root)
    text = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n{text}\n'


def _clip(spine: Element, cut: Cut, resources: "_Resources", begun: int, rate: Fraction) -> int:
    """Add one moment that begins at frame `begun` of the project; return its frames there."""
    first, last = frames(cut)
    own = standard(cut.rate)
    # Not rounded up: the end of the video may be the end of the moment.
    count = max(1, int((last - first) / own * rate))
    clip = SubElement(
        spine,
        "asset-clip",
        ref=resources.asset(cut),
        name=plain(cut.title),
        offset=_time(begun / rate),
        start=_time((origin(cut) + first) / own),
        duration=_time(count / rate),
        format=resources.format(cut),
        tcFormat="DF" if is_dropped(cut) else "NDF",
    )
    if cut.name:
        SubElement(clip, "note").text = plain(cut.name)
    if own != rate:
        conform = SubElement(clip, "conform-rate", scaleEnabled="0")
        if own in _CONFORMED:
            conform.set("srcFrameRate", _CONFORMED[own])
    return count


class _Resources:
    """The formats and the videos, each listed once."""

    def __init__(self, element: Element, cuts: Sequence[Cut]) -> None:
        """List those of all moments."""
        self._element = element
        self._ids: dict[object, str] = {}
        lasts: dict[str, int] = {}
        for cut in cuts:
            lasts[cut.uri] = max(lasts.get(cut.uri, 0), frames(cut)[1])
        for cut in cuts:
            if self._kind(cut) not in self._ids:
                self._add_format(cut)
            if cut.uri not in self._ids:
                self._add_asset(cut, length(cut, lasts[cut.uri]))

    def format(self, cut: Cut) -> str:
        """Return the id of the format of a moment."""
        return self._ids[self._kind(cut)]

    def asset(self, cut: Cut) -> str:
        """Return the id of the video of a moment."""
        return self._ids[cut.uri]

    def _kind(self, cut: Cut) -> tuple[Fraction, int, int]:
        return standard(cut.rate), cut.width, cut.height

    def _add_format(self, cut: Cut) -> None:
        kind, step = self._next(self._kind(cut)), _time(1 / standard(cut.rate))
        added = SubElement(self._element, "format", id=kind, frameDuration=step)
        if cut.width and cut.height:
            added.set("width", str(cut.width))
            added.set("height", str(cut.height))

    def _add_asset(self, cut: Cut, count: int) -> None:
        asset = SubElement(
            self._element,
            "asset",
            id=self._next(cut.uri),
            name=plain(cut.title),
            start=_time(origin(cut) / standard(cut.rate)),
            duration=_time(count / standard(cut.rate)),
            hasVideo="1",
            videoSources="1",
            format=self.format(cut),
        )
        if cut.has_sound:
            asset.set("hasAudio", "1")
            asset.set("audioSources", "1")
        SubElement(asset, "media-rep", kind="original-media", src=url(cut.uri))

    def _next(self, of: object) -> str:
        return self._ids.setdefault(of, f"r{len(self._ids) + 1}")


def _time(seconds: Fraction) -> str:
    """Return a time as the format writes it: a fraction of seconds."""
    return f"{seconds}s"


def _counted(rate: Fraction) -> str:
    return "DF" if drops(rate) else "NDF"
