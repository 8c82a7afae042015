"""Collections as rows: the statement that reads one, and what its row says."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, or_, select

from clipseek.catalog.tables import behind, collections
from clipseek.types import Collection, Relevance, Scoring

_OF_RETENTION = ("retain_s", "retain_bytes")


def collection_row(name: str) -> Select[Any]:
    """Select a collection, as `as_collection` takes it."""
    return select(collections).where(collections.c.key == behind(name))


def as_collection(row: RowMapping) -> Collection:
    """Return what a row of `collections` says."""
    values = {name: value for name, value in row.items() if name not in _OF_RETENTION}
    relevance, scoring = values.pop("relevance"), values.pop("scoring")
    return Collection(
        **values,
        relevance=Relevance(**relevance) if relevance else None,
        scoring=_scoring(**scoring) if scoring else None,
    )


def _scoring(*, relevance: dict[str, Any], **values: Any) -> Scoring:
    return Scoring(**values, relevance=Relevance(**relevance))


def is_of(names: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a collection has one of the names, or is prepared for one."""
    prepared = (collections.c.name.startswith(f"{name}.", autoescape=True) for name in names)
    return or_(collections.c.name.in_(names), *prepared)
