"""Principal: every request has one, and an endpoint can ask for it."""

import asyncio
from dataclasses import FrozenInstanceError

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.principal import ANONYMOUS, Asking, Principal, permit, permit_all
from api.problems import Refused
from api.rates import Rates
from clipseek.errors import CollectionNotFound
from clipseek.grants import grants_of, rights_of
from clipseek.keys import Rate
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
    assert {"search", "write", "admin", "annotator", "reviewer"} == ANONYMOUS.scopes
    assert ANONYMOUS.collections is None


def test_a_principal_cannot_be_changed() -> None:
    """Requests share it."""
    with pytest.raises(FrozenInstanceError):
        ANONYMOUS.name = "root"  # type: ignore[misc]  # it is frozen


def test_a_person_may_use_a_scope_where_a_group_has_it() -> None:
    """What groups allow together is kept scope by scope, with the collections behind aliases."""
    grants = grants_of("a: search on x; b: search, write on y at 1/s; c: admin on *")
    rights = rights_of(grants, {"a", "b", "c"})
    assert rights is not None
    ann = Principal.of_rights("ann", rights).with_aliases({"y": "z"})
    assert ann.rate is None
    assert ann.collections == frozenset({"y", "z"})
    assert permit(ann, "search").collections == frozenset({"x", "y", "z"})
    assert permit(ann, "write", "z").collections == frozenset({"y", "z"})
    with pytest.raises(CollectionNotFound):
        permit(ann, "write", "x")
    permit_all(ann, "admin")
    with pytest.raises(Refused, match=r"the key is for some; .* a key for all collections"):
        permit_all(ann, "search")


def test_a_person_whose_groups_agree_is_as_a_key() -> None:
    """Then nothing is looked up for each request."""
    rights = rights_of(grants_of("a: search, write on x at 20/s"), {"a"})
    assert rights is not None
    ann = Principal.of_rights("ann", rights)
    assert ann == Principal("ann", frozenset({"search", "write"}), frozenset({"x"}), Rate(20, 1))
    assert permit(ann, "write") is ann


def test_a_person_is_told_of_groups_and_not_of_a_key() -> None:
    """They have none, and their operator changes groups."""
    ann = Principal("oidc:ann.1", frozenset({"search"}), frozenset({"x"}), Rate(1, 3600))
    with pytest.raises(Refused, match=r"and your groups have 'search'; .* a group with that scope"):
        permit(ann, "write")
    with pytest.raises(Refused, match=r"your groups are for some; .* a group for all collections"):
        permit_all(ann, "search")
    with pytest.raises(Refused, match="each member of your groups may ask 1/h; send smaller"):
        asyncio.run(Rates().spend(ann, 2))
