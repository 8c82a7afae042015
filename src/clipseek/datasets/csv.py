"""CSV: three tables in UTF-8 with a row of titles (RFC 4180).

A text that a spreadsheet would run as a formula has an apostrophe before it, as OWASP says:
https://owasp.org/www-community/attacks/CSV_Injection
"""

import csv
import io
from collections.abc import Mapping

from clipseek.datasets.dataset import Dataset
from clipseek.datasets.rows import COLUMNS, Value, tables

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a formula begins with, or what a spreadsheet leaves out before one."""


def files(dataset: Dataset) -> Mapping[str, bytes]:
    """Return `frames.csv`, `labels.csv` and `spans.csv`."""
    found = {}
    for name, rows in tables(dataset).items():
        written = io.StringIO()
        writer = csv.DictWriter(written, list(COLUMNS[name]))
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
        found[f"{name}.csv"] = written.getvalue().encode("utf-8", "backslashreplace")
    return found


def _cell(value: Value) -> Value:
    """Return a number as it is, and a text that no spreadsheet runs."""
    is_formula = isinstance(value, str) and value.startswith(FORMULAS)
    return f"'{value}" if is_formula else value
