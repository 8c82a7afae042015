"""Sessions of browsers: a key becomes a cookie, which only the page of this server can use."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.access import COOKIE
from api.app import create_app
from tests.api.library import Library

ASKED = {"query": "red"}
SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def ann(library: Library) -> dict[str, str]:
    """Return the header of a key."""
    return library.key("ann", "search")


@pytest.fixture
def client(library: Library, ann: dict[str, str]) -> Iterator[TestClient]:
    """Return a client, without a session, of a server that needs keys."""
    with TestClient(create_app(library.service(access="keys"))) as opened:
        yield opened


def test_a_session_is_enough_for_pictures_and_searches(
    client: TestClient, ann: dict[str, str]
) -> None:
    """Browsers send nothing else for pictures."""
    assert client.get("/v1/segments/1/thumbnail").status_code == 401
    assert client.post("/v1/session", headers=ann).status_code == 204
    assert client.get("/v1/segments/1/thumbnail").status_code == 200
    assert client.post("/v1/search", json=ASKED, headers=SAME).status_code == 200
    assert client.delete("/v1/session", headers=SAME).status_code == 204
    assert client.get("/v1/segments/1/thumbnail").status_code == 401


def test_scripts_and_other_sites_do_not_get_the_cookie(
    client: TestClient, ann: dict[str, str]
) -> None:
    """Over TLS, it is sent over TLS alone."""
    plain = client.post("/v1/session", headers=ann).headers["Set-Cookie"].lower()
    assert "httponly" in plain
    assert "samesite=strict" in plain
    assert "; secure" not in plain
    proxied = {**ann, "X-Forwarded-Proto": "https"}
    assert "; secure" in client.post("/v1/session", headers=proxied).headers["Set-Cookie"].lower()


def test_a_session_needs_a_valid_key(client: TestClient) -> None:
    """Otherwise it sets no cookie."""
    for headers in ({}, {"Authorization": "Bearer clipseek_wrong"}):
        refused = client.post("/v1/session", headers=headers)
        assert refused.status_code == 401
        assert "Set-Cookie" not in refused.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Sec-Fetch-Site": "same-origin"}, 200, id="own-page"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="sister"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="other-site"),
        pytest.param({"Origin": "http://testserver"}, 200, id="own-origin"),
        pytest.param({"Origin": "http://testserver.evil.example"}, 403, id="other-origin"),
        pytest.param({"Origin": "null"}, 403, id="no-origin"),
        pytest.param({}, 403, id="nothing"),
    ],
)
def test_a_page_of_another_site_may_not_use_a_session(
    client: TestClient, ann: dict[str, str], headers: dict[str, str], status: int
) -> None:
    """Whatever the method does, unless it only reads; with the header, a key is enough."""
    client.post("/v1/session", headers=ann)
    answer = client.post("/v1/search", json=ASKED, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["type"] == "/problems/cross-site"
    assert client.post("/v1/search", json=ASKED, headers={**headers, **ann}).status_code == 200


def test_a_session_ends_with_its_key(library: Library, ann: dict[str, str]) -> None:
    """And the page itself still opens, to ask for another one."""
    app = create_app(library.service(access="keys"))
    with TestClient(app) as client:
        client.post("/v1/session", headers=ann)
        library.keys.remove("ann")
        app.state.keyring.refresh()
        assert client.get("/v1/collections").status_code == 401
        for path in ("/", "/login", "/static/login.js", "/healthz"):
            assert client.get(path).status_code == 200


def test_a_server_that_needs_no_keys_sets_no_cookie(library: Library) -> None:
    """Even if it is given one."""
    with TestClient(create_app(library.service())) as client:
        answer = client.post("/v1/session", headers={"Authorization": "Bearer something"})
        assert answer.status_code == 204
        assert COOKIE not in answer.headers.get("Set-Cookie", "")
