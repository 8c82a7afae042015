"""A query has limits and a key: the key holds all that the answer depends on, and nothing else."""

import os
import pickle
import subprocess
import sys
import unicodedata
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clipseek.cache.text import vector_key
from clipseek.cursor import Cursor
from clipseek.parts import MAX_QUERY_CHARACTERS, Text, cut_at, normalised
from clipseek.query import MAX_LIMIT, Filters, Query, Step

# Also lone surrogates, which Python takes and UTF-8 does not.
TEXTS = st.text(st.characters(), max_size=12) | st.sampled_from(
    ["", '"', "\\", "\\u0041", "A", "\ud83d\ude00", "😀", "[]", "null", "a,b", 'a","b']
)
NAMES = st.none() | st.lists(TEXTS, max_size=3).map(tuple)
PARTS = st.builds(Text, TEXTS, st.floats(-1, 1))
QUERIES = st.builds(
    Query,
    parts=st.lists(PARTS, max_size=2).map(tuple),
    filters=st.builds(Filters, NAMES, NAMES, st.floats(0, 1)),
    collection=TEXTS,
    limit=st.integers(1, 100),
)
ASKED = st.tuples(QUERIES, st.integers(0, 2**63), TEXTS)
QUERY = Query.of("a red car")
STEP = Step((Text("a blue car"),), 5.0)
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def _filtered(**asked: Any) -> Query:
    return replace(QUERY, filters=Filters(**asked))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(Query.of(""), "query must have 1 to 1000 characters, got 0", id="empty"),
        pytest.param(
            Query.of("x" * 1001), "query must have 1 to 1000 characters, got 1001", id="too long"
        ),
        pytest.param(Query.of("x", 0), "limit must be 1 to 100, got 0", id="limit 0"),
        pytest.param(Query.of("x", 101), "limit must be 1 to 100, got 101", id="limit 101"),
        pytest.param(
            Query.of("x", min_relevance=1.5),
            "min_relevance must be 0 to 1, got 1.5",
            id="relevance",
        ),
        pytest.param(
            Query.of("x", min_relevance=-0.5),
            "min_relevance must be 0 to 1, got -0.5",
            id="below zero",
        ),
        pytest.param(
            _filtered(min_duration=-1.0), "min_duration must be 0 seconds or more, got -1", id="min"
        ),
        pytest.param(
            _filtered(min_duration=float("nan")),
            "min_duration must be 0 seconds or more, got nan",
            id="no number",
        ),
        pytest.param(
            _filtered(min_duration=5.0, max_duration=3.0),
            "max_duration must be min_duration (5 seconds) or more, got 3",
            id="max",
        ),
        pytest.param(
            _filtered(max_duration=float("inf")),
            "max_duration must be min_duration (0 seconds) or more, got inf",
            id="endless",
        ),
        pytest.param(
            _filtered(folder=""), "folder must be Unicode text, not empty, got ''", id="folder"
        ),
        pytest.param(
            _filtered(indexed_from=datetime(2026, 11, 28)),
            "indexed_from must have a time zone, got 2026-11-28T00:00:00",
            id="no zone",
        ),
        pytest.param(
            _filtered(recorded_before=datetime(2026, 11, 28)),
            "recorded_before must have a time zone, got 2026-11-28T00:00:00",
            id="recorded without a zone",
        ),
        pytest.param(
            _filtered(min_height=1080, max_height=720),
            "max_height must be min_height (1080 pixels) or more and at most 2147483647, got 720",
            id="no height",
        ),
        pytest.param(
            _filtered(min_height=-1),
            "min_height must be 0 to 2147483647 pixels, got -1",
            id="negative height",
        ),
        pytest.param(
            _filtered(language="English, please"),
            "language must be a tag of BCP 47 such as en or de-AT, got 'English, please'",
            id="language",
        ),
        pytest.param(
            _filtered(title=""), "title must be Unicode text, not empty, got ''", id="title"
        ),
        pytest.param(
            _filtered(indexed_from=NOON, indexed_before=NOON),
            "indexed_before must be after indexed_from (2026-11-28T12:00:00+00:00), got "
            "2026-11-28T12:00:00+00:00",
            id="no time",
        ),
        pytest.param(
            Query.of("caf\udce9"),
            "query must be Unicode text; it holds bytes that are not UTF-8",
            id="not UTF-8",
        ),
        pytest.param(Query(()), "parts must be 1 to 8, got 0", id="without a part"),
        pytest.param(Query((Text("x"),) * 9), "parts must be 1 to 8, got 9", id="nine parts"),
        pytest.param(
            Query((Text("x", -1.0), Text("y", -0.5))),
            "parts must have one that is wanted, of a weight above 0, got weights -1, -0.5; say "
            "what to search for",
            id="nothing is wanted",
        ),
        *(
            pytest.param(
                Query((Text("x"), Text("y", weight))),
                "weight must be 0.01 to 10, or -10 to -0.01 for what is not wanted, "
                f"got {weight:g}",
                id=f"weight {weight:g}",
            )
            for weight in (0.0, 0.009, -0.009, 10.1, -10.1, float("nan"))
        ),
        pytest.param(
            Query((Text("x"), Text(""))), "query must have 1 to 1000 characters, got 0", id="second"
        ),
        pytest.param(
            replace(QUERY, fields=()),
            "fields must be some of picture, subtitle, speech, text, object, got none",
            id="without a field",
        ),
        pytest.param(
            replace(QUERY, fields=("picture", "sound")),  # type: ignore[arg-type]  # of a client
            "fields must be some of picture, subtitle, speech, text, object, got picture, sound",
            id="two fields",
        ),
        pytest.param(
            replace(QUERY, fields=("subtitle",), parts=(Text("a"), Text("b"))),
            "fields must have picture unless one sentence alone is asked for, got subtitle; "
            "several parts are searched in words beside pictures, and pictures and moments are not "
            "searched in words",
            id="words of several parts",
        ),
    ],
)
def test_limits_are_named(query: Query, expected: str) -> None:
    """The message has the limit and the value."""
    assert str(query.problem()) == expected


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(Query.of("x"), id="one character"),
        pytest.param(Query.of(f" {'x' * MAX_QUERY_CHARACTERS} "), id="1000 within spaces"),
        pytest.param(Query.of("x", 1), id="limit 1"),
        pytest.param(Query.of("x", MAX_LIMIT), id="limit 100"),
        pytest.param(Query.of("x", min_relevance=0.0), id="relevance 0"),
        pytest.param(Query.of("x", min_relevance=1.0), id="relevance 1"),
    ],
)
def test_what_is_just_within_the_limits_is_not_a_problem(query: Query) -> None:
    """The limits themselves are allowed, and white space around a query does not count."""
    assert query.problem() is None


