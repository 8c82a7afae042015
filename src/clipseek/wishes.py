"""Wishes: spans of videos that somebody wants to see, and whose files are at another machine. Pure.

A *site* is a machine that sends what it indexes and keeps the footage; it is called as its key is.
The central library notes a wish, the site asks for wishes, and sends the span as a file.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from clipseek.errors import RequestError

Why = Literal["gone", "changed", "unrecorded", "not_cut", "too_large"]
"""Why a site cannot send a span."""

LIFE_S = 600.0
"""A wish that nobody has repeated for so long is forgotten."""
LEASE_S = 60.0
"""A site that has taken a wish and says nothing for so long is told it again."""
REFUSED_S = 60.0
"""What a site cannot send is not asked of it again before so many seconds are over."""
OF_SITE, OF_ONE = 64, 16
"""Wishes that may be open at a time: of one collection and site, and of one principal."""


class TooManyWishes(RequestError):
    """As many spans are waited for as may be."""

    def __init__(self, site: str) -> None:
        self.site = site
        super().__init__(
            f"{site} is to send other spans first: at most {OF_ONE} that you asked for, and "
            f"{OF_SITE} of a collection, are waited for at a time; ask again in a moment"
        )


class WishNotFound(RequestError):
    """There is no open wish with this id for this site."""

    def __init__(self, wish_id: str) -> None:
        self.wish_id = wish_id
        super().__init__(
            f"no open wish {wish_id!r}: it was fulfilled, or nobody waits for it any more"
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """A span of a video that somebody waits for.

    id: The same for everybody who wants the same span in the same form.
    collection: The key of the collection. by: The principal who asked first.
    start, end: Seconds of the video. height: The most pixels. is_preview: Whether it is encoded for
        any browser; otherwise the packets are copied if they can be.
    why: Why the site cannot send it; empty while it is waited for.
    """

    id: str
    site: str
    collection: str
    video: str
    start: float
    end: float
    height: int
    is_preview: bool
    by: str = ""
    why: Why | Literal[""] = ""


class WishStore(Protocol):
    """The wishes, to note and to fulfil. Every change is one transaction.

    Every method may raise ServiceUnavailable (database gone).
    """

    def ask(self, wish: Wish) -> Wish:
        """Note a wish, or that somebody still wants it; return it as it is stored.

        One that the site has refused a moment ago is returned with the reason.

        Raises:
            TooManyWishes: as many are open as may be.
        """
        ...

    def see(self, site: str, collection: str) -> None:
        """Note that a site asks for the wishes of a collection now."""
        ...

    def away_s(self, site: str, collection: str) -> float | None:
        """Return how long ago a site last asked for the wishes of a collection; None if never."""
        ...

    def take(self, site: str, collection: str, most: int) -> list[Wish]:
        """Take the oldest wishes that a site has not been told, or has said nothing of since."""
        ...

    def get(self, wish_id: str, site: str) -> Wish:
        """Return a wish that a site is to fulfil; raise WishNotFound."""
        ...

    def fulfil(self, wish_id: str, site: str) -> None:
        """Remove a wish, because its span is there; raise WishNotFound."""
        ...

    def refuse(self, wish_id: str, site: str, why: Why) -> None:
        """Note why a site cannot fulfil a wish; raise WishNotFound."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
