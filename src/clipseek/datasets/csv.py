"""CSV: three tables in UTF-8 with a row of titles (RFC 4180)."""

import csv
import io
from collections.abc import Mapping

from clipseek.datasets.dataset import Dataset
from clipseek.datasets.rows import COLUMNS, tables


def files(dataset: Dataset) -> Mapping[str, bytes]:
    """Return `frames.csv`, `labels.csv` and `spans.csv`."""
    found = {}
    for name, rows in tables(dataset).items():
        written = io.StringIO()
        writer = csv.DictWriter(written, list(COLUMNS[name]))
        writer.writeheader()
        writer.writerows(rows)
        found[f"{name}.csv"] = written.getvalue().encode("utf-8", "backslashreplace")
    return found
