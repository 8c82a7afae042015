"""The sections of a report: figures as tables and plots. What is not known is said."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from clipseek.audit import Entry
from clipseek.curation.report import costs, svg
from clipseek.curation.report.costs import Prices, Use
from clipseek.curation.report.mapping import Map
from clipseek.curation.report.page import paragraph, table
from clipseek.curation.report.queries import Unanswered
from clipseek.curation.report.queries import section as _queries
from clipseek.drifts import Compared, Drift

_MOST_ROWS = 15
_MOST_TAGS = 8
_NULLS = 9


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report is made of.

    about: Names and values of the summary. hours: Of video by group and day ("2026-11-29").
    tags: Of how many videos or spans of each week, by tag; tagged: what these are. map and pictures
    (JPEG, by group of the map), or why there is none. found: Figures of `indexer evaluate`, or
    None. index: Names and values of the snapshot. ingests: Those that have ended, the newest first.
    unanswered: Queries that find nothing. service: Names and values from Prometheus, or no_service.
    """

    about: Sequence[tuple[str, str]]
    hours: Mapping[str, Mapping[str, float]]
    days: Sequence[str]
    weeks: Sequence[str]
    tags: Mapping[str, Sequence[int]]
    map: Map | None
    no_map: str
    pictures: Sequence[Sequence[bytes]]
    drifts: Sequence[Drift]
    index: Sequence[tuple[str, str]]
    ingests: Sequence[Entry]
    use: Use
    prices: Prices | None = None
    unanswered: Unanswered = field(default_factory=Unanswered)
    evaluated: Mapping[str, object] | None = None
    captions: str = ""
    service: Sequence[tuple[str, str]] = ()
    no_service: str = ""
    notes: Sequence[str] = field(default=())


def sections(facts: Facts) -> dict[str, str]:
    """Return the sections as HTML, by their titles, in the order of the page."""
    return {
        "Summary": _summary(facts),
        "What is in the library": _map(facts),
        "Hours by camera or folder and day": _hours(facts),
        "Tags over time": _tags(facts),
        "Search quality": _quality(facts),
        "Queries that find nothing": _queries(facts.unanswered),
        "Index and ingest": _speed(facts),
        "Drift": _drift(facts),
        "Storage and costs": _costs(facts),
        "Service": _service(facts),
    }


def _summary(facts: Facts) -> str:
    notes = "".join(paragraph(note, "soft") for note in facts.notes)
    return (
        table(("", ""), facts.about).replace("<thead><tr><th></th><th></th></tr></thead>", "")
        + notes
    )


def _map(facts: Facts) -> str:
    if facts.map is None:
        return paragraph(facts.no_map)
    found = facts.map
    rows = zip(found.points.tolist(), found.of.tolist(), strict=True)
    points = [(float(x), float(y), int(group)) for (x, y), group in rows]
    drawn = svg.scatter(points, [group.name for group in found.groups])
    cards = "".join(
        f'<div class="card"><p><span class="dot" style="background:'
        f'{svg.COLOURS[i % len(svg.COLOURS)]}">{i + 1}</span>{escape(group.name)} '
        f'<span class="soft">{len(group.rows) / len(found.of):.0%}</span></p>'
        f'<div class="pictures">{"".join(map(_picture, facts.pictures[i]))}</div></div>'
        for i, group in enumerate(found.groups)
    )
    about = paragraph(
        f"Each of {len(found.of)} points is a segment. What is near to another looks alike to the "
        f"model; the two axes show {found.explained:.0%} of the variance. The colours are groups "
        "by all of it (spherical k-means), and the name of a group is the everyday sentence that "
        "fits it better than it fits the rest. It is a hint, not a tag.",
        "soft",
    )
    return f'{about}{drawn}<div class="cards">{cards}</div>'


def _picture(jpeg: bytes) -> str:
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}">'


