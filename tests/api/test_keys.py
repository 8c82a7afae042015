"""Keys over HTTP: who is let in, what a refusal says, and what is never said."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.routing import Route

from api.access import OPEN, OPEN_BELOW, SESSION
from api.app import create_app
from api.keyring import Keyring
from clipseek.errors import ServiceUnavailable
from clipseek.keys import PREFIX, Key, digest_of
from clipseek.testing import MemoryKeys
from tests.api.library import Library
from tests.api.live_tenants import PART
from tests.chaos.program import wait_until

PAST, FUTURE = "2000-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


@contextmanager
def asking(library: Library, **settings: Any) -> Iterator[TestClient]:
    """Open a client of an application that needs keys."""
    app = create_app(library.service(access="keys", **settings))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_a_key_lets_its_holder_in(library: Library) -> None:
    """Its scopes and its collections hold."""
    ann = library.key("ann", "search", expires_at=FUTURE)
    bob = library.key("bob", "write")
    with asking(library) as client:
        assert client.get("/v1/collections", headers=ann).status_code == 200
        assert client.get("/v1/collections", headers=bob).status_code == 403
        assert client.get("/metrics", headers=ann).status_code == 403


@pytest.mark.parametrize(
    ("header", "challenge", "said"),
    [
        pytest.param(None, 'Bearer realm="clipseek"', "Authorization: Bearer KEY", id="missing"),
        pytest.param("Basic YTpi", "invalid_request", "must be `Bearer KEY`", id="scheme"),
        pytest.param("Bearer", "invalid_request", "must be `Bearer KEY`", id="empty"),
        pytest.param("Bearer a b", "invalid_request", "must be `Bearer KEY`", id="two"),
        pytest.param(f"Bearer {'a' * 9000}", "invalid_request", "`Bearer KEY`", id="huge"),
        pytest.param(f"Bearer {PREFIX}x", "invalid_token", "was revoked, or", id="unknown"),
    ],
)
def test_a_request_without_a_valid_key_is_refused(
    library: Library, header: str | None, challenge: str, said: str
) -> None:
    """The header says how to ask, as RFC 6750 has it; the document says what is wrong."""
    library.key("ann", "search")
    with asking(library) as client:
        headers = {} if header is None else {"Authorization": header}
        answer = client.get("/v1/collections", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="clipseek"')
    assert challenge in answer.headers["WWW-Authenticate"]
    assert answer.json()["type"] == "/problems/unauthenticated"
    assert said in answer.json()["detail"]


def test_an_expired_key_is_refused(library: Library) -> None:
    """Its holder is told so."""
    ann = library.key("ann", "search", expires_at=PAST)
    with asking(library) as client:
        answer = client.get("/v1/collections", headers=ann)
    assert answer.status_code == 401
    assert "has expired" in answer.json()["detail"]


def test_a_key_expires_between_two_looks(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end is compared with the clock at each request."""
    ann = library.key("ann", "search", expires_at=FUTURE)
    with asking(library) as client:
        assert client.get("/v1/collections", headers=ann).status_code == 200
        monkeypatch.setattr("api.keyring.time", lambda: 4e10)
        assert client.get("/v1/collections", headers=ann).status_code == 401


def test_the_scheme_may_be_written_in_any_case(library: Library) -> None:
    """RFC 9110, section 11.1."""
    ann = library.key("ann", "search")["Authorization"].replace("Bearer", "bEARER")
    with asking(library) as client:
        assert client.get("/v1/collections", headers={"Authorization": ann}).status_code == 200


def test_every_path_but_the_open_ones_needs_a_key(library: Library) -> None:
    """The open ones are listed; a route that is added needs a key unless it is listed too."""
    app = create_app(library.service(access="keys"))
    routes: list[Route] = app.state.routes
    with TestClient(app, raise_server_exceptions=False) as client:
        for route in routes:
            path = route.path.replace("{", "").replace("}", "")
            is_open = path in OPEN or path.startswith(OPEN_BELOW)
            for method in (route.methods or set()) - {"OPTIONS"}:
                is_open |= (method, path) == ("DELETE", SESSION)  # a session may have ended
                status = client.request(method, path).status_code
                assert (status != 401) == is_open, (method, path)
        assert client.get("/nothing/here").status_code == 401


def test_every_endpoint_below_v1_needs_a_scope(library: Library) -> None:
    """A key without any is refused by each of them: none forgets to ask."""
    nothing = library.key("nothing")
    app = create_app(library.service(access="keys"))
    queries = {"timeline": "?query=red", "clip": "?start=0&end=1", "download": "?start=0&end=1"}
    bodies: dict[str, Any] = {
        "/v1/search": {"query": "red"},
        "/v1/search/batch": {"searches": [{"query": "red"}]},
        "/v1/videos/{video_id}/timeline": {"parts": [{"text": "red"}]},
        "/v1/videos": {"url": "https://a.example/a.mp4"},
        "/v1/videos/{video_id}": {"title": "a title"},
        "/v1/collections/{collection}/switch": {"step": "finish"},
        "/v1/parts": PART,
    }
    with TestClient(app, raise_server_exceptions=False) as client:
        document = client.get("/openapi.json").json()
        schemas = document["components"]["schemas"]
        for path, methods in document["paths"].items():
            if not path.startswith("/v1/") or path == SESSION:
                continue
            for method in set(methods) - {"options"}:
                asked = path.replace("{segment_id}", "1").replace("{", "").replace("}", "")
                asked += queries.get(path.rpartition("/")[2], "")
                headers = {
                    **nothing,
                    "Tus-Resumable": "1.0.0",
                    "Upload-Length": "1",
                    "Upload-Offset": "0",
                }
                if method == "patch" and "uploads" in path:
                    headers["Content-Type"] = "application/offset+octet-stream"
                said = methods[method].get("requestBody", {}).get("content", {})
                schema = said.get("application/json", {}).get("schema", {})
                # An endpoint's own examples are beside the reference to the schema.
                named = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
                example = next(iter({**named, **schema}.get("examples", ())), None)
                body = bodies.get(path, example) if method in ("post", "patch") else None
                answer = client.request(method, asked, json=body, headers=headers)
                assert answer.status_code == 403, (method, path, answer.text)


