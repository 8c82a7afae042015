"""Edit lists as FCPXML and OTIO, read back by other code."""

import json
import re
from fractions import Fraction
from xml.etree import ElementTree

import pytest

from clipseek import editlist
from clipseek.editlist import otio
from clipseek.editlist.cuts import Cut
from clipseek.editlist.fcpxml import fcpxml
from clipseek.errors import InvalidQuery
from tests.lacking import lacking

NTSC, FILM, PAL = Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25)
ODD = 'Über "night" & <day>\n\x0bpart\u2028two'
ONE_LINE = 'Über "night" & <day>  part two'
SEA = Cut(ODD, "/v/über sea.mp4", NTSC, 60.0, 65.0, 'a "red" car', 7200.0, 1920, 1080, True)
RULES = {
    # element: attributes, children in their order (Apple's FCPXMLv1_10.dtd, as far as it is used)
    "fcpxml": ("version!", "resources library"),
    "resources": ("", "(asset |format )*"),
    "format": ("id! name frameDuration width height", ""),
    "asset": (
        "id! name start duration hasVideo format hasAudio videoSources audioSources",
        "(media-rep )+",
    ),
    "media-rep": ("kind src!", ""),
    "library": ("", "(event )*"),
    "event": ("name", "(project )*"),
    "project": ("name", "sequence"),
    "sequence": ("format! duration tcStart tcFormat", "spine"),
    "spine": ("", "(asset-clip )*"),
    "asset-clip": ("ref! name offset start duration format tcFormat", "(note )?(conform-rate )?"),
    "note": ("", ""),
    "conform-rate": ("scaleEnabled srcFrameRate", ""),
}
CHOICES = {
    "tcFormat": {"DF", "NDF"},
    "scaleEnabled": {"0", "1"},
    "kind": {"original-media", "proxy-media"},
    "srcFrameRate": {
        *("23.98", "24", "25", "29.97", "30", "60", "47.95", "48", "50", "59.94"),
    },
}


def checked(text: str) -> ElementTree.Element:
    """Parse a list, and check it by the rules of the document type definition."""
    root = ElementTree.fromstring(text)  # noqa: S314 # our own text
    ids = [found for each in root.iter() if (found := each.get("id"))]
    assert len(ids) == len(set(ids))
    for each in root.iter():
        attributes, children = RULES[each.tag]
        names = attributes.replace("!", "").split()
        assert set(each.attrib) <= set(names)
        assert {name[:-1] for name in attributes.split() if name.endswith("!")} <= set(each.attrib)
        assert re.fullmatch(children.rstrip() + " ?", "".join(f"{kid.tag} " for kid in each))
        assert all(value in CHOICES.get(name, {value}) for name, value in each.attrib.items())
        assert all(each.get(name, ids[0]) in ids for name in ("ref", "format"))
    return root


def seconds(text: str | None) -> Fraction:
    """Read a time of FCPXML."""
    assert text is not None
    return Fraction(text.removesuffix("s"))


def test_an_fcpxml_says_what_a_cut_is() -> None:
    """The frames, the file, the format, the sound and the comment."""
    root = checked(fcpxml("reds", [SEA]))
    clip, asset = root.find(".//asset-clip"), root.find(".//asset")
    assert clip is not None
    assert asset is not None
    assert seconds(clip.get("start")) == 1798 / NTSC
    assert seconds(clip.get("duration")) == (1948 - 1798) / NTSC
    assert clip.get("tcFormat") == "DF"
    assert clip.findtext("note") == 'a "red" car'
    assert seconds(asset.get("duration")) == int(7200 * NTSC) / NTSC
    assert (asset.get("hasAudio"), asset.get("name")) == ("1", ONE_LINE)
    assert root.find(".//media-rep").attrib["src"] == "file:///v/%C3%BCber%20sea.mp4"  # type: ignore[union-attr] # it is there, by the rules
    shape = root.find(".//format")
    assert shape is not None
    assert (shape.get("frameDuration"), shape.get("width")) == ("1001/30000s", "1920")


