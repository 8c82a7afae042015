"""How many hits are asked for, and how many a page has."""

import pytest

from clipseek_client import InvalidValue, calls


@pytest.mark.parametrize(
    ("options", "limit", "of_pages"),
    [
        pytest.param({}, None, {}, id="all"),
        pytest.param({"limit": 50}, 50, {"limit": 50}, id="a page"),
        pytest.param({"limit": 250}, 250, {"limit": 100}, id="several pages"),
        pytest.param({"fields": ["picture"]}, None, {"fields": ["picture"]}, id="others stay"),
    ],
)
def test_a_page_has_no_more_than_the_server_gives(
    options: dict[str, object], limit: int | None, of_pages: dict[str, object]
) -> None:
    """And no more than are wanted."""
    assert calls.at_most(options) == (limit, of_pages)


def test_no_hits_at_all_cannot_be_asked_for() -> None:
    """The sentence has the value."""
    with pytest.raises(InvalidValue, match="limit must be a whole number of 1 or more, got 0"):
        calls.at_most({"limit": 0})
