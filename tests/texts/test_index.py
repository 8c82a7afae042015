"""What videos say, found by words."""

import numpy as np
import pytest

from clipseek.texts.index import AT_MOST, LEAST, WordIndex, relevance
from clipseek.timed import Cue, TimedText


def said(*texts: str, language: str = "en") -> TimedText:
    """Return subtitles of two seconds each, with a pause after each."""
    cues = (Cue(4.0 * i, 4.0 * i + 2, text, language) for i, text in enumerate(texts))
    return TimedText("subtitle", "1", tuple(cues))


@pytest.fixture
def index() -> WordIndex:
    """Return what four videos say, in several languages."""
    texts = [
        ("anna", said("Anna borrowed two baskets on Friday", "Anna sold ten guitars on Monday")),
        ("boris", said("Boris repaired ten ladders on Friday", "He was running home")),
        ("china", said("世界和平很重要", language="zh")),
        ("bear", said("Der Bär hat geschlafen", language="de")),
        ("mixed", said("Qaraqlar keldi", language="xx")),
    ]
    return WordIndex().changed(frozenset(), texts)


def found(index: WordIndex, query: str) -> list[tuple[str, str]]:
    """Return the videos that fit a query, each with the words that are highlighted."""
    return [
        (one.video_id, " ".join(one.hit.text[a:b] for a, b in one.hit.highlights))
        for one in index.search(query)[0]
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("two baskets on friday", [("anna", "two baskets Friday")], id="words"),
        pytest.param("a basket", [("anna", "baskets")], id="a function word"),
        pytest.param("RUN", [("boris", "running")], id="a stem of English"),
        pytest.param("bar", [("bear", "Bär")], id="an accent"),
        pytest.param("geschlafener bär", [("bear", "Bär geschlafen")], id="a stem of German"),
        pytest.param("和平", [("china", "和平")], id="Chinese"),
        pytest.param("qaraqlar", [("mixed", "Qaraqlar")], id="a language without a stemmer"),
        pytest.param("guit", [("anna", "guitars")], id="the beginning of the last word"),
        pytest.param("giutars", [("anna", "guitars")], id="a typing error"),
        pytest.param("borowed baskets", [("anna", "borrowed baskets")], id="an error before"),
        pytest.param("gui", [("anna", "guitars")], id="a beginning of three letters"),
        pytest.param("gu", [], id="a beginning of two letters"),
        pytest.param("tem guitars", [("anna", "guitars")], id="no typing error in three letters"),
        pytest.param("homa now", [("boris", "home")], id="one in four letters"),
        pytest.param("gxitarz now", [], id="not two in seven letters"),
        pytest.param("bxrroved now", [("anna", "borrowed")], id="two in eight letters"),
        pytest.param("oskar trumpets", [], id="nothing"),
        pytest.param("?!", [], id="no word"),
    ],
)
def test_passages_are_found_by_words(
    index: WordIndex, query: str, expected: list[tuple[str, str]]
) -> None:
    """With the words that match highlighted, as they are in the text."""
    assert found(index, query) == expected


def test_relevance_is_that_of_the_share_of_the_query(index: WordIndex) -> None:
    """All words make 1, and rare words count more than frequent ones."""
    hits = index.search("ten ladders on friday")[0]
    assert [(one.video_id, one.hit.relevance) for one in hits] == [("boris", 1.0)]
    assert index.search("guitars oskar trumpets zebras")[0] == []
    rare, *frequent = index.search("guitars friday")[0]
    assert [word.video_id for word in frequent] == ["anna", "boris"]
    assert rare.hit.text == "Anna sold ten guitars on Monday"
    assert all(LEAST < each.hit.relevance < rare.hit.relevance < 1.0 for each in frequent)


def test_function_words_do_not_count() -> None:
    """Those of the language of the passage, or of any language here if it has none."""
    texts = [("sea", said("The lighthouse stands on a hill")), ("bees", said("My bees, Die Hard"))]
    index = WordIndex().changed(frozenset(), texts)
    for query in ("lighthouse", "the lighthouse", "a lighthouse", "there is a lighthouse"):
        (hit,), _ = index.search(query)
        assert (hit.video_id, hit.hit.relevance) == ("sea", 1.0)
    assert index.search("die hard")[0][0].hit.relevance == 1.0
    mixed = index.changed({"de", "sign"}, [("de", said("Der Leuchtturm", language="de"))])
    mixed = mixed.changed({"sign"}, [("sign", said("Hotel Hard", language=""))])
    found = {one.video_id: one.hit.relevance for one in mixed.search("die hard")[0]}
    assert (found["bees"], found["sign"]) == (1.0, 1.0)
    (german,) = mixed.search("der leuchtturm")[0]
    assert german.hit.relevance == 1.0
    assert {one.video_id for one in mixed.search("the on")[0]} == {"sea"}  # there is nothing else


def test_a_part_of_the_query_is_found_with_less_relevance() -> None:
    """Words that nobody says do not hide a passage that has the others; it does not match."""
    texts = [
        ("bees", said("My grandmother kept bees.", "She sold honey")),
        ("sign", said("GUITAR HOTEL", language="")),
    ]
    index = WordIndex().changed(frozenset(), texts)
    for query, video_id in [
        ("grandmother who keeps bees", "bees"),
        ("sign saying guitar hotel", "sign"),
    ]:
        (hit,), _ = index.search(query)
        assert hit.video_id == video_id
        assert LEAST < hit.hit.relevance < 0.5


