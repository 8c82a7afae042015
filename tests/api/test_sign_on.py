"""Single sign-on: a browser goes to a real issuer and comes back with a session, or is told why."""

import asyncio
import http.client
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from time import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from fastapi.testclient import TestClient

from api.access import COOKIE
from api.app import create_app
from api.logins import LOGIN_COOKIE
from clipseek.audit import Entry
from tests.api.issuer import DISCOVERY, SmallIssuer
from tests.api.library import Library
from tests.api.oidc import SECRET, application, asking

SAME = {"Sec-Fetch-Site": "same-origin"}
SEARCH = {"query": "red"}


@pytest.fixture(name="issuer")
def _issuer() -> Iterator[SmallIssuer]:
    """Return an issuer that runs."""
    with SmallIssuer().running() as issuer:
        yield issuer


@pytest.fixture(name="client")
def _client(library: Library, issuer: SmallIssuer) -> Iterator[TestClient]:
    """Return a client that does not follow redirects, as the tests look at each."""
    with asking(library, issuer) as client:
        client.follow_redirects = False
        yield client


def left(client: TestClient, path: str = "/login/oidc") -> str:
    """Begin a login; return where the browser goes."""
    answer = client.get(path)
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def visited(location: str) -> str:
    """Log in at the issuer; return where it sends the browser."""
    parts = urlsplit(location)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    assert answer.status == 302
    found = answer.headers["Location"]
    connection.close()
    return found


def changed(location: str, **parameters: str) -> str:
    """Return where the issuer sends the browser, with other parameters."""
    parts = urlsplit(location)
    given = {name: values[0] for name, values in parse_qs(parts.query).items()}
    query = {name: each for name, each in {**given, **parameters}.items() if each}
    return f"{parts.path}?{urlencode(query)}"


def returned(client: TestClient, back: str) -> str:
    """Come back from the issuer; return the page that the browser ends at."""
    answer = client.get(back)
    assert answer.status_code == 303
    assert answer.headers["Cache-Control"] == "no-store"
    return str(answer.headers["Location"])


def logged_in(client: TestClient) -> None:
    """Log in, as a browser does."""
    assert returned(client, visited(left(client))) == "/login#in"


def claims(cookie: str) -> dict[str, Any]:
    """Return what is in a token of the server."""
    return dict(jwt.decode(cookie, options={"verify_signature": False}))


def test_a_person_logs_in(client: TestClient) -> None:
    """Pictures and searches have the session; what the login needed is deleted."""
    assert client.get("/v1/segments/1/thumbnail").status_code == 401
    logged_in(client)
    assert client.get("/v1/segments/1/thumbnail").status_code == 200
    assert client.post("/v1/search", json=SEARCH, headers=SAME).status_code == 200
    assert client.get("/v1/jobs").status_code == 403
    assert LOGIN_COOKIE not in client.cookies
    assert client.delete("/v1/session", headers=SAME).status_code == 204
    assert client.get("/v1/segments/1/thumbnail").status_code == 401


def test_the_issuer_is_asked_with_what_protects_a_login(client: TestClient) -> None:
    """A state, a nonce and a challenge, new each time; groups, if it knows that scope."""
    asked = [parse_qs(urlsplit(left(client)).query) for _ in range(2)]
    for each in asked:
        assert each["redirect_uri"] == ["http://testserver/login/oidc/callback"]
        assert each["scope"] == ["openid groups"]
    for name in ("state", "nonce", "code_challenge"):
        assert len({each[name][0] for each in asked}) == 2
        assert all(len(each[name][0]) == 43 for each in asked)


