"""Tokens of people over HTTP: a real issuer signs them, and the server lets their holders in."""

import base64
import json
import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from time import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi.testclient import TestClient
from jwt.algorithms import RSAAlgorithm

from api.issuer import ASK_AGAIN_S, KNOWN_FOR_S, REFRESH_S, Issuer, signing_keys
from api.issuer_documents import read_json
from api.tokens import LEEWAY_S, Person, Tokens
from clipseek.errors import ServiceUnavailable
from tests.api.issuer import (
    DISCOVERY,
    SIGNATURES,
    SmallIssuer,
    private_key,
    public_jwk,
)
from tests.api.library import Library
from tests.api.oidc import SECRET, application, asking
from tests.chaos.program import wait_until
from tests.clock import Clock


@pytest.fixture(name="issuer")
def _issuer() -> Iterator[SmallIssuer]:
    """Return an issuer that runs."""
    with SmallIssuer().running() as issuer:
        yield issuer


def status(client: TestClient, headers: dict[str, str]) -> int:
    """Return how a list of collections is answered."""
    return int(client.get("/v1/collections", headers=headers).status_code)


def test_a_token_lets_its_holder_in(library: Library, issuer: SmallIssuer) -> None:
    """Signed in each way that is read, with the rights of the groups in it."""
    with asking(library, issuer) as client:
        for algorithm in SIGNATURES:
            ann = issuer.bearer(f"{algorithm}-0")
            assert status(client, ann) == 200, algorithm
            assert client.get("/v1/jobs", headers=ann).status_code == 403
            editor = issuer.bearer(f"{algorithm}-0", groups=["editors", "unknown"])
            assert client.get("/v1/jobs", headers=editor).status_code == 200


def test_keys_go_on_beside_tokens(library: Library, issuer: SmallIssuer) -> None:
    """Programs have keys, people have tokens."""
    ann = library.key("ann", "search")
    with asking(library, issuer) as client:
        assert status(client, ann) == 200
        assert status(client, {"Authorization": "Bearer clipseek_wrong"}) == 401


def test_groups_allow_scope_by_scope(library: Library, issuer: SmallIssuer) -> None:
    """Who may read `default` and write `other` may not write `default`."""
    library.add("extra.mp4", ["red"], collection="other")
    groups = "a: search on default; b: write on other"
    with asking(library, issuer, oidc_groups=groups) as client:
        both = issuer.bearer(groups=["a", "b"])
        listed = client.get("/v1/collections", headers=both).json()["collections"]
        assert [each["name"] for each in listed] == ["default"]
        search = {"query": "red", "collection": "other"}
        assert client.post("/v1/search", json=search, headers=both).status_code == 404
        batch = {"searches": [search, {"query": "red"}]}
        results = client.post("/v1/search/batch", json=batch, headers=both).json()["results"]
        assert [("problem" in each) for each in results] == [True, False]
        assert client.get("/v1/videos?collection=other", headers=both).status_code == 404
        # There is no database for jobs here, so who may ask is answered with 503.
        for collection, expected in (("default", 404), ("other", 503)):
            answer = client.delete(f"/v1/videos/extra?collection={collection}", headers=both)
            assert answer.status_code == expected
        for collection, expected in (("default", 404), ("other", 200)):
            asked = f"/v1/jobs?collection={collection}"
            assert client.get(asked, headers=both).status_code == expected
        # An upload that names no collection is for the one that may be written.
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "1"}
        assert client.post("/v1/uploads", headers={**both, **tus}).status_code == 201


def test_a_token_without_a_group_is_forbidden(library: Library, issuer: SmallIssuer) -> None:
    """It is valid, so 401 would make its holder log in again for nothing."""
    with asking(library, issuer) as client:
        answer = client.get("/v1/collections", headers=issuer.bearer(groups=["others"]))
        assert answer.status_code == 403
        assert "oidc:ann." in answer.json()["detail"]
        assert "none of the groups that may use this server" in answer.json()["detail"]
        assert status(client, issuer.bearer(groups=None)) == 403