def _hours(facts: Facts) -> str:
    totals = {group: sum(by_day.values()) for group, by_day in facts.hours.items()}
    if not totals:
        return paragraph("There is no video in this time.")
    largest = sorted(totals, key=lambda group: (-totals[group], group))
    shown = largest[:_MOST_ROWS]
    drawn = svg.bars([(group, totals[group], _hours_said(totals[group])) for group in shown])
    left = len(largest) - len(shown)
    more = paragraph(f"{left} more are not shown.", "soft") if left else ""
    if len(facts.days) < 2:
        return drawn + more
    cells = [(group, [facts.hours[group].get(day, 0.0) for day in facts.days]) for group in shown]
    head = f"<h3>The {len(facts.days)} newest days with videos, in UTC: the darker, the more</h3>"
    return drawn + more + head + svg.grid(cells, facts.days)


def _hours_said(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.1f} min"


def _tags(facts: Facts) -> str:
    if not facts.tags:
        return paragraph(
            "No video has a tag yet; `indexer ingest --tag` and `indexer tags` give some."
        )
    totals = {tag: sum(counts) for tag, counts in facts.tags.items()}
    most = sorted(totals, key=lambda tag: (-totals[tag], tag))
    said = table(
        ("tag", "videos and spans"),
        [(tag, str(totals[tag])) for tag in most[:_MOST_ROWS]],
        right=(1,),
    )
    if len(facts.weeks) < 2:
        return said
    series = [(tag, facts.tags[tag]) for tag in most[:_MOST_TAGS]]
    return svg.lines(series, facts.weeks) + said


def _quality(facts: Facts) -> str:
    if facts.evaluated is None:
        return paragraph(
            "Not measured: that needs queries with known answers. Give a file of them with "
            "`--captions FILE.jsonl`; `indexer evaluate` says what is in it."
        )
    rows = []
    for group in ("video", "moment", "absent", "without"):
        figures = facts.evaluated.get(group)
        if isinstance(figures, dict):
            rows += [(group, str(name), _number(value)) for name, value in figures.items()]
    said = f"{facts.evaluated['queries']} queries of {facts.captions}."
    return paragraph(said) + table(("of", "figure", "value"), rows, right=(2,))


def _number(value: object) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def _speed(facts: Facts) -> str:
    index = table(("index", ""), facts.index)
    rows, drawn = [], []
    for entry in facts.ingests:
        work = entry.work
        if work is None or not work.video_s or not work.seconds:
            continue
        speed = work.video_s / work.seconds
        videos = work.indexed + work.incomplete
        rows.append(
            (
                entry.at[:16].replace("T", " "),
                str(videos),
                str(work.failed),
                f"{work.video_s / 60:.1f}",
                f"{work.seconds:.0f}",
                f"{speed:.1f}",
            )
        )
        drawn.append((entry.at[:16].replace("T", " "), speed, f"{speed:.1f} x"))
    if not rows:
        return index + paragraph("No ingest that has indexed something is in the history.")
    titles = ("ingest, UTC", "videos", "failed", "minutes of video", "seconds", "times as fast")
    return (
        index
        + "<h3>Ingests: how many times as fast as the videos play</h3>"
        + svg.bars(drawn[:_MOST_ROWS])
        + table(titles, rows[:_MOST_ROWS], right=(1, 2, 3, 4, 5))
    )


