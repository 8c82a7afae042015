"""Where the next page of an answer begins, and whether a page can follow the one before."""

from collections.abc import Sequence
from dataclasses import replace

from clipseek.cursor import DEEPEST, Cursor, digest_of
from clipseek.errors import ClipseekError, InvalidQuery, VersionGone
from clipseek.library.view import View
from clipseek.query import Query, digest
from clipseek.types import Hit

_OF_ANOTHER = (
    "cursor is of another search; send it with the query, then, fields, filter, min_relevance, "
    "sort, group_by and collection of the page before, or search again without it"
)


def lost(query: Query, view: View, sentences: str) -> ClipseekError | None:
    """Return why a page cannot go on from where the one before ended, or None.

    sentences: Fingerprint of the sentence model, or empty.
    """
    after = query.after
    if after is None:
        return None
    if after.asked != query.asked():
        return InvalidQuery(_OF_ANOTHER)
    if after.state != _state(view, sentences):
        return VersionGone(query.collection, after.version, view.version)
    return None


def next_cursor(query: Query, page: Sequence[Hit], view: View, sentences: str) -> str | None:
    """Return the cursor of the next page; None after the deepest one."""
    if query.reach == DEEPEST:
        return None
    cursor = Cursor(view.version, query.asked(), _state(view, sentences), query.reach)
    if page:
        cursor = replace(cursor, score=page[-1].score, segment_id=page[-1].segment_id)
    elif query.after is not None:
        cursor = replace(query.after, reach=query.reach)
    return cursor.text()


def _state(view: View, sentences: str) -> bytes:
    """Return a digest of everything except the query that decides an answer."""
    return digest_of(digest("state", [view.version, view.identity, sentences]))
