"""Keys hold all that an entry depends on, and nothing that no one means."""

import unicodedata
from dataclasses import fields, replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clipseek.cache.keys import cut_at, normalised, result_key, vector_key
from clipseek.types import SearchRequest

# Also lone surrogates, which Python takes and UTF-8 does not.
TEXTS = st.text(st.characters(), max_size=12) | st.sampled_from(
    ["", '"', "\\", "\\u0041", "A", "\ud83d\ude00", "😀", "[]", "null", "a,b", 'a","b']
)
NAMES = st.none() | st.lists(TEXTS, max_size=3).map(tuple)
REQUESTS = st.builds(
    SearchRequest,
    query=TEXTS,
    limit=st.integers(1, 100),
    collection=TEXTS,
    video_ids=NAMES,
    tags=NAMES,
    min_relevance=st.floats(0, 1),
)
ASKED = st.tuples(TEXTS, st.integers(0, 2**63), TEXTS, REQUESTS)
REQUEST = SearchRequest("a red car")


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
    request = SearchRequest("un café noir")
    assert result_key("c", 1, "f", replace(request, query=text)) == result_key("c", 1, "f", request)


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


@given(first=ASKED, second=ASKED)
def test_different_requests_have_different_keys(
    first: tuple[str, int, str, SearchRequest], second: tuple[str, int, str, SearchRequest]
) -> None:
    """By anything that decides the answer."""
    plain = [
        (*rest, replace(request, query=normalised(request.query)))
        for *rest, request in (first, second)
    ]
    assume(plain[0] != plain[1])
    assert result_key(*first) != result_key(*second)


@given(ASKED)
def test_equal_requests_have_equal_keys(asked: tuple[str, int, str, SearchRequest]) -> None:
    """Made anew, in another process or on another replica."""
    collection, version, fingerprint, request = asked
    assert result_key(*asked) == result_key(collection, version, fingerprint, replace(request))


OTHERS = {
    "query": "a blue car",
    "limit": 11,
    "collection": "films",
    "video_ids": ("one",),
    "tags": ("night",),
    "min_relevance": 0.5,
}


@pytest.mark.parametrize("name", [field.name for field in fields(SearchRequest)])
def test_every_field_of_a_request_counts(name: str) -> None:
    """A new field fails here until it has an example."""
    other = replace(REQUEST, **{name: OTHERS[name]})  # type: ignore[arg-type]  # by name
    assert result_key("c", 1, "f", other) != result_key("c", 1, "f", REQUEST)


def test_version_model_and_collection_count() -> None:
    """A change of the collection makes every answer a new one."""
    keys = {
        result_key(*stand, REQUEST)
        for stand in [("c", 1, "f"), ("d", 1, "f"), ("c", 2, "f"), ("c", 1, "g")]
    }
    assert len(keys) == 4


def test_no_filter_is_not_an_empty_one() -> None:
    """One lets everything through, the other nothing."""
    empty = replace(REQUEST, video_ids=())
    assert result_key("c", 1, "f", empty) != result_key("c", 1, "f", REQUEST)


def test_a_key_is_the_same_everywhere() -> None:
    """In every process, on every machine, in every release that shares a Redis."""
    digest = "32f56f91bd3fad2b54709784d5546579e9420e77e5c02dce4650eaeb491e5064"
    assert vector_key("f", "a red car") == f"vector:{digest}"