def test_the_cookies_are_for_this_server_alone(client: TestClient) -> None:
    """No script reads them; over TLS they are sent over TLS alone."""
    proxied = {"X-Forwarded-Proto": "https"}
    begun = client.get("/login/oidc", headers=proxied)
    kept = begun.headers["Set-Cookie"].lower()
    assert "https%3A%2F%2Ftestserver%2Flogin" in begun.headers["Location"]
    for rule in ("httponly", "samesite=lax", "; secure", "path=/login/oidc;", "max-age=600"):
        assert rule in kept
    back = visited(left(client))
    session = next(
        each for each in client.get(back).headers.get_list("Set-Cookie") if each.startswith(COOKIE)
    ).lower()
    for rule in ("httponly", "samesite=strict", "path=/;", "max-age=28800"):
        assert rule in session


def test_a_session_is_small_and_says_little(client: TestClient, issuer: SmallIssuer) -> None:
    """The name, and those groups that have rights, however many there are."""
    issuer.subject["groups"] = ["viewers", *(f"group {number}" for number in range(500))]
    logged_in(client)
    session = client.cookies[COOKIE]
    assert len(session) < 600
    said = claims(session)
    assert said["groups"] == ["viewers"]
    assert said["name"].startswith("oidc:ann.")
    assert said["exp"] - said["iat"] == 8 * 3600