def test_a_query_of_a_sentence_has_one_part() -> None:
    """And the filters that are given, and ten hits if none are asked for."""
    assert Query.of("red").limit == 10
    query = Query.of("red", 5, collection="c", video_ids=["one"], tags=["night"], min_relevance=0.5)
    filters = Filters(("one",), ("night",), 0.5)
    assert query == Query((Text("red", 1.0),), filters, collection="c", limit=5)
    assert query.text == "red"
    assert hash(query) == hash(replace(query))


def test_a_query_can_be_looked_up_in_another_process() -> None:
    """Where text has another hash."""
    code = (
        "import pickle, sys; from clipseek.query import Query; "
        "sys.exit(pickle.load(sys.stdin.buffer) not in {Query.of('a red car')})"
    )
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", code]
        subprocess.run(command, input=pickle.dumps(QUERY), env=environment, check=True)


@pytest.mark.parametrize(
    ("given_", "filters"),
    [
        pytest.param({}, Filters(), id="none"),
        pytest.param({"video_ids": []}, Filters(video_ids=()), id="no video"),
        pytest.param({"tags": []}, Filters(tags=()), id="no tag"),
        pytest.param({"min_relevance": 0.5}, Filters(min_relevance=0.5), id="relevance"),
    ],
)
def test_each_filter_of_a_sentence_can_be_given_alone(
    given_: dict[str, Any], filters: Filters
) -> None:
    """An empty list is not the same as none."""
    assert Query.of("red", **given_).filters == filters


