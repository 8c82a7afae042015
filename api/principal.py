"""Principal: who asks, and what they may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import Scope

from api.problem_kinds import FORBIDDEN
from api.problems import Refused
from clipseek.errors import CollectionNotFound
from clipseek.grants import Rights
from clipseek.keys import SCOPES, Rate
from clipseek.keys import Scope as KeyScope
from clipseek.people import PREFIX

Permission = KeyScope
"""What somebody may do."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks.

    collections: The names of the collections that they may use with each scope, or None for all.
    rate: How often they may ask, or None for no limit.
    by_scope: For each scope the collections that it allows, if they are not the same for all.
    """

    name: str
    scopes: frozenset[Permission]
    collections: frozenset[str] | None = None
    rate: Rate | None = None
    by_scope: Mapping[Permission, frozenset[str] | None] | None = field(default=None, hash=False)

    @classmethod
    def of_rights(cls, name: str, rights: Rights) -> "Principal":
        """Return a person with what the grants of their groups allow together."""
        by_scope = rights.collections
        allowed = list(by_scope.values())
        names = [each for each in allowed if each is not None]
        # What every scope allows: code that forgets to ask for one gives too little.
        collections = names[0].intersection(*names) if names else None
        is_same = all(each == allowed[0] for each in allowed)
        scopes = frozenset(by_scope)
        return cls(name, scopes, collections, rights.rate, None if is_same else by_scope)

    def within(self, permission: Permission) -> "Principal":
        """Return the same principal with the collections that one permission allows."""
        if self.by_scope is None:
            return self
        allowed = self.by_scope.get(permission, frozenset())
        return replace(self, collections=allowed, by_scope=None)

    @property
    def is_person(self) -> bool:
        """Whether it is somebody who has logged in, and not a key."""
        return self.name.startswith(PREFIX)

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
        by_scope = self.by_scope and {
            scope: _behind(names, aliases) for scope, names in self.by_scope.items()
        }
        return replace(self, collections=self.behind(aliases), by_scope=by_scope)

    def behind(self, aliases: Mapping[str, str]) -> frozenset[str] | None:
        """Return the names that may be used and the collections behind them, or None for all.

        Answers and their links name the collection behind an alias.
        """
        return _behind(self.collections, aliases)


def _behind(names: frozenset[str] | None, aliases: Mapping[str, str]) -> frozenset[str] | None:
    if names is None:
        return None
    return names.union(aliases[name] for name in names if name in aliases)


def permit(
    principal: Principal, permission: Permission, collection: str | None = None
) -> Principal:
    """Return the principal, with the collections that they may do something in.

    If a collection is named, it is one of these. Call it before anything is looked up, so that
    neither an answer nor the time that it takes depends on collections that the principal may not
    use.

    Raises:
        Refused: the principal does not have the permission.
        CollectionNotFound: the principal may not use the collection, whether it exists or not.
    """
    if permission not in principal.scopes:
        raise Refused(
            FORBIDDEN,
            f"this needs the scope {permission!r}, and {_has(principal)} "
            f"{', '.join(map(repr, sorted(principal.scopes))) or 'none'}; ask the operator of this "
            f"server for a {'group' if principal.is_person else 'key'} with that scope",
        )
    allowed = principal.within(permission)
    if collection is not None and not allowed.may_use(collection):
        raise CollectionNotFound(collection)
    return allowed


def permit_all(principal: Principal, permission: Permission) -> None:
    """Return if somebody may do something that concerns all collections; raise Refused."""
    if permit(principal, permission).collections is not None:
        raise Refused(
            FORBIDDEN,
            "this is about all collections, and "
            f"{'your groups are' if principal.is_person else 'the key is'} for some; ask the "
            f"operator of this server for a {'group' if principal.is_person else 'key'} for all "
            "collections",
        )


def _has(principal: Principal) -> str:
    return "your groups have" if principal.is_person else "the key has"


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