def test_a_page_of_another_site_may_not_use_a_session(client: TestClient) -> None:
    """As with the session of a key."""
    logged_in(client)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        answer = client.post("/v1/search", json=SEARCH, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["type"] == "/problems/cross-site"


def test_a_session_ends(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the seconds of the setting, however often it is used."""
    logged_in(client)
    assert client.get("/v1/collections").status_code == 200
    monkeypatch.setattr("api.tokens.time", lambda: time() + 8 * 3600 + 1)
    refused = client.get("/v1/collections")
    assert refused.status_code == 401
    assert client.get("/").status_code == 200


def test_a_session_is_valid_while_the_issuer_is_away(library: Library) -> None:
    """Also on a replica that has started since."""
    with SmallIssuer().running() as issuer, asking(library, issuer) as client:
        client.follow_redirects = False
        logged_in(client)
        session = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
    with TestClient(application(library, issuer)) as other:
        assert other.get("/v1/collections", headers=session).status_code == 200
        assert other.get("/v1/collections", headers=issuer.bearer()).status_code == 503


def test_a_session_has_on_each_replica_what_its_settings_say(
    library: Library, issuer: SmallIssuer, client: TestClient
) -> None:
    """So a group that is removed from them ends its rights, not only at the next login."""
    logged_in(client)
    session = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
    groups = "viewers: admin on *"
    with asking(library, issuer, oidc_groups=groups) as other:
        assert other.get("/v1/collections", headers=session).status_code == 403
        assert other.get("/metrics", headers=session).status_code == 200
    with asking(library, issuer, oidc_groups="others: search on *") as other:
        answer = other.get("/v1/collections", headers=session)
        assert answer.status_code == 403
        assert "none of the groups" in answer.json()["detail"]
    with asking(library, issuer, oidc_session_secret=SECRET[::-1]) as other:
        assert other.get("/v1/collections", headers=session).status_code == 401


def test_a_login_that_was_begun_is_not_a_session(client: TestClient) -> None:
    """Both are signed by the same secret."""
    left(client)
    kept = client.cookies.get(LOGIN_COOKIE, path="/login/oidc")
    assert kept is not None
    for headers in ({"Authorization": f"Bearer {kept}"}, {"Cookie": f"{COOKIE}={kept}"}):
        assert client.get("/v1/collections", headers=headers).status_code == 401
    logged_in(client)
    session = {"Cookie": f"{LOGIN_COOKIE}={client.cookies[COOKIE]}"}
    answer = client.get("/login/oidc/callback?state=a&code=b", headers=session)
    assert answer.headers["Location"] == "/login#late"


def test_a_session_that_no_browser_would_keep_is_not_begun(
    library: Library, issuer: SmallIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody in too many groups with rights is told, and the log says what to do."""
    names = [f"{number:03} {'x' * 100}" for number in range(40)]
    issuer.subject["groups"] = names
    groups = "; ".join(f"{name}: search on *" for name in names)
    with asking(library, issuer, oidc_groups=groups) as client:
        client.follow_redirects = False
        assert returned(client, visited(left(client))) == "/login#failed"
    assert "more groups than a cookie has room for; name fewer" in caplog.text


WRONG: dict[str, tuple[Mapping[str, str], Mapping[str, Any], str]] = {
    "other state": ({"state": "x"}, {}, "late"),
    "no state": ({"state": ""}, {}, "late"),
    "other issuer": ({"iss": "https://evil.example"}, {}, "failed"),
    "other code": ({"code": "x"}, {}, "failed"),
    "no code": ({"code": ""}, {}, "failed"),
    "denied": ({"error": "access_denied", "error_description": "<script>"}, {}, "denied"),
    "error": ({"error": "<script>alert(1)</script>"}, {}, "failed"),
    "other nonce": ({}, {"nonce": "x"}, "failed"),
    "no nonce": ({}, {"nonce": None}, "failed"),
    "other audience": ({}, {"aud": "other"}, "failed"),
    "other token issuer": ({}, {"iss": "https://evil.example"}, "failed"),
    "expired": ({}, {"exp": 1000}, "failed"),
    "for several programs": ({}, {"aud": ["clipseek", "other"]}, "failed"),
    "for another of several": ({}, {"aud": ["clipseek", "other"], "azp": "other"}, "failed"),
    "no group": ({}, {"groups": ["others"]}, "group"),
}


def test_a_login_that_is_wrong_is_told_in_a_word_of_ours(
    client: TestClient, issuer: SmallIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of what the issuer says comes back; the log has the reason; there is no session."""
    for name, (parameters, token, word) in WRONG.items():
        issuer.changed = dict(token)
        caplog.clear()
        ended = returned(client, changed(visited(left(client)), **parameters))
        assert ended == f"/login#{word}", name
        assert COOKIE not in client.cookies, name
        assert "nobody was logged in: " in caplog.text
    issuer.changed = {"aud": ["clipseek", "other"], "azp": "clipseek"}
    logged_in(client)


def test_a_login_is_ended_once_and_where_it_was_begun(client: TestClient) -> None:
    """Anyone who sends others a link with a code of their own logs nobody in."""
    back = visited(left(client))
    assert returned(client, back) == "/login#in"
    client.cookies.clear()
    assert returned(client, back) == "/login#late"
    left(client)
    assert returned(client, back) == "/login#late"


def test_a_login_that_takes_too_long_is_over(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes after it was begun."""
    with monkeypatch.context() as past:
        past.setattr("api.tokens.time", lambda: time() - 601)
        back = visited(left(client))
    assert returned(client, back) == "/login#late"


def test_a_login_ends_at_the_page_of_this_server(client: TestClient) -> None:
    """A link to it cannot name another place."""
    names = ("next", "return", "redirect_uri", "url", "target_link_uri")
    evil = dict.fromkeys(names, "https://evil.example/")
    location = left(client, f"/login/oidc?{urlencode(evil)}")
    assert "evil" not in location
    assert returned(client, changed(visited(location), **evil)) == "/login#in"


def test_below_a_path_a_login_stays_there(library: Library, issuer: SmallIssuer) -> None:
    """Also its cookies."""
    with asking(library, issuer, root_path="/clips") as client:
        client.follow_redirects = False
        begun = client.get("/clips/login/oidc")
        assert "Path=/clips/login/oidc" in begun.headers["Set-Cookie"]
        back = visited(begun.headers["Location"])
        assert urlsplit(back).path == "/clips/login/oidc/callback"
        assert returned(client, changed(back)) == "/clips/login#in"


def test_a_key_that_is_new_does_not_end_a_login(client: TestClient, issuer: SmallIssuer) -> None:
    """The keys are read again at once."""
    back = visited(left(client))
    issuer.rotate()
    assert returned(client, back) == "/login#in"


def test_an_issuer_that_is_broken_or_away_logs_nobody_in(
    client: TestClient, issuer: SmallIssuer
) -> None:
    """What it answers is bounded, and not followed elsewhere."""
    pages = {
        "large": ((200, {}, b" " * (1 << 19)), "away"),
        "redirect": ((307, {"Location": "http://127.0.0.1:1/"}, b""), "away"),
        "no token": ((200, {}, b'{"id_token": 1}'), "failed"),
        "wrong": ((400, {}, json.dumps({"error": "<b>"}).encode()), "failed"),
        "no JSON": ((502, {}, b"<html>"), "away"),
    }
    for name, (page, word) in pages.items():
        issuer.pages["/token"] = page
        assert returned(client, visited(left(client))) == f"/login#{word}", name


def test_many_logins_at_once_leave_threads_for_others(client: TestClient) -> None:
    """What anybody can send makes the server wait for the issuer."""
    state = client.app.state  # type: ignore[attr-defined]  # it is a FastAPI
    back = visited(left(client))
    state.oidc = replace(state.oidc, at_once=asyncio.Semaphore(0))
    assert returned(client, back) == "/login#busy"


def test_an_issuer_that_was_never_read_begins_no_login(library: Library) -> None:
    """The page says so, and asks for a key."""
    with SmallIssuer().running() as issuer:
        issuer.pages[DISCOVERY] = (500, {}, b"{}")
        with TestClient(application(library, issuer), follow_redirects=False) as client:
            assert left(client) == "/login#away"


def test_without_an_issuer_there_is_no_single_sign_on(library: Library) -> None:
    """The page asks whether there is one."""
    with TestClient(create_app(library.service(access="keys"))) as client:
        assert client.get("/login/ways").json() == {"single_sign_on": False}
        for path in ("/login/oidc", "/login/oidc/callback"):
            answer = client.get(path)
            assert answer.status_code == 404
            assert "no single sign-on" in answer.json()["detail"]


def test_a_session_of_a_key_does_not_begin_with_a_token(
    client: TestClient, issuer: SmallIssuer
) -> None:
    """A browser would drop the cookie of a large token without a word."""
    assert client.get("/login/ways").json() == {"single_sign_on": True}
    answer = client.post("/v1/session", headers=issuer.bearer())
    assert answer.status_code == 401
    assert "/login/oidc" in answer.json()["detail"]
    assert "Set-Cookie" not in answer.headers


def test_logins_and_what_people_do_are_audited(client: TestClient, issuer: SmallIssuer) -> None:
    """Who, and how it ended; no code, no state and no token."""
    stored: list[Entry] = []
    auditing = client.app.state.auditing  # type: ignore[attr-defined]  # it is a FastAPI
    auditing._add = stored.extend
    logged_in(client)
    client.get("/v1/jobs")
    issuer.subject["groups"] = []
    returned(client, visited(left(client)))
    returned(client, "/login/oidc/callback?state=a&code=b")
    auditing._store()
    assert [(re.sub(r"\.\w+$", "", e.who), e.what, e.outcome) for e in stored] == [
        ("oidc:ann", "GET /login/oidc/callback", "logged in"),
        ("oidc:ann", "GET /v1/jobs", "403"),
        ("oidc:ann", "GET /login/oidc/callback", "not logged in: group"),
        ("", "GET /login/oidc/callback", "not logged in: late"),
    ]
    assert "code" not in str(stored)


def test_the_secret_of_the_client_is_sent_as_the_issuer_wants_it(
    client: TestClient, issuer: SmallIssuer
) -> None:
    """In the header unless it names the form alone; the small issuer reads the header."""
    logged_in(client)
    said = {**issuer.discovery(), "token_endpoint_auth_methods_supported": ["client_secret_post"]}
    issuer.pages[DISCOVERY] = (200, {}, json.dumps(said).encode())
    client.app.state.oidc.issuer.refresh()  # type: ignore[attr-defined]  # it is a FastAPI
    client.cookies.clear()
    assert returned(client, visited(left(client))) == "/login#failed"