def test_groups_may_be_in_another_claim(library: Library, issuer: SmallIssuer) -> None:
    """As Keycloak has the roles of a realm."""
    with asking(library, issuer, oidc_groups_claim="realm_access.roles") as client:
        assert status(client, issuer.bearer(realm_access={"roles": ["viewers"]})) == 200
        assert status(client, issuer.bearer()) == 403


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"aud": "other"}, "for another program"),
    ({"aud": None}, "must have the claims aud"),
    ({"iss": "https://evil.example"}, "another issuer"),
    ({"iss": None}, "must have the claims"),
    ({"exp": None}, "must have the claims"),
    ({"iat": None}, "must have the claims"),
    ({"sub": None}, "must have the claims"),
    ({"sub": "x" * 256}, "1 to 255 characters"),
    ({"exp": 1000}, "has expired"),
    ({"nbf": 4e9}, "not valid yet"),
    ({"iat": 4e9}, "not valid yet"),
]


def test_a_token_that_is_not_for_here_and_now_is_refused(
    library: Library, issuer: SmallIssuer
) -> None:
    """The document says what is wrong."""
    with asking(library, issuer) as client:
        for claims, said in WRONG:
            answer = client.get("/v1/collections", headers=issuer.bearer(**claims))
            assert answer.status_code == 401, claims
            assert said in answer.json()["detail"]
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_clocks_may_differ_a_little(library: Library, issuer: SmallIssuer) -> None:
    """By half a minute, and no more."""
    now = int(time())
    with asking(library, issuer) as client:
        for late in (LEEWAY_S - 10, LEEWAY_S + 10):
            expected = 200 if late < LEEWAY_S else 401
            assert status(client, issuer.bearer(exp=now - late)) == expected
            assert status(client, issuer.bearer(nbf=now + late)) == expected


def forged(issuer: SmallIssuer) -> dict[str, str]:
    """Return tokens that nobody with the key of the issuer has signed."""
    header, claims, signature = issuer.token().split(".")
    said = json.loads(base64.urlsafe_b64decode(f"{claims}=="))
    public = private_key("RS256").public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    other = jwt.encode(said, private_key("RS256", 5), "RS256", headers={"kid": "RS256-0"})
    # PyJWT refuses to sign with a public key, which is what a forger does.
    hashed = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    start = f"{_part({'alg': 'HS256', 'kid': 'RS256-0', 'typ': 'JWT'})}.{claims}"
    mac = base64.urlsafe_b64encode(hashed.sign(start.encode(), pem)).decode().rstrip("=")
    more = _part({**said, "groups": ["ops"]})
    session = {**said, "aud": "clipseek-session", "name": "root", "groups": ["ops"]}
    return {
        "no signature": f"{_part({'alg': 'none', 'kid': 'RS256-0'})}.{claims}.",
        "empty signature": f"{header}.{claims}.",
        "other key": other,
        "public key as secret": f"{start}.{mac}",
        "other claims": f"{header}.{more}.{signature}",
        "other algorithm": f"{_part({'alg': 'PS256', 'kid': 'RS256-0'})}.{claims}.{signature}",
        "session": jwt.encode(session, SECRET[::-1], "HS256", headers={"typ": "clipseek-session"}),
        "dots": "..",
        "no text": "a.b.c",
    }


