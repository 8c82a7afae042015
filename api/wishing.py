"""Wishing: spans of videos whose files are at other machines, as endpoints answer with them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from api import problem_kinds, wish_kinds
from api.problems import Refused
from clipseek.archive import sender_of
from clipseek.brought import Brought
from clipseek.config import Settings
from clipseek.excerpts import key_of
from clipseek.ledgers import open_wishes
from clipseek.types import Video
from clipseek.video.excerpting import Recipe
from clipseek.wishes import TooManyWishes, Why, Wish, WishStore

AWAY_S = 45.0
"""A machine that has not asked for so long is away: it asks every few seconds."""
RETRY_AFTER_S = 2

_REFUSED = {
    "gone": (problem_kinds.FILE_GONE, "the file of this video does not exist any more there"),
    "changed": (problem_kinds.FILE_CHANGED, "the file of this video has changed there"),
    "unrecorded": (
        problem_kinds.FILE_GONE,
        "this camera is not recorded there, so its moments have pictures and no footage",
    ),
    "not_cut": (problem_kinds.NOT_CUT, "this span could not be made there"),
    "too_large": (
        problem_kinds.NOT_CUT,
        "this span is too large to be sent; ask for a shorter one",
    ),
}


class BeingFetched(BaseModel):
    """A span that is being fetched from the machine that has the file."""

    state: Literal["waiting"] = "waiting"
    site: str = Field(description="The machine, called as the key with which it sends.")
    retry_after_s: int = Field(description="Ask again after so many seconds.")


@dataclass(frozen=True, slots=True)
class Shown:
    """A video, the key of its collection, what excerpts of it are named by, and who asks.

    redact: The kinds of regions that are blurred.
    """

    video: Video
    collection: str
    content: str
    by: str
    redact: tuple[str, ...] = ()

    @property
    def site(self) -> str | None:
        """The machine that has the file, if it is another one."""
        return sender_of(self.video.uri)


class Wishing:
    """Finds spans that other machines have sent, and notes those that are wanted of them."""

    def __init__(self, store: WishStore, brought: Brought, is_ending: Callable[[], bool]) -> None:
        self.store, self.brought, self.is_ending = store, brought, is_ending

    @classmethod
    def opened(cls, settings: Settings, is_ending: Callable[[], bool]) -> Self:
        """Open what the settings name; the database is connected to when it is used."""
        brought = Brought(settings.upload_root, settings.excerpt_bytes)
        return cls(open_wishes(settings), brought, is_ending)

    def found(self, shown: Shown, site: str, recipe: Recipe, *, asks: bool) -> Path | Response:
        """Return the file of a span, or the answer that it is being fetched.

        asks: Whether it is to be fetched, and not only looked for.

        Raises:
            Refused: the machine is away, has refused it, or has much to send.
        """
        # By the key of the collection, too: one that has its name later has wishes of its own.
        span = key_of(f"{shown.collection} {shown.content}", recipe).removesuffix(".mp4")
        kept = self.brought.find(shown.collection, shown.video.id, span)
        if kept is not None:
            return kept
        if asks:
            self._ask(_wish(span, shown, site, recipe))
        told = BeingFetched(site=site, retry_after_s=RETRY_AFTER_S)
        headers = {"Retry-After": str(RETRY_AFTER_S), "Cache-Control": "no-store"}
        return JSONResponse(told.model_dump(), 202, headers=headers)

    def _ask(self, wish: Wish) -> None:
        self._require_there(wish)
        try:
            noted = self.store.ask(wish)
        except TooManyWishes as error:
            headers = {"Retry-After": str(5 * RETRY_AFTER_S)}
            raise Refused(wish_kinds.TOO_MANY_WISHES, str(error), headers) from error
        if noted.why:
            raise refused(noted.why, noted.site)

    def _require_there(self, wish: Wish) -> None:
        away_s = self.store.away_s(wish.site, wish.collection)
        if away_s is not None and away_s <= AWAY_S:
            return
        since = "has never asked" if away_s is None else f"last asked {away_s:.0f} s ago"
        raise Refused(
            wish_kinds.SITE_AWAY,
            f"the file of this video is at {wish.site}, which {since} what is wanted of it; ask "
            "again when `indexer forward --follow` runs there",
        )


def refused(why: Why, site: str) -> Refused:
    """Return the problem that a machine cannot send a span."""
    kind, said = _REFUSED[why]
    return Refused(kind, f"{site} says: {said}")


def _wish(span: str, shown: Shown, site: str, recipe: Recipe) -> Wish:
    return Wish(
        id=span,
        site=site,
        collection=shown.collection,
        video=shown.video.id,
        start=recipe.start,
        end=recipe.end,
        height=recipe.height,
        is_preview=not recipe.copy,
        by=shown.by,
    )