@given(TEXTS)
def test_normalising_twice_is_normalising_once(text: str) -> None:
    """And leaves no white space at the ends, nor two of it together."""
    once = normalised(text)
    assert normalised(once) == once
    assert once == once.strip()
    assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("  un café noir\n", id="ends"),
        pytest.param("un \t café\u3000noir", id="white space"),
        pytest.param("un cafe\u0301 noir", id="composed"),
    ],
)
def test_what_no_one_means_makes_no_difference(text: str) -> None:
    """The same vector, and the same answer."""
    assert normalised(text) == "un café noir"
    assert vector_key("f", text) == vector_key("f", "un café noir")
    assert Query.of(text).key(1, "f") == Query.of("un café noir").key(1, "f")


@given(TEXTS, st.integers(0, 12))
def test_a_place_in_the_normalised_query_is_one_in_the_query(text: str, length: int) -> None:
    """Up to there both say the same, and no white space is left at the end."""
    length = min(length, len(normalised(text)))
    at = cut_at(text, length)
    assert len(normalised(text[:at])) <= length
    assert text[:at] == text[:at].rstrip()
    rest = text[at:].strip()
    assert not rest or len(normalised(text[: at + len(text[at:].rstrip())])) >= length


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("un café noir", "un café", id="as it is"),
        pytest.param("un \t\u3000 café\n noir", "un \t\u3000 café", id="white space"),
        pytest.param("un cafe\u0301 noir", "un cafe\u0301", id="composed"),
    ],
)
def test_queries_with_one_key_are_cut_each_at_its_own_place(text: str, expected: str) -> None:
    """The seventh character of what they have in common."""
    assert text[: cut_at(text, 7)] == expected


def test_case_makes_a_difference() -> None:
    """Some tokenizers tell it apart."""
    assert normalised("Turkey") == "Turkey"
    assert vector_key("f", "Turkey") != vector_key("f", "turkey")


@given(first=st.tuples(TEXTS, TEXTS), second=st.tuples(TEXTS, TEXTS))
def test_different_sentences_or_models_have_different_keys(
    first: tuple[str, str], second: tuple[str, str]
) -> None:
    """Equal ones the same."""
    same = (first[0], normalised(first[1])) == (second[0], normalised(second[1]))
    assert (vector_key(*first) == vector_key(*second)) == same


def _meant(query: Query) -> Query:
    """Return the query that stands for all that ask for the same."""
    parts = tuple(
        replace(part, text=normalised(part.text)) for part in query.parts if isinstance(part, Text)
    )
    ids, tags = query.filters.video_ids, query.filters.tags
    filters = replace(
        query.filters,
        video_ids=None if ids is None else tuple(sorted(set(ids))),
        tags=tuple(sorted(set(tags))) if tags else None,
    )
    return replace(query, parts=parts, filters=filters)


@given(first=ASKED, second=ASKED)
def test_different_questions_have_different_keys(
    first: tuple[Query, int, str], second: tuple[Query, int, str]
) -> None:
    """By anything that decides the answer."""
    plain = [(_meant(query), *rest) for query, *rest in (first, second)]
    assume(plain[0] != plain[1])
    assert first[0].key(*first[1:]) != second[0].key(*second[1:])


