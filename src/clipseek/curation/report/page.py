"""The page of a report: one file that needs no other host, and that prints on A4."""

import re
from collections.abc import Mapping, Sequence
from html import escape

_STYLE = """
:root{--ink:#1d2429;--soft:#5b6770;--line:#dde2e6;--accent:#0072b2}
*{box-sizing:border-box}
body{margin:0 auto;padding:24px 20px 60px;max-width:760px;color:var(--ink);background:#fff;
font:15px/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:26px;line-height:1.25;margin:0 0 4px}
h2{font-size:19px;margin:36px 0 8px;padding-top:12px;border-top:1px solid var(--line)}
h3{font-size:15px;margin:18px 0 6px}
p{margin:6px 0}.soft{color:var(--soft)}
nav ol{columns:2;padding-left:20px;margin:12px 0}a{color:var(--accent)}
table{border-collapse:collapse;width:100%;margin:8px 0;font-size:13.5px}
th,td{padding:4px 8px;text-align:left;border-bottom:1px solid var(--line);vertical-align:top;
overflow-wrap:anywhere}
th{color:var(--soft);font-weight:600;overflow-wrap:normal}.r{text-align:right;white-space:nowrap}
svg{width:100%;height:auto;display:block;margin:8px 0}
svg text{font:11.5px system-ui,"Segoe UI",Roboto,Arial,sans-serif;fill:var(--ink)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:14px}
code{font:.92em ui-monospace,"DejaVu Sans Mono",monospace;background:#f1f3f4;padding:0 3px;
border-radius:3px}
.card{border:1px solid var(--line);border-radius:6px;padding:8px;break-inside:avoid}
.card p{font-size:13px;margin:0 0 6px;overflow-wrap:anywhere}
.pictures{display:flex;gap:4px}.pictures img{width:33%;aspect-ratio:16/9;object-fit:cover;
background:#eceff1;border-radius:3px}
.dot{display:inline-block;min-width:20px;height:20px;border-radius:10px;color:#fff;text-align:center;
font:bold 12px/20px system-ui,sans-serif;margin-right:6px;padding:0 5px}
.fault{color:#b3261e;font-weight:600}
.nulls{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:12px}
@media screen and (max-width:600px){.wide{overflow-x:auto}.wide svg{min-width:560px}}
@media(max-width:480px){nav ol{columns:1}th,td{padding:4px}}
@media print{@page{size:A4;margin:15mm}body{padding:0;max-width:none;font-size:10.5pt}
h2{break-after:avoid;margin-top:18px}h3{break-after:avoid}svg,tr,.card{break-inside:avoid}
nav{display:none}a{color:inherit;text-decoration:none}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


def page(title: str, lead: str, sections: Mapping[str, str]) -> str:
    """Return the page; `sections` are HTML by their titles."""
    names = list(sections)
    contents = "".join(f'<li><a href="#s{i}">{escape(n)}</a></li>' for i, n in enumerate(names))
    body = "".join(
        f'<section id="s{i}"><h2>{escape(name)}</h2>{sections[name]}</section>'
        for i, name in enumerate(names)
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        # Nothing is loaded and nothing runs, whatever a title of a video contains.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f'<h1>{escape(title)}</h1><p class="soft">{escape(lead)}</p>'
        f"<nav><ol>{contents}</ol></nav>{body}</body></html>\n"
    )


def table(
    titles: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()
) -> str:
    """Return a table; the columns of numbers in `right` are aligned to the right."""

    def cell(kind: str, i: int, text: str) -> str:
        return f"<{kind}{' class=r' if i in right else ''}>{escape(text)}</{kind}>"

    head = "".join(cell("th", i, text) for i, text in enumerate(titles))
    body = "".join(
        f"<tr>{''.join(cell('td', i, text) for i, text in enumerate(row))}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph; what is between backticks is code."""
    said = re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))
    return f"<p{f' class={kind}' if kind else ''}>{said}</p>"
