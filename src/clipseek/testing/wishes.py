"""MemoryWishes: spans that are wanted of other machines, in a dictionary."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from clipseek.wishes import (
    LEASE_S,
    LIFE_S,
    OF_ONE,
    OF_SITE,
    REFUSED_S,
    TooManyWishes,
    Why,
    Wish,
    WishNotFound,
)


@dataclass(slots=True)
class _Entry:
    wish: Wish
    asked: float
    told: float | None = None


class MemoryWishes:
    """A `WishStore` in a dictionary, for one thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._entries: dict[str, _Entry] = {}
        self._seen: dict[tuple[str, str], float] = {}

    def ask(self, wish: Wish) -> Wish:
        """Note a wish, or that somebody still wants it; return it as it is stored."""
        now = self._now()
        if "\x00" in wish.site + wish.collection + wish.video + wish.by:
            raise ValueError("a text cannot be stored")
        for each in list(self._entries):
            if now - self._entries[each].asked > LIFE_S:
                del self._entries[each]
        entry = self._entries.get(wish.id)
        if entry is None:
            opened = [each.wish for each in self._entries.values() if not each.wish.why]
            there = [each for each in opened if each.site == wish.site]
            beside = sum(each.collection == wish.collection for each in there)
            if beside >= OF_SITE or sum(each.by == wish.by for each in opened) >= OF_ONE:
                raise TooManyWishes(wish.site)
            entry = self._entries[wish.id] = _Entry(wish, now)
        elif entry.wish.why and entry.told is not None and now - entry.told >= REFUSED_S:
            entry.wish, entry.told = replace(entry.wish, why=""), None
        entry.asked = now
        return entry.wish

    def see(self, site: str, collection: str) -> None:
        """Note that a site asks for the wishes of a collection now."""
        self._seen[site, collection] = self._now()

    def away_s(self, site: str, collection: str) -> float | None:
        """Return how long ago a site last asked for the wishes of a collection; None if never."""
        seen = self._seen.get((site, collection))
        return None if seen is None else self._now() - seen

    def take(self, site: str, collection: str, most: int) -> list[Wish]:
        """Take the oldest wishes that a site has not been told, or has said nothing of since."""
        now, taken = self._now(), list[Wish]()
        for entry in self._entries.values():
            wish = entry.wish
            is_theirs = (wish.site, wish.collection, wish.why) == (site, collection, "")
            is_told = entry.told is not None and now - entry.told < LEASE_S
            if is_theirs and not is_told and now - entry.asked <= LIFE_S and len(taken) < most:
                entry.told = now
                taken.append(wish)
        return taken

    def get(self, wish_id: str, site: str) -> Wish:
        """Return a wish that a site is to fulfil; raise WishNotFound."""
        return self._open(wish_id, site).wish

    def fulfil(self, wish_id: str, site: str) -> None:
        """Remove a wish, because its span is there; raise WishNotFound."""
        self._open(wish_id, site)
        del self._entries[wish_id]

    def refuse(self, wish_id: str, site: str, why: Why) -> None:
        """Note why a site cannot fulfil a wish; raise WishNotFound."""
        entry = self._open(wish_id, site)
        entry.wish, entry.told = replace(entry.wish, why=why), self._now()

    def close(self) -> None:
        """Keep everything: there is nothing to give back."""

    def _open(self, wish_id: str, site: str) -> _Entry:
        entry = self._entries.get(wish_id)
        if entry is None or entry.wish.site != site or entry.wish.why:
            raise WishNotFound(wish_id)
        return entry