@given(ASKED)
def test_equal_questions_have_equal_keys(asked: tuple[Query, int, str]) -> None:
    """Made again, in another process or on another replica."""
    query, version, fingerprint = asked
    assert query.key(version, fingerprint) == _meant(query).key(version, fingerprint)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(Filters(tags=("a", "b")), Filters(tags=("b", "a", "a")), id="tags"),
        pytest.param(Filters(("a", "b")), Filters(("b", "a", "b")), id="videos"),
        pytest.param(Filters(tags=()), Filters(tags=None), id="no tag"),
        pytest.param(Filters(min_relevance=0), Filters(min_relevance=-0.0), id="zero"),
        pytest.param(Filters(min_relevance=1), Filters(min_relevance=1.0), id="one"),
        pytest.param(Filters(folder="/a/b"), Filters(folder="/a/b/"), id="folder"),
        pytest.param(Filters(max_duration=60), Filters(max_duration=60.0), id="duration"),
        pytest.param(Filters(title="Caf\u00e9"), Filters(title="CAFE\u0301"), id="title"),
        pytest.param(Filters(language="en"), Filters(language="EN"), id="language"),
        pytest.param(
            Filters(indexed_from=NOON),
            Filters(indexed_from=NOON.astimezone(timezone(timedelta(hours=2)))),
            id="time",
        ),
    ],
)
def test_filters_that_let_the_same_through_have_one_key(one: Filters, other: Filters) -> None:
    """Each answer is computed and stored once."""
    keys = {replace(QUERY, filters=filters).key(1, "f") for filters in (one, other)}
    assert len(keys) == 1


OTHERS: dict[type, tuple[Any, dict[str, Any]]] = {
    Query: (
        QUERY,
        {
            "parts": (Text("a red car"), Text("a blue car")),
            "filters": Filters(tags=("night",)),
            "fields": (),
            "collection": "videos",
            "limit": 11,
            "after": Cursor(1, bytes(8), bytes(8), 10),
            "mark_similar": True,
            "then": (STEP,),
            "sort": "time",
            "group_by": "video",
            "facets": ("tag",),
            "sharpen": True,
        },
    ),
    Step: (STEP, {"parts": (Text("a red car"),), "within_s": 6.0}),
    Text: (QUERY.parts[0], {"text": "a blue car", "weight": -1.0}),
    Filters: (
        QUERY.filters,
        {
            "video_ids": ("one",),
            "tags": ("night",),
            "min_relevance": 0.5,
            "folder": "/videos",
            "min_duration": 5.0,
            "max_duration": 60.0,
            "indexed_from": NOON,
            "indexed_before": NOON,
            "title": "holiday",
            "min_height": 720,
            "max_height": 1080,
            "recorded_from": NOON,
            "recorded_before": NOON,
            "language": "en",
            "cameras": ("yard",),
            "segment_tags": ("red car",),
        },
    ),
}
"""Of each class that a query is made of: a value, and of each of its fields another value."""


def _with(value: Any) -> Query:
    """Return the query with one of its parts, its filters or all of it in its place."""
    if isinstance(value, Text):
        return replace(QUERY, parts=(value,))
    if isinstance(value, Step):
        return replace(QUERY, then=(value,))
    return replace(QUERY, filters=value) if isinstance(value, Filters) else value


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param(k, f.name, id=f"{k.__name__}.{f.name}")
        for k in OTHERS
        for f in fields(k)
        if f.compare
    ],
)
def test_every_field_of_a_question_counts(kind: type, name: str) -> None:
    """A new field fails here until it has an example."""
    value, others = OTHERS[kind]
    other = _with(replace(value, **{name: others[name]}))
    assert other.key(1, "f") != _with(value).key(1, "f")


def test_version_and_fingerprint_count() -> None:
    """A change of the collection makes every answer a new one."""
    keys = {QUERY.key(*stand) for stand in [(1, "f"), (2, "f"), (1, "g")]}
    assert len(keys) == 3


def test_no_filter_is_not_an_empty_one() -> None:
    """One lets everything through, the other nothing."""
    empty = replace(QUERY, filters=Filters(video_ids=()))
    assert empty.key(1, "f") != QUERY.key(1, "f")


def test_a_key_is_the_same_everywhere() -> None:
    """In every process, on every machine, in every release that shares a Redis."""
    digest = "32f56f91bd3fad2b54709784d5546579e9420e77e5c02dce4650eaeb491e5064"
    assert vector_key("f", "a red car") == f"vector:{digest}"
    digest = "b45ad9c6251a77f9060676a9794e2dd6f92422a018dd970b0b7909f1600148ac"
    assert QUERY.key(1, "f") == f"result:{digest}"
