"""JsonRoute: the endpoints that search are answered by it, and documented by FastAPI's own."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import Match

from api import searching
from api.json_route import JsonRoute


@pytest.mark.parametrize("path", [route.path for route in searching.routes])
def test_a_search_is_answered_by_it(client: TestClient, path: str) -> None:
    """And not by the route of the same path that documents it, which is slower."""
    app = client.app
    assert isinstance(app, FastAPI)
    asked = {"type": "http", "method": "POST", "path": path}
    first = next(route for route in app.routes if route.matches(asked)[0] is Match.FULL)
    assert isinstance(first, JsonRoute)


def test_every_search_is_documented_and_answered() -> None:
    """None in the document alone."""
    assert len(searching.routes) == len(searching.router.routes) == 2
