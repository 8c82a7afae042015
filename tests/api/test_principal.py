"""Principal: every request has one, and an endpoint can ask for it."""

from dataclasses import FrozenInstanceError

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.principal import ANONYMOUS, Asking, Principal
from tests.api.library import Library


@pytest.fixture
def asking(library: Library) -> list[Principal]:
    """Return who has asked an endpoint of an application, twice."""
    app: FastAPI = create_app(library.service())
    seen: list[Principal] = []

    @app.get("/who")
    async def who(principal: Asking) -> str:
        seen.append(principal)
        return principal.name

    with TestClient(app) as client:
        assert [client.get("/who").json() for _ in range(2)] == ["anonymous"] * 2
    return seen


def test_an_endpoint_knows_who_asks(asking: list[Principal]) -> None:
    """It is one object for everybody, so it costs a request next to nothing."""
    assert asking[0] is asking[1] is ANONYMOUS


def test_without_keys_everybody_may_do_everything() -> None:
    """In every collection."""
    assert {"search", "write", "admin"} == ANONYMOUS.scopes
    assert ANONYMOUS.collections is None


def test_a_principal_cannot_be_changed() -> None:
    """Requests share it."""
    with pytest.raises(FrozenInstanceError):
        ANONYMOUS.name = "root"  # type: ignore[misc]  # it is frozen