def _part(said: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def test_a_forged_token_is_refused(library: Library, issuer: SmallIssuer) -> None:
    """However it was made, and again when it comes again."""
    with asking(library, issuer) as client:
        for name, token in forged(issuer).items():
            for _ in range(2):
                headers = {"Authorization": f"Bearer {token}"}
                assert status(client, headers) == 401, name
        headers = {"Authorization": f"Bearer {forged(issuer)['public key as secret']}"}
        detail = client.get("/v1/collections", headers=headers).json()["detail"]
        assert detail.startswith("it is signed by 'HS256', and must be by one of ES256, EdDSA, PS")


def test_a_token_expires_although_it_is_remembered(
    library: Library, issuer: SmallIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end is compared with the clock at each request."""
    with asking(library, issuer) as client:
        ann = issuer.bearer()
        assert status(client, ann) == 200
        monkeypatch.setattr("api.tokens.time", lambda: time() + 300 + LEEWAY_S + 1)
        assert status(client, ann) == 401


def test_a_token_is_checked_once(
    library: Library, issuer: SmallIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it costs a request what a key costs; few are remembered, and the oldest is forgotten."""
    checks: list[str] = []
    real = Tokens.of_issuer

    def counted(tokens: Tokens, token: str) -> tuple[Person, Mapping[str, Any]]:
        checks.append(token)
        return real(tokens, token)

    monkeypatch.setattr("api.tokens.MOST", 2)
    monkeypatch.setattr(Tokens, "of_issuer", counted)
    with asking(library, issuer) as client:
        tokens = [issuer.bearer(sub=str(number)) for number in range(3)]
        for _ in range(3):
            assert status(client, tokens[0]) == 200
        assert len(checks) == 1
        for each in tokens:
            assert status(client, each) == 200
        assert status(client, tokens[0]) == 200
        assert len(checks) == 4


def test_a_token_for_an_alias_follows_it(library: Library, issuer: SmallIssuer) -> None:
    """When it is moved, although the token is remembered."""
    library.add("extra.mp4", ["red"], collection="other")
    library.catalog.set_alias("newest", "default")
    with asking(library, issuer, oidc_groups="viewers: search on newest") as client:
        ann = issuer.bearer()
        for behind in ("default", "other"):
            library.catalog.set_alias("newest", behind)
            client.app.state.keyring.refresh()  # type: ignore[attr-defined]  # it is a FastAPI
            listed = client.get("/v1/collections", headers=ann).json()["collections"]
            assert [each["name"] for each in listed] == [behind]


def test_a_new_key_is_read_when_a_token_names_it(library: Library, issuer: SmallIssuer) -> None:
    """At most once in half a minute; what the old key has signed is refused then."""
    with asking(library, issuer) as client:
        old = issuer.bearer()
        assert status(client, old) == 200
        issuer.rotate()
        new = issuer.bearer("RS256-1")
        first = client.get("/v1/collections", headers=new)
        assert first.status_code == 503
        assert "Retry-After" in first.headers
        wait_until(lambda: status(client, new) == 200, "the new key to be known")
        assert status(client, old) == 401
        reads = issuer.asked.count("/keys")
        issuer.keys["RS256-2"] = ("RS256", private_key("RS256", 2))
        assert status(client, issuer.bearer("RS256-2")) == 401
        assert issuer.asked.count("/keys") == reads


def test_a_token_is_in_no_log_and_in_no_answer(
    library: Library, issuer: SmallIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a valid one nor one that is refused."""
    caplog.set_level(logging.DEBUG)
    said = ""
    tokens = [issuer.token(), issuer.token(aud="other"), *forged(issuer).values()]
    with asking(library, issuer) as client:
        for token in tokens:
            answer = client.get("/v1/collections", headers={"Authorization": f"Bearer {token}"})
            said += answer.text + str(dict(answer.headers))
    said += caplog.text + repr([record.__dict__ for record in caplog.records])
    parts = {part for token in tokens for part in token.split(".") if len(part) > 5}
    assert [part for part in parts if part in said] == []
    assert SECRET not in said


def test_the_issuer_may_be_away_at_the_start(library: Library, issuer: SmallIssuer) -> None:
    """Keys work, tokens get 503, and the age of the thread says that something is wrong."""
    ann, gone = library.key("ann", "search"), SmallIssuer()
    with SmallIssuer().running() as stopped:
        gone.url = stopped.url
    app = application(library, gone)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert status(client, ann) == 200
        answer = client.get("/v1/collections", headers=issuer.bearer(iss=gone.url))
        assert answer.status_code == 503
        assert "does not answer" in answer.json()["detail"]
        with gone.running():
            app.state.oidc.issuer.reading.wake()
            wait_until(lambda: status(client, gone.bearer()) == 200, "the issuer")
        ops = library.key("ops", "admin")
        app.state.keyring.refresh()
        assert 'thread="issuer"' in client.get("/metrics", headers=ops).text


def test_known_keys_go_on_for_a_while(issuer: SmallIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour after the issuer went away, nobody can say that a key is still valid."""
    clock = Clock(1000.0)
    monkeypatch.setattr("api.issuer.monotonic", clock)
    known = Issuer(issuer.url)
    with pytest.raises(ServiceUnavailable, match="does not answer"):
        known.published()
    known.refresh()
    clock.now += KNOWN_FOR_S
    assert known.published().checking("RS256", "RS256-0") is not None
    clock.now += 1
    with pytest.raises(ServiceUnavailable, match="does not answer"):
        known.published()


def test_the_keys_are_read_again_although_no_token_names_a_new_one(
    issuer: SmallIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every five minutes, so that a key which the issuer has withdrawn is refused."""
    clock = Clock(1000.0)
    monkeypatch.setattr("api.issuer.monotonic", clock)
    known = Issuer(issuer.url)
    reads = []
    for seconds in (0.0, REFRESH_S - 1, 1.0):
        clock.now += seconds
        known._turn()
        reads.append(issuer.asked.count("/keys"))
    assert reads == [1, 1, 2]


def test_unknown_keys_do_not_make_the_issuer_busy(
    issuer: SmallIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody can send a token with a key that does not exist."""
    clock = Clock(1000.0)
    monkeypatch.setattr("api.issuer.monotonic", clock)
    known = Issuer(issuer.url)
    known.refresh()
    wanted = []
    for seconds in (0.0, ASK_AGAIN_S - 1, 1.0):
        clock.now += seconds
        wanted.append(known.ask_again())
        known.refresh()
    assert wanted == [True, False, True]


BROKEN: dict[str, tuple[str, tuple[int, dict[str, str], bytes], str]] = {
    "oversize": (DISCOVERY, (200, {}, b'{"a": "' + b"x" * (1 << 18) + b'"}'), "262144 bytes"),
    "redirect": (DISCOVERY, (302, {"Location": "http://127.0.0.1:1/"}, b""), "redirects"),
    "error": (DISCOVERY, (500, {}, b"{}"), "answers 500"),
    "no JSON": (DISCOVERY, (200, {}, b"<html>"), "not JSON"),
    "deep": (DISCOVERY, (200, {}, b"[" * 200_000), "not JSON"),
    "list": (DISCOVERY, (200, {}, b"[]"), "not an object"),
    "other issuer": (DISCOVERY, (200, {}, b'{"issuer": "https://b.example"}'), "calls itself"),
    "no keys": ("/keys", (200, {}, b'{"keys": []}'), "publishes no key"),
    "odd keys": ("/keys", (200, {}, b'{"keys": [1, {"kty": "RSA", "n": "%"}]}'), "no key"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_issuer_that_is_broken_is_not_believed(issuer: SmallIssuer, name: str) -> None:
    """The sentence for the log says what it does."""
    path, page, said = BROKEN[name]
    issuer.pages[path] = page
    with pytest.raises(ServiceUnavailable, match=said):
        Issuer(issuer.url).refresh()


@pytest.mark.parametrize("url", ["http://a.example/keys", "file:///etc/passwd", "", "https://"])
def test_the_issuer_cannot_send_us_elsewhere(issuer: SmallIssuer, url: str) -> None:
    """What it names is https, or on this machine as it is itself in the tests."""
    said = {**issuer.discovery(), "jwks_uri": url}
    issuer.pages[DISCOVERY] = (200, {}, json.dumps(said).encode())
    with pytest.raises(ServiceUnavailable, match="is not an https:// URL"):
        Issuer(issuer.url).refresh()


def test_keys_that_are_not_for_signatures_are_left_out(issuer: SmallIssuer) -> None:
    """Nobody signs tokens with 1024 bits, or with a key that everybody has or that encrypts."""
    good, *_ = issuer.key_set()["keys"][1:]
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505  that is the point
    small = public_jwk(weak, "RS256", kid="small")
    private = RSAAlgorithm.to_jwk(private_key("RS256", 3), as_dict=True)
    encrypting = {**good, "use": "enc"}
    hashed = {"kty": "oct", "k": "AAAA", "kid": "a", "alg": "HS256"}
    found = signing_keys([small, private, encrypting, hashed, good])
    assert [key.id for key in found] == ["RS256-0"]
    assert found[0].algorithms == ("RS256",)


def test_a_token_without_the_id_of_a_key_has_the_only_one(issuer: SmallIssuer) -> None:
    """With two keys for its signature, nobody knows which is meant."""
    known = Issuer(issuer.url)
    known.refresh()
    only = known.published().checking("ES256", None)
    assert only is not None
    assert only.id == "ES256-0"
    issuer.keys["ES256-1"] = ("ES256", private_key("ES256", 1))
    known.refresh()
    assert known.published().checking("ES256", None) is None


def test_an_issuer_that_answers_byte_by_byte_is_left(issuer: SmallIssuer) -> None:
    """A limit for each byte would let it hold the thread for hours."""
    ending = threading.Event()

    def drip(listener: socket.socket) -> None:
        taken, _ = listener.accept()
        with taken, suppress(OSError):
            taken.sendall(b"HTTP/1.1 200 OK\r\n\r\n{")
            while not ending.wait(0.02):
                taken.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        try:
            with pytest.raises(ServiceUnavailable, match=r"no whole answer within 0\.2 s"):
                read_json(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout_s=0.2)
        finally:
            ending.set()
            thread.join()
