"""Principal: who asks, and what they may do."""

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from fastapi import Depends, Request
from starlette.types import Scope

Permission = Literal["search", "write", "admin"]
"""What somebody may do: read and search; add and remove videos too; look after the server too."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks.

    collections: The names of the collections that they may use, or None for all.
    """

    name: str
    scopes: frozenset[Permission]
    collections: frozenset[str] | None = None


ANONYMOUS = Principal("anonymous", frozenset(get_args(Permission)))
"""Everybody. The server knows no keys, so everybody who can reach it may do everything."""


def who_asks(_scope: Scope) -> Principal:
    """Return who sent a request. The border of the application calls this once for each request."""
    return ANONYMOUS


async def principal_of(request: Request) -> Principal:
    """Return who sent a request, as the border of the application noted it."""
    principal: Principal = request.state.principal
    return principal


Asking = Annotated[Principal, Depends(principal_of)]
"""The parameter of an endpoint that must know who asks."""
