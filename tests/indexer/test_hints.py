"""What is said of a search that has found nothing, or nothing that matches."""

from datetime import UTC, datetime

import pytest

from clipseek.parts import Text
from clipseek.query import Filters, Query, Step
from indexer.hints import nothing, unwanted


@pytest.mark.parametrize(
    ("sentence", "search"),
    [
        pytest.param("a car without a tree", "'a car' --not 'a tree'", id="without"),
        pytest.param("a car with no tree", "'a car' --not tree", id="with no"),
        pytest.param("a street but not any car", "'a street' --not car", id="but not"),
        pytest.param("a car Without snow and no tree", "'a car' --not snow --not tree", id="two"),
        pytest.param("a car under a tree", "", id="nothing unwanted"),
        pytest.param("a knot in a note", "", id="inside words"),
        pytest.param("no car", "", id="nothing wanted"),
        pytest.param("a car without", "", id="no end"),
        pytest.param("a bar without $HOME", "'a bar' --not '$HOME'", id="quoted"),
    ],
)
def test_what_must_not_be_seen_becomes_an_option(sentence: str, search: str) -> None:
    """As a shell takes it; empty if there is nothing to say."""
    assert unwanted(sentence) == search


@pytest.mark.parametrize(
    ("query", "said"),
    [
        pytest.param(
            Query.of((Text("a"),)), "no moment of collection 'default' can be compared", id="all"
        ),
        pytest.param(
            Query.of(
                (Text("a"),), filters=Filters(folder="/my videos", tags=("x",), min_duration=5.0)
            ),
            "no moment passes --tag x and --folder '/my videos' and --min-duration 5;",
            id="videos",
        ),
        pytest.param(
            Query.of((Text("a"),), filters=Filters(max_duration=9.5, min_relevance=0.5)),
            "no moment passes --max-duration 9.5 and --min-relevance 0.5;",
            id="length",
        ),
        pytest.param(
            Query.of(
                (Text("a"),),
                filters=Filters(
                    title="my film",
                    language="en",
                    min_height=720,
                    max_height=1080,
                    recorded_from=datetime(2026, 1, 2, tzinfo=UTC),
                    recorded_before=datetime(2026, 2, 3, 14, 30, tzinfo=UTC),
                ),
            ),
            "no moment passes --title 'my film' and --language en and --min-height 720 and "
            "--max-height 1080 and --recorded-from 2026-01-02 and "
            "--recorded-before 2026-02-03T14:30:00Z;",
            id="what was recorded",
        ),
        pytest.param(
            Query.of(
                (Text("a"),),
                filters=Filters(
                    indexed_from=datetime(2026, 1, 2, tzinfo=UTC),
                    indexed_before=datetime(2026, 2, 3, tzinfo=UTC),
                ),
                then=[Step((Text("b"),), 10.0)],
            ),
            "no moment passes --indexed-from 2026-01-02 and --indexed-before 2026-02-03 and "
            "--then within 10 s;",
            id="times",
        ),
    ],
)
def test_what_leaves_out_all_moments_is_named(query: Query, said: str) -> None:
    """By the options of the command."""
    assert nothing(query).startswith(said)
