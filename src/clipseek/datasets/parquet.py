"""Parquet: the tables that CSV has, with types, written by pyarrow."""

import io
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from clipseek.datasets.dataset import Dataset
from clipseek.datasets.rows import COLUMNS, tables

_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64()}


def files(dataset: Dataset) -> Mapping[str, bytes]:
    """Return `frames.parquet`, `labels.parquet` and `spans.parquet`."""
    found = {}
    for name, rows in tables(dataset).items():
        schema = pa.schema([(column, _TYPES[kind]) for column, kind in COLUMNS[name].items()])
        written = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), written)
        found[f"{name}.parquet"] = written.getvalue()
    return found
