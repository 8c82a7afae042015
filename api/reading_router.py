"""A router whose GET endpoints answer HEAD too, with the same headers (RFC 9110, section 9.3.2)."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class ReadingRouter(APIRouter):
    """An APIRouter; the border of the application leaves the body of a HEAD out."""

    def get(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        """Add an endpoint for GET and HEAD; the OpenAPI document names GET."""
        for_get = super().get(path, **options)
        for_head = super().head(path, include_in_schema=False)

        def add(endpoint: Endpoint) -> Endpoint:
            for_get(endpoint)
            for_head(endpoint)
            return endpoint

        return add
