"""Principal: who asks, and what they may do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import Scope

from api.problem_kinds import FORBIDDEN
from api.problems import Refused
from clipseek.errors import CollectionNotFound
from clipseek.keys import SCOPES, Rate
from clipseek.keys import Scope as KeyScope

Permission = KeyScope
"""What somebody may do."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks.

    collections: The names of the collections that they may use, or None for all.
    rate: How often they may ask, or None for no limit.
    """

    name: str
    scopes: frozenset[Permission]
    collections: frozenset[str] | None = None
    rate: Rate | None = None

    def may_use(self, collection: str) -> bool:
        """Whether a collection, by the name that is asked for, exists for this principal."""
        return self.collections is None or collection in self.collections

    def default(self, preferred: str) -> str:
        """Return the collection of a request that names none: the server's, or the first allowed.

        So an answer does not name a collection that the principal may not use.
        """
        if self.collections is None or preferred in self.collections:
            return preferred
        return min(self.collections, default=preferred)

    def with_aliases(self, aliases: Mapping[str, str]) -> "Principal":
        """Return the same principal, who may also use the collections behind the names."""
        return replace(self, collections=self.behind(aliases))

    def behind(self, aliases: Mapping[str, str]) -> frozenset[str] | None:
        """Return the names that may be used and the collections behind them, or None for all.

        Answers and their links name the collection behind an alias.
        """
        if self.collections is None:
            return None
        return self.collections.union(aliases[name] for name in self.collections if name in aliases)


def permit(principal: Principal, permission: Permission, collection: str | None = None) -> None:
    """Return if somebody may do something, in a collection if one is named.

    Call it before anything is looked up, so that neither an answer nor the time that it takes
    depends on collections that the principal may not use.

    Raises:
        Refused: the principal does not have the permission.
        CollectionNotFound: the principal may not use the collection, whether it exists or not.
    """
    if permission not in principal.scopes:
        raise Refused(
            FORBIDDEN,
            f"this needs the scope {permission!r}, and the key has "
            f"{', '.join(map(repr, sorted(principal.scopes))) or 'none'}; ask the operator of this "
            "server for a key with that scope",
        )
    if collection is not None and not principal.may_use(collection):
        raise CollectionNotFound(collection)


def permit_all(principal: Principal, permission: Permission) -> None:
    """Return if somebody may do something that concerns all collections; raise Refused."""
    permit(principal, permission)
    if principal.collections is not None:
        raise Refused(
            FORBIDDEN,
            "this is about all collections, and the key is for some; ask the operator of this "
            "server for a key for all collections",
        )


ANONYMOUS = Principal("anonymous", frozenset(SCOPES))
"""Everybody, if the server does not ask for keys."""

NOBODY = Principal("nobody", frozenset(), frozenset())
"""Somebody without a key, at a path that needs none."""


def of_scope(scope: Scope) -> Principal:
    """Return who sent a request, as the border of the application noted it."""
    principal: Principal = scope["state"]["principal"]
    return principal


async def principal_of(request: Request) -> Principal:
    """Return who sent a request, for an endpoint."""
    return of_scope(request.scope)


Asking = Annotated[Principal, Depends(principal_of)]
"""The parameter of an endpoint that must know who asks."""