def test_a_spelling_counts_less_than_the_word(index: WordIndex) -> None:
    """So that what was typed comes first."""
    (near,), _ = index.search("giutars")
    (exact,), _ = index.search("guitars")
    assert LEAST < near.hit.relevance < exact.hit.relevance == 1.0


def test_half_of_the_words_are_not_a_match() -> None:
    """The curve is such that 0.5 needs about 70 % of what a query says."""
    assert relevance(0.0) == 0.0
    assert relevance(0.25) < LEAST < relevance(0.4)
    assert relevance(0.5) == 0.25
    assert relevance(0.75) > 0.5
    assert relevance(1.0) == 1.0


def test_a_hit_is_the_span_of_its_passage(index: WordIndex) -> None:
    """In seconds of the video, of the field that says it."""
    ((video_id, hit), *_), more = index.search("ten guitars")
    assert (video_id, hit.field, hit.span.start, hit.span.end) == ("anna", "subtitle", 4.0, 6.0)
    assert not more


def test_only_some_videos_are_searched(index: WordIndex) -> None:
    """A filter is part of the search, and not of its result."""
    assert [one.video_id for one in index.search("friday", only={"boris"})[0]] == ["boris"]
    assert index.search("friday", only=set()) == ([], False)
    assert index.search("friday", only={"unknown"}) == ([], False)


def test_a_changed_video_says_only_what_it_says_now(index: WordIndex) -> None:
    """The state before goes on saying what it said, because searches that run have it."""
    after = index.changed({"anna", "new"}, [("anna", said("Hello there")), ("new", said("Hello"))])
    assert found(after, "hello") == [("new", "Hello"), ("anna", "Hello")]
    assert found(after, "baskets") == []
    assert found(index, "baskets") == [("anna", "baskets")]
    assert found(index, "hello") == []
    assert len(after) == len(index)
    gone = after.changed({"anna", "new"}, [])
    assert found(gone, "hello") == []
    assert found(gone, "ladders") == [("boris", "ladders")]


def test_two_states_may_follow_one(index: WordIndex) -> None:
    """A search and the refresh may bring a view up to date at the same time."""
    one = index.changed({"x"}, [("x", said("Zebra one"))])
    other = index.changed({"x"}, [("x", said("Zebra two"))])
    assert found(one, "zebra") == found(other, "zebra") == [("x", "Zebra")]
    assert [hit.hit.text for hit in other.search("zebra")[0]] == ["Zebra two"]


def test_what_says_nothing_costs_nothing() -> None:
    """No index is made, and a video that never said anything changes nothing."""
    nothing = WordIndex()
    assert nothing.changed({"a"}, [("a", TimedText("subtitle", "1"))]) is nothing
    assert (len(nothing), nothing.search("a")) == (0, ([], False))


def test_more_may_match_than_are_compared() -> None:
    """The best ones by BM25 are."""
    many = WordIndex().changed(frozenset(), [("a", said(*["One word"] * (AT_MOST + 1)))])
    hits, more = many.search("word")
    assert (len(hits), more) == (AT_MOST, True)


@pytest.mark.parametrize(
    ("query", "often", "expected"),
    [
        pytest.param("common rare", 400, (1, False), id="7 % of the weight of the rarest word"),
        pytest.param("one two three four five rare", 244, (245, False), id="15 % each"),
    ],
)
def test_words_that_say_little_are_not_looked_for_alone(
    query: str, often: int, expected: tuple[int, bool]
) -> None:
    """So passages with nothing else do not take the places of others."""
    frequent = query.removesuffix(" rare")
    texts = [frequent] * often + ["rare"] + ["silence"] * (599 - often)
    many = WordIndex().changed(frozenset(), [("a", said(*texts, language=""))])
    hits, more = many.search(query)
    assert (len(hits), more) == expected


def in_language(index: WordIndex, tag: str) -> set[str]:
    """Return the videos in which something is said in a language, of those that there may be."""
    mask = index.spoken_in.mask(tag, VIDEOS)
    return set(VIDEOS[mask].tolist())


VIDEOS = np.array(["anna", "bear", "boris", "china", "mixed", "other"])


def test_a_language_lets_those_videos_through_that_use_it(index: WordIndex) -> None:
    """Whatever its code and its region; a video that says other things now is another one."""
    spoken = {tag: in_language(index, tag) for tag in ("en", "eng", "EN-gb", "de", "xx", "fr")}
    both = {"anna", "boris"}
    assert spoken == {
        "en": both,
        "eng": both,
        "EN-gb": both,
        "de": {"bear"},
        "xx": {"mixed"},
        "fr": set(),
    }
    later = index.changed({"anna", "boris"}, [("anna", said("Bonjour", language="fre"))])
    assert later.spoken_in.codes["anna"] == {"fr"}
    assert in_language(later, "en") == set()
    assert in_language(index, "en") == both


def test_videos_of_a_language_are_those_of_the_part_that_is_asked_of(index: WordIndex) -> None:
    """Also if the same was asked of others before, and of very many."""
    for count in [*range(1, 7), *range(1, 7)] * 12:
        some = VIDEOS[:count].copy()
        mask = index.spoken_in.mask("en", some)
        assert mask.tolist() == [name in ("anna", "boris") for name in some.tolist()]
        again = index.spoken_in.mask("en", some)
        assert again is mask


def test_a_text_of_an_unknown_language_is_in_none() -> None:
    """Not in one that is called unknown either."""
    texts = [("anna", said("Hotel", language="")), ("bear", said("Hotel", language="und"))]
    index = WordIndex().changed(frozenset(), texts)
    assert in_language(index, "und") == set()
    assert set().union(*index.spoken_in.codes.values()) == set()