@pytest.mark.parametrize(
    "rates", [(PAL, NTSC), (NTSC, PAL), (FILM, Fraction(60)), (Fraction(15), FILM, FILM)]
)
def test_an_fcpxml_of_mixed_rates_has_whole_frames(rates: tuple[Fraction, ...]) -> None:
    """A source is counted in its own frames, the project in those of the first video, gapless."""
    cuts = [Cut("a", f"/{n}.mp4", rate, 3.3, 7.77, "", 7.8) for n, rate in enumerate(rates)]
    root = checked(fcpxml("mixed", cuts))
    begun = Fraction(0)
    for clip, rate in zip(root.iter("asset-clip"), rates, strict=True):
        offset, start, duration = (seconds(clip.get(k)) for k in ("offset", "start", "duration"))
        assert offset == begun
        assert (offset * rates[0]).denominator == (duration * rates[0]).denominator == 1
        assert (start * rate).denominator == 1
        assert start == round(Fraction(3.3) * rate) / rate
        assert 0 <= round(Fraction(7.77) * rate) / rate - start - duration < 1 / rates[0]
        assert (clip.find("conform-rate") is not None) == (rate != rates[0])
        begun += duration
    assert seconds(root.find(".//sequence").attrib["duration"]) == begun  # type: ignore[union-attr] # it is there, by the rules


def test_an_fcpxml_lists_a_video_once() -> None:
    """Of two moments of one video, and one of another with the same shape."""
    other = Cut("b", "https://host/b.mp4", NTSC, 0.0, 1.0, "", 0.5, 1920, 1080)
    root = checked(fcpxml("x", [SEA, Cut(ODD, SEA.uri, NTSC, 1, 2, "", 1, 1920, 1080), other]))
    assert len(root.findall(".//format")) == 1
    assert [each.get("hasAudio") for each in root.iter("asset")] == ["1", None]
    assert [each.get("src") for each in root.iter("media-rep")][1] == "https://host/b.mp4"
    assert seconds(root.findall(".//asset")[1].get("duration")) == 30 / NTSC


def test_an_fcpxml_of_a_rate_without_timecode_is_refused() -> None:
    """Its frames cannot be named."""
    with pytest.raises(InvalidQuery, match=r"24\.92 frames"):
        fcpxml("x", [Cut("a", "/a", Fraction(2492, 100), 0, 1)])


def test_lists_count_from_the_timecode_of_a_video() -> None:
    """Where the file begins, and the moment in it."""
    cut = Cut("a", "/a.mp4", NTSC, 2.0, 4.0, duration=10.0, starts="01:00:00:00")
    hour = 3600 * 30 / NTSC
    root = checked(fcpxml("x", [cut]))
    asset, clip = next(root.iter("asset")), next(root.iter("asset-clip"))
    assert seconds(asset.get("start")) == hour
    assert seconds(clip.get("start")) == hour + 60 / NTSC
    assert (clip.get("tcFormat"), clip.get("offset")) == ("NDF", "0s")
    if not otio.is_installed():
        lacking("no opentimelineio; install it: pip install 'clipseek[otio]'")
    (told,) = json.loads(otio.otio("x", [cut]))["tracks"]["children"][0]["children"]
    ranges = told["source_range"], told["media_references"]["DEFAULT_MEDIA"]["available_range"]
    assert [each["start_time"]["value"] for each in ranges] == [108060, 108000]


def test_an_otio_says_what_cuts_are() -> None:
    """Read back by the library, and the text as JSON."""
    if not otio.is_installed():
        lacking("no opentimelineio; install it: pip install 'clipseek[otio]'")
    from opentimelineio import adapters

    text = otio.otio("reds", [SEA, Cut("b", "/b.mp4", PAL, 1.0, 3.0, "", 3.0)])
    timeline = adapters.read_from_string(text, "otio_json")
    first, second = timeline.find_clips()
    assert (timeline.name, first.name) == ("reds", ONE_LINE)
    assert first.source_range.start_time.value == 1798
    assert first.source_range.duration.value == 150
    assert first.source_range.duration.rate == float(NTSC)
    assert first.media_reference.target_url == "file:///v/%C3%BCber%20sea.mp4"
    assert first.media_reference.available_range.duration.value == int(7200 * NTSC)
    assert first.metadata["clipseek"]["comment"] == 'a "red" car'
    assert (second.source_range.start_time.value, second.source_range.duration.rate) == (25, 25.0)
    assert second.range_in_parent().start_time.to_seconds() == pytest.approx(float(150 / NTSC))
    assert json.loads(text)["OTIO_SCHEMA"] == "Timeline.1"


def test_only_installed_formats_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library there is no OTIO."""
    monkeypatch.setattr(otio, "find_spec", lambda _: None)
    assert list(editlist.formats()) == ["edl", "fcpxml"]
    monkeypatch.setattr(otio, "find_spec", lambda _: object())
    assert list(editlist.formats()) == ["edl", "fcpxml", "otio"]
