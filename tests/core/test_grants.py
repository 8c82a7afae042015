"""Grants: how the operator writes what a group may do, and what several groups allow together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.grants import Grant, grants_of, rights_of
from clipseek.keys import SCOPES, Rate

NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,7}", fullmatch=True)
GROUPS = st.text(
    st.characters(codec="utf-8", exclude_characters=";\n", exclude_categories=["Cc", "Zs"]),
    min_size=1,
    max_size=20,
).filter(lambda group: group == group.strip())
RATES = st.builds(Rate, st.integers(1, 9_999_999), st.sampled_from([1, 60, 3600]))
GRANTS = st.builds(
    Grant,
    GROUPS,
    st.frozensets(st.sampled_from(SCOPES), min_size=1),
    st.none() | st.frozensets(NAMES, min_size=1, max_size=3),
    st.none() | RATES,
)


def test_a_grant_is_read_from_words() -> None:
    """Scopes, collections and a rate; the rate may be left out."""
    assert Grant.of("editors: search, write on holidays, news at 20/s") == Grant(
        "editors", frozenset({"search", "write"}), frozenset({"holidays", "news"}), Rate(20, 1)
    )
    assert Grant.of(" /staff/all : search on * ") == Grant(
        "/staff/all", frozenset({"search"}), None
    )


def test_the_last_colon_ends_the_name_of_a_group() -> None:
    """Names of groups may have colons and spaces; rights have none."""
    assert Grant.of("urn:role: Video Editors: write on a").group == "urn:role: Video Editors"


@pytest.mark.parametrize("word", ["on", "at"])
def test_a_collection_may_be_called_as_a_word_of_the_form(word: str) -> None:
    """Its place says what it is."""
    assert Grant.of(f"a: search on {word} at 1/s").collections == frozenset({word})
    assert Grant.of(f"a: search on {word}").collections == frozenset({word})


@given(st.lists(GRANTS, min_size=1, max_size=4, unique_by=lambda grant: grant.group))
def test_what_is_written_is_read(grants: list[Grant]) -> None:
    """With semicolons or lines between, in any order."""
    for between in ("; ", "\n", ";\n;"):
        assert grants_of(between.join(map(str, grants))) == tuple(grants)


@given(st.text(max_size=60) | st.text("ab:;, on*at/s1search\n", max_size=60))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    """Whatever it is; what is read can be written again."""
    try:
        grants = grants_of(text)
    except ValueError as refused:
        said = str(refused)
    else:
        assert grants_of("; ".join(map(str, grants))) == grants
        return
    assert "got " in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "at least one group, written as `GROUP: SCOPES on", id="empty"),
        pytest.param("editors", "a group is written as .*got 'editors'", id="no rights"),
        pytest.param("editors: search", "written as .*got 'editors: search'", id="no collections"),
        pytest.param(": search on a", "a group is written as", id="no name"),
        pytest.param(
            "a: serach on b",
            "annotator, reviewer, got 'serach'",
            id="scope",
        ),
        pytest.param(
            "a: search, on b",
            "search, write, admin, .*, got ''",
            id="comma",
        ),
        pytest.param("a: search on B", "the name of a collection has .*got 'B'", id="collection"),
        pytest.param("a: search on *, b", "the name of a collection has .*got '\\*'", id="star"),
        pytest.param("a: search on b at 20", "a rate is .*got '20'", id="rate"),
        pytest.param("a: search on b; a: write on b", "written once, got 'a' twice", id="twice"),
        pytest.param(f"{'a' * 257}: search on b", "at most 256 characters, got 257", id="long"),
    ],
)
def test_a_wrong_text_is_refused(text: str, said: str) -> None:
    """The sentence names what is wrong and what is expected."""
    with pytest.raises(ValueError, match=said):
        grants_of(text)


def test_groups_add_up_scope_by_scope() -> None:
    """Who may read one collection and write another may not write both."""
    grants = grants_of("a: search on x; b: search, write on y; c: admin on *; d: write on z")
    rights = rights_of(grants, {"a", "b", "c", "unknown"})
    assert rights is not None
    assert rights.collections == {
        "search": frozenset({"x", "y"}),
        "write": frozenset({"y"}),
        "admin": None,
    }


def test_without_a_group_nobody_has_rights() -> None:
    """None is not the same as rights to nothing."""
    assert rights_of(grants_of("a: search on x"), {"b"}) is None


@pytest.mark.parametrize(
    ("rates", "rate"),
    [
        pytest.param(("20/s", "600/m"), Rate(20, 1), id="highest"),
        pytest.param(("1/s", "3601/h"), Rate(3601, 3600), id="of another window"),
        pytest.param(("20/s", None), None, id="no limit"),
    ],
)
def test_the_highest_rate_counts(rates: tuple[str | None, ...], rate: Rate | None) -> None:
    """A group without a limit takes it away."""
    text = "; ".join(
        f"g{i}: search on a{'' if each is None else f' at {each}'}" for i, each in enumerate(rates)
    )
    rights = rights_of(grants_of(text), {"g0", "g1"})
    assert rights is not None
    assert rights.rate == rate
