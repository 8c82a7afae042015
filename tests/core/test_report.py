"""Reports: groups of a map are found and named, costs are products, and a page is one safe file."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from clipseek.audit import Entry, Work
from clipseek.curation.report import Facts, page, sections, svg
from clipseek.curation.report.costs import Line, Use, project, read_prices, total
from clipseek.curation.report.mapping import Map, mapped
from clipseek.curation.report.queries import Unanswered
from clipseek.drifts import Compared, Drift
from clipseek.errors import ConfigError

EVIL = '<img src=x onerror="alert(1)">&"'
PRICES = {
    "currency": "EUR",
    "date": "2026-11-01",
    "source": "https://example.com/prices",
    "gb_month": {"videos": 0.02, "catalog": 0.2},
    "compute_hour": 0.5,
    "monthly": {"database": 90},
}
USE = Use({"catalog": 10**9, "videos": 50 * 10**9, "thumbnails": 5}, 100.0, 50.0, 720.0)


def a_map() -> Map:
    """Return a map of two groups around two sentences."""
    rng = np.random.default_rng(1)
    centres = np.eye(8, dtype=np.float32)[:2]
    vectors = np.repeat(centres, (30, 10), axis=0)
    vectors += 0.05 * rng.standard_normal(vectors.shape).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    bank = np.eye(8, dtype=np.float32)[[5, 1, 0]]
    return mapped(vectors, bank, ["nothing here", f"a sea {EVIL}", "a car"])


def facts() -> Facts:
    """Return facts in which every name tries to leave its place."""
    compared = Compared(2.0, 0.1, 0.5, True, False, (5, 9, 2), 4.0)
    drift = Drift(EVIL, "2026-W48", 3, 9, 9, 9, compared, compared, faults=("changed",))
    work = Work("default", "ingest", seconds=10.0, video_s=300.0, indexed=4, name=EVIL)
    return Facts(
        about=[("collection", EVIL)],
        hours={EVIL: {"2026-11-28": 1.5, "2026-11-29": 0.2}},
        days=["2026-11-28", "2026-11-29"],
        weeks=["2026-W47", "2026-W48"],
        tags={EVIL: [1, 3]},
        map=a_map(),
        no_map="",
        pictures=[[b"jpeg"]] * 12,
        drifts=[drift],
        index=[("kind", EVIL)],
        ingests=[Entry("2026-11-29T10:00:00Z", EVIL, "ingest", EVIL, "done", work=work)],
        use=USE,
        evaluated={"queries": 3, "video": {"R@1": 0.5}},
        captions=EVIL,
        service=[(EVIL, EVIL)],
        unanswered=Unanswered(4, 1, (EVIL,)),
    )


def test_groups_are_found_and_named() -> None:
    """By the sentence that fits them better than the rest, the largest group first."""
    found = a_map()
    named = {group.name: len(group.rows) for group in found.groups}
    first = [group.name for group in found.groups if 0 in group.rows]
    assert first == ["a car"]
    assert sum(named.values()) == 40
    of_sea = {int(found.of[row]) for row in range(30, 40)}
    assert not of_sea & {int(found.of[row]) for row in range(30)}
    assert list(named.values()) == sorted(named.values(), reverse=True)
    assert found.points.min() >= 0
    assert found.points.max() <= 1
    assert 0 < found.explained <= 1


def test_costs_are_amounts_times_prices(tmp_path: Path) -> None:
    """In twelve months there are seven times the hours: 100, and 12 times 50."""
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(PRICES))
    lines = project(USE, read_prices(file))
    assert lines == [
        Line("catalog stored", "GB", 0.2, 1.0, 7.0),
        Line("videos stored", "GB", 0.02, 50.0, 350.0),
        Line("indexing what comes", "h", 0.5, 10.0, 10.0),
        Line("database", "month", 90.0, 1, 1),
    ]
    assert total(lines) == pytest.approx((0.2 + 1 + 5 + 90, 1.4 + 7 + 5 + 90))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"date": "November"}, "date must be the day of the prices, such as 2026-11-01"),
        ({"source": ""}, "source must be a text"),
        ({"gb_month": {"vidoes": 1}}, r"unknown keys \['vidoes'\]"),
        ({"gb_month": {"videos": -1}}, "videos must be a number of 0 or more, got -1"),
        ({"compute_hour": True}, "compute_hour must be a number"),
        ({"monthly": []}, "monthly must be an object of numbers"),
        ({"price": 1}, r"unknown keys \['price'\]"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else None,
)
def test_a_wrong_price_file_is_refused(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    """With its name and what is wrong with it."""
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({**PRICES, **change}))
    with pytest.raises(ConfigError, match=f"prices.json: .*{said}"):
        read_prices(file)


def test_a_price_file_must_be_one(tmp_path: Path) -> None:
    """JSON, an object, and there."""
    file = tmp_path / "prices.json"
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_prices(file)
    file.write_text("[]")
    with pytest.raises(ConfigError, match="must be an object, got list"):
        read_prices(file)
    file.write_text("{")
    with pytest.raises(ConfigError, match="is not JSON"):
        read_prices(file)


class Tags(HTMLParser):
    """The elements of a page and what they load."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.loaded: set[str] = set()
        self.handlers: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.names.add(tag)
        self.handlers |= {name for name, _ in attrs if name.startswith("on")}
        self.loaded |= {str(value) for name, value in attrs if name in ("src", "href")}