def test_probes_and_pages_need_no_key(library: Library) -> None:
    """Orchestrators have none, and neither has a browser that opens the page."""
    with asking(library, stale_s=0) as client:
        for path in ("/healthz", "/readyz", "/", "/docs", "/openapi.json", "/problems/forbidden"):
            assert client.get(path).status_code == 200, path


def test_another_site_may_ask_what_it_may_send(library: Library) -> None:
    """A browser asks that without the key, and then sends it."""
    site = {"Origin": "https://a.example"}
    ann = library.key("ann", "search")
    with asking(library, cors_origins="https://a.example") as client:
        asked = client.options(
            "/v1/search",
            headers={
                **site,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization",
            },
        )
        assert asked.status_code == 200
        assert client.get("/v1/collections", headers={**site, **ann}).status_code == 200


def test_a_picture_is_not_for_caches_that_others_use(library: Library) -> None:
    """Nginx ignores Cache-Control of pictures, so it is told by its own header too."""
    ann = library.key("ann", "search")
    with asking(library) as client:
        answer = client.get("/v1/segments/1/thumbnail", headers=ann)
    assert answer.headers["Cache-Control"].startswith("private")
    assert answer.headers["X-Accel-Expires"] == "0"


def test_a_key_is_in_no_log_and_in_no_answer(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a valid one nor one that is refused, whatever is wrong."""
    caplog.set_level(logging.DEBUG)
    ann = library.key("ann", "search")
    secrets = [ann["Authorization"].split()[1], f"{PREFIX}unknown-key", "bad~key~=~"]
    said = ""
    with asking(library) as client:
        for secret in secrets:
            headers = {"Authorization": f"Bearer {secret}"}
            for path in ("/v1/collections", "/v1/videos/x", "/nothing", "/metrics"):
                answer = client.get(path, headers=headers)
                said += answer.text + str(dict(answer.headers))
    said += caplog.text + repr([record.__dict__ for record in caplog.records])
    assert all(secret not in said for secret in secrets)


class Clock:
    """The clock of a keyring, which tests turn on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that keyrings look at."""
    made = Clock()
    monkeypatch.setattr("api.keyring.monotonic", made)
    return made


def test_the_last_known_keys_are_valid_while_the_catalog_is_away(
    library: Library, clock: Clock
) -> None:
    """For `stale_s` seconds after two looks that failed; then nobody can be let in."""
    secret = library.key("ann", "search")["Authorization"].split()[1].encode()
    ring = Keyring(library.keys, dict, refresh_s=1.0, stale_s=30.0)
    with pytest.raises(ServiceUnavailable):
        ring.find(secret)
    ring.refresh()
    library.keys.error = ServiceUnavailable("the database is gone")
    with pytest.raises(ServiceUnavailable):
        ring.refresh()
    clock.now += 32.0
    held = ring.find(secret)
    assert held is not None
    assert held.principal.name == "ann"
    clock.now += 0.1
    with pytest.raises(ServiceUnavailable, match="ask again"):
        ring.find(secret)


def test_a_key_for_an_alias_follows_it() -> None:
    """When it is moved to another collection, although the key itself has not changed."""
    keys, aliases = MemoryKeys(), {"newest": "spring"}
    keys.add(Key("ann", digest_of(b"a secret"), frozenset(), frozenset({"newest"}), PAST))
    ring = Keyring(keys, lambda: dict(aliases), refresh_s=1.0, stale_s=0.0)
    for behind in ("spring", "summer"):
        aliases["newest"] = behind
        ring.refresh()
        held = ring.find(b"a secret")
        assert held is not None
        assert held.principal.collections == frozenset({"newest", behind})


def test_keys_that_cannot_be_read_are_answered_with_503(library: Library) -> None:
    """A client that asks again later gets an answer; 401 would make it give its key up."""
    ann = library.key("ann", "search")
    library.keys.error = ServiceUnavailable("the database is gone")
    with asking(library) as client:
        answer = client.get("/v1/collections", headers=ann)
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


def test_keys_are_looked_at_more_often_than_views() -> None:
    """So a revoked key stops soon, however rarely collections are refreshed."""
    keys = MemoryKeys()
    ring = Keyring(keys, dict, refresh_s=3600.0, stale_s=0.0)
    ring.start()
    try:
        assert ring.refreshing.age_s is not None
        keys.add(Key("ann", digest_of(b"a secret"), frozenset(), None, PAST))
        wait_until(lambda: ring.find(b"a secret") is not None, "the key to be known")
    finally:
        ring.close()


def test_metrics_may_be_open(library: Library) -> None:
    """If nobody outside can reach them; nothing else is open by that."""
    with asking(library, metrics_access="everyone") as client:
        assert client.get("/metrics").status_code == 200
        assert client.get("/metrics/").status_code == 401
        assert client.get("/v1/collections").status_code == 401


def test_the_age_of_the_keys_is_a_metric(library: Library) -> None:
    """As that of every thread."""
    admin = library.key("ops", "admin")
    with asking(library) as client:
        metrics = client.get("/metrics", headers=admin).text
    assert 'thread="keys"' in metrics