def _drift(facts: Facts) -> str:
    if not facts.drifts:
        return paragraph("Not measured yet: run `indexer drift`, once a week.")
    newest: dict[str, Drift] = {}
    for each in facts.drifts:
        newest[each.group] = each
    ordered = sorted(newest.values(), key=lambda each: (not each.faults, each.group))
    head = ("camera or folder", "week", "content", "view", "bright", "sharp", "still", "repeats")
    cells = "".join(f"<th{' class=r' if i > 1 else ''}>{name}</th>" for i, name in enumerate(head))
    rows = "".join(_drift_row(each) for each in ordered[: 2 * _MOST_ROWS])
    said = (
        f"<table><thead><tr>{cells}<th>found</th></tr></thead><tbody>{rows}</tbody></table>"
        + paragraph(
            "content and view: the chance that a week without a change differs as much from the "
            "weeks before (p); “?” if there are too few videos to tell. An alarm is p ≤ 1/30 000.",
            "soft",
        )
    )
    compared = [(each, each.content) for each in ordered if each.content is not None][:_NULLS]
    if not compared:
        return said
    plots = "".join(_null(each, content) for each, content in compared)
    return (
        f"{said}"
        "<h3>Content: the week (line), and what chance gives (grey, the null distribution)</h3>"
        f'<div class="nulls">{plots}</div>'
    )


def _drift_row(found: Drift) -> str:
    cells = [found.group, found.week]
    cells += [
        _p(found.content),
        _p(found.view),
        f"{found.brightness:.2f}",
        f"{found.sharpness:.1f}",
    ]
    cells += [f"{found.still:.0%}", f"{found.repeats:.0%}"]
    written = "".join(
        f"<td{' class=r' if i > 1 else ''}>{escape(cell)}</td>" for i, cell in enumerate(cells)
    )
    faults = f'<td class="fault">{", ".join(found.faults)}</td>' if found.faults else "<td>–</td>"
    return f"<tr>{written}{faults}</tr>"


def _p(compared: Compared | None) -> str:
    if compared is None:
        return "–"
    return f"{compared.p:.1g}" if compared.can_tell else "?"


def _null(found: Drift, content: Compared) -> str:
    label = escape(svg.shortened(found.group, 30))
    said = f"distance {content.distance:.3f}, p {content.p:.1g}"
    drawn = svg.histogram(content.null, content.null_end, content.statistic, said)
    return f'<div class="card"><p>{label}, {escape(found.week)}</p>{drawn}</div>'


def _costs(facts: Facts) -> str:
    use = facts.use
    stored = [
        (name, f"{count / 1e6:,.1f} MB", _per_hour(count, use.hours))
        for name, count in use.bytes.items()
    ]
    said = table(("stored", "now", "an hour of video"), stored, right=(1, 2))
    coming = f"{use.hours_a_month:.2f} hours of video come a month, by the last 30 days."
    said += paragraph(coming)
    if facts.prices is None:
        return said + paragraph(
            "No costs: give prices with `--prices FILE.json`, with their date and source.", "soft"
        )
    lines = costs.project(use, facts.prices)
    unit = facts.prices.currency
    rows = [
        (
            line.what,
            f"{line.price:g} a {line.unit}",
            f"{line.now:,.3f}",
            f"{line.costs[0]:,.2f}",
            f"{line.later:,.3f}",
            f"{line.costs[1]:,.2f}",
        )
        for line in lines
    ]
    now, later = costs.total(lines)
    rows.append(("together", "", "", f"{now:,.2f}", "", f"{later:,.2f}"))
    titles = (
        "what",
        f"price, {unit}",
        "amount",
        f"{unit} a month",
        "in 12 months",
        f"{unit} a month",
    )
    left = sorted(set(use.bytes) - set(facts.prices.gb_month))
    said += "<h3>Costs a month, now and in twelve months</h3>"
    said += table(titles, rows, right=(1, 2, 3, 4, 5))
    said += paragraph(
        f"Prices of {facts.prices.date}, from {facts.prices.source}. In twelve months: if as much "
        "comes each month as now, and each hour takes as many bytes."
        + (f" Without a price: {', '.join(left)}." if left else ""),
        "soft",
    )
    return said


def _per_hour(count: int, hours: float) -> str:
    return f"{count / hours / 1e6:,.1f} MB" if hours else "-"


def _service(facts: Facts) -> str:
    if facts.no_service:
        return paragraph(facts.no_service)
    return table(("what", "value"), facts.service, right=(1,))