def test_a_page_loads_and_runs_nothing() -> None:
    """Pictures are in it, links lead to its own sections, and no name becomes an element."""
    text = page(EVIL, EVIL, sections(facts()))
    tags = Tags()
    tags.feed(text)
    assert not tags.names & {"script", "link", "iframe", "object", "embed"}
    assert not tags.handlers
    assert all(each.startswith(("data:image/jpeg;base64,", "#s")) for each in tags.loaded)
    assert "default-src 'none'" in text
    assert "onerror=&quot;alert(1)&quot;" in text
    assert "@page{size:A4" in text
    assert not re.search(r"url\(|@import", text)


def test_what_is_not_known_is_said() -> None:
    """Of an empty library, each section says what to do."""
    nothing = replace(
        facts(), hours={}, days=[], weeks=[], tags={}, map=None, no_map="Too few.", pictures=[],
        drifts=[], ingests=[], evaluated=None, use=Use({"catalog": 5}, 0.0, 0.0, None),
        service=[], no_service="Not measured.",
    )  # fmt: skip
    found = sections(nothing)
    assert "Too few." in found["What is in the library"]
    assert "There is no video" in found["Hours by camera or folder and day"]
    assert "<code>indexer tags</code>" in found["Tags over time"]
    assert "--captions FILE.jsonl" in found["Search quality"]
    assert "No ingest" in found["Index and ingest"]
    assert "run <code>indexer drift</code>" in found["Drift"]
    assert "--prices FILE.json" in found["Storage and costs"]
    assert "Not measured." in found["Service"]


def test_the_figures_are_in_the_page(tmp_path: Path) -> None:
    """300 seconds of video in 10 s are 30 times as fast; 50 GB at 0.02 are 1."""
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(PRICES))
    found = sections(replace(facts(), prices=read_prices(file)))
    assert "30.0 x" in found["Index and ingest"]
    costs = found["Storage and costs"]
    assert "Prices of 2026-11-01, from https://example.com/prices." in costs
    assert "Without a price: thumbnails." in costs
    assert "<td class=r>96.20</td>" in costs
    assert '<td class="fault">changed</td>' in found["Drift"]
    assert "R@1" in found["Search quality"]
    assert "1 of the 4 latest queries (25%)" in found["Queries that find nothing"]
    assert found["What is in the library"].count("<img") == len(a_map().groups)


@pytest.mark.parametrize(
    "drawn",
    [
        svg.bars([(EVIL, 2.0, EVIL), ("b", 0.0, "none")]),
        svg.lines([(EVIL, [1.0, 2.0]), ("b" * 60, [0.0, 5.0])], ["W1", EVIL]),
        svg.scatter([(0.0, 1.0, 0), (0.5, 0.5, 1)], [EVIL, "b"]),
        svg.grid([(EVIL, [0.0, 3.0])], [EVIL, "b"]),
        svg.histogram([1, 5, 0], 3.0, 9.0, EVIL),
        svg.bars([]),
        svg.grid([], []),
        svg.lines([], []),
    ],
    ids=["bars", "lines", "scatter", "grid", "histogram", "no bars", "no grid", "no lines"],
)
def test_plots_are_well_formed(drawn: str) -> None:
    """XML whose numbers are finite, and inside the picture."""
    (root,) = ElementTree.fromstring(drawn)  # noqa: S314  # our own
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for each in root.iter("rect"):
        assert -1 <= float(each.attrib.get("x", 0)) <= width
        assert float(each.attrib["width"]) >= 0
        assert float(each.attrib.get("y", 0)) <= height
    for each in root.iter("line"):
        assert 0 <= float(each.attrib["x1"]) <= width
    assert "nan" not in drawn


def test_axes_end_at_round_numbers() -> None:
    """1, 2, 2.5 or 5 times a power of ten."""
    assert [svg.nice(value) for value in (0.9, 1.0, 1.2, 2.2, 30, 0.07)] == [1, 1, 2, 2.5, 50, 0.1]
    assert svg.shortened("/a/very/long/path/to/a/folder") == "…ery/long/path/to/a/folder"
