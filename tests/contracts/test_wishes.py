"""Every store of wishes keeps the contract: a site is told once what is waited for, and no more."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest

from clipseek import wishes
from clipseek.catalog import leases
from clipseek.catalog.wishes import SqlWishes
from clipseek.testing import MemoryWishes
from clipseek.wishes import TooManyWishes, Wish, WishNotFound, WishStore

WISH = Wish("w1", "farm", "default", "a" * 32, 1.5, 4.0, 1080, is_preview=False, by="ann")
Later = Callable[[float], None]


@pytest.fixture
def passed() -> list[float]:
    """Return how many seconds have passed since the start of the test: one number."""
    return [0.0]


@pytest.fixture
def store(
    ledger_url: str | None, passed: list[float], monkeypatch: pytest.MonkeyPatch
) -> Iterator[WishStore]:
    """Return an empty store of each kind, whose clock the test moves."""
    if ledger_url is None:
        yield MemoryWishes(lambda: passed[0])
        return
    clock = leases.clock
    monkeypatch.setattr(leases, "clock", lambda dialect: clock(dialect) + passed[0])
    with closing(SqlWishes.open(ledger_url)) as opened:
        yield opened


@pytest.fixture
def later(passed: list[float]) -> Later:
    """Return what lets seconds pass."""

    def move(seconds: float) -> None:
        passed[0] += seconds

    return move


def test_a_site_is_told_what_is_wanted_of_it(store: WishStore) -> None:
    """Its own wishes of the collection, the oldest first."""
    others = [replace(WISH, id=f"w{n}", site="farm" if n < 5 else "mill") for n in range(2, 7)]
    others.append(replace(WISH, id="w7", collection="city"))
    for wish in (WISH, *others):
        assert store.ask(wish) == wish
    assert [wish.id for wish in store.take("farm", "default", 3)] == ["w1", "w2", "w3"]
    assert store.take("farm", "default", 3) == [others[2]]
    assert [wish.id for wish in store.take("farm", "city", 3)] == ["w7"]
    assert store.take("nobody", "default", 3) == []


def test_a_site_that_says_nothing_is_told_again(store: WishStore, later: Later) -> None:
    """It may have been restarted."""
    store.ask(WISH)
    assert len(store.take("farm", "default", 9)) == 1
    later(wishes.LEASE_S - 5)
    assert store.take("farm", "default", 9) == []
    later(10)
    assert store.take("farm", "default", 9) == [WISH]


def test_the_same_span_is_one_wish(store: WishStore) -> None:
    """The second one who asks waits for the same file."""
    store.ask(WISH)
    assert store.ask(replace(WISH, by="bob")) == WISH
    assert len(store.take("farm", "default", 9)) == 1
    assert store.get("w1", "farm") == WISH
    store.fulfil("w1", "farm")
    with pytest.raises(WishNotFound):
        store.fulfil("w1", "farm")
    with pytest.raises(WishNotFound):
        store.get("w1", "farm")


def test_what_nobody_wants_any_more_is_forgotten(store: WishStore, later: Later) -> None:
    """After ten minutes; asking again keeps it."""
    store.ask(WISH)
    later(590)
    store.ask(WISH)
    later(590)
    assert len(store.take("farm", "default", 9)) == 1
    later(20)
    assert store.take("farm", "default", 9) == []
    store.ask(replace(WISH, id="w2"))
    with pytest.raises(WishNotFound):
        store.get("w1", "farm")


def test_a_refusal_is_remembered_for_a_while(store: WishStore, later: Later) -> None:
    """Then the site is asked once more."""
    store.ask(WISH)
    store.take("farm", "default", 9)
    store.refuse("w1", "farm", "gone")
    assert store.ask(WISH).why == "gone"
    assert store.take("farm", "default", 9) == []
    with pytest.raises(WishNotFound):
        store.refuse("w1", "farm", "gone")
    later(wishes.REFUSED_S + 1)
    assert store.ask(WISH).why == ""
    assert store.take("farm", "default", 9) == [WISH]


def test_a_site_has_its_own_wishes_alone(store: WishStore) -> None:
    """The id of another one's wish does not help."""
    store.ask(WISH)
    for change in (store.fulfil, partial(store.refuse, why="gone"), store.get):
        with pytest.raises(WishNotFound, match="no open wish 'w1'"):
            change("w1", "mill")
    assert store.take("farm", "default", 9) == [WISH]


@pytest.mark.parametrize(
    ("most", "other"),
    [
        pytest.param(wishes.OF_ONE, {"site": "mill", "collection": "city"}, id="one"),
        pytest.param(wishes.OF_SITE, {"by": "bob"}, id="site"),
    ],
)
def test_few_wishes_are_open_at_a_time(store: WishStore, most: int, other: dict[str, str]) -> None:
    """What is there already may be asked for again, and one that is refused makes room."""
    made = [
        replace(WISH, id=f"w{n}", by="ann" if most == wishes.OF_ONE else f"p{n}")
        for n in range(most)
    ]
    for wish in made:
        store.ask(wish)
    with pytest.raises(TooManyWishes, match=r"farm|mill"):
        store.ask(replace(WISH, id="new", **other))  # type: ignore[arg-type]  # texts
    store.ask(made[0])
    store.refuse("w1", "farm", "too_large")
    store.ask(replace(WISH, id="new", **other))  # type: ignore[arg-type]  # texts


def test_it_is_known_when_a_site_last_asked(store: WishStore, later: Later) -> None:
    """For each collection of its own."""
    assert store.away_s("farm", "default") is None
    store.see("farm", "default")
    later(20)
    store.see("farm", "city")
    assert store.away_s("farm", "default") == pytest.approx(20, abs=5)
    store.see("farm", "default")
    assert store.away_s("farm", "default") == pytest.approx(0, abs=5)


def test_a_text_that_no_database_stores_is_refused(store: WishStore) -> None:
    """It is the caller's to say so."""
    with pytest.raises(ValueError, match=r"stored|Unicode"):
        store.ask(replace(WISH, by="a\x00b"))
