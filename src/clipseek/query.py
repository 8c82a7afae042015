"""What a search may ask for."""

from clipseek.errors import InvalidQuery
from clipseek.types import SearchRequest

MAX_QUERY_CHARACTERS = 1000
MAX_LIMIT = 100
MAX_BATCH = 256


def problem(request: SearchRequest) -> InvalidQuery | None:
    """Return what is wrong with a request, or None."""
    length = len(request.query.strip())
    if not 1 <= length <= MAX_QUERY_CHARACTERS:
        return InvalidQuery(f"query must have 1 to {MAX_QUERY_CHARACTERS} characters, got {length}")
    if not 1 <= request.limit <= MAX_LIMIT:
        return InvalidQuery(f"limit must be 1 to {MAX_LIMIT}, got {request.limit}")
    if not _is_text(request.query):
        return InvalidQuery("query must be Unicode text; it holds bytes that are not UTF-8")
    if not 0 <= request.min_relevance <= 1:
        return InvalidQuery(f"min_relevance must be 0 to 1, got {request.min_relevance}")
    return None


def _is_text(query: str) -> bool:
    """Whether a text has no lone surrogates, which stand for other bytes of a command line."""
    try:
        query.encode()
    except UnicodeEncodeError:
        return False
    return True
