"""A small OpenID Connect issuer: a real server on the loopback address, with keys of its own."""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

CLIENT = "clipseek"
CLIENT_SECRET = "a secret of the client"
DISCOVERY = "/.well-known/openid-configuration"
SIGNATURES = ("RS256", "PS256", "ES256", "EdDSA")

Page = tuple[int, Mapping[str, str], bytes]


@cache
def private_key(algorithm: str, number: int = 0) -> Any:
    """Return a key to sign with; another number is another key."""
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 2048)


def public_jwk(key: Any, algorithm: str, **more: str) -> dict[str, Any]:
    """Return the public half of a key, as sets of keys contain it."""
    written = get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True)
    return {**written, "use": "sig", **more}


class SmallIssuer:
    """What the issuer publishes, whom it logs in, and how it misbehaves if a test says so.

    subject: The claims of the person who logs in. pages: Answers in place of its own, by path.
    """

    def __init__(self) -> None:
        self.url = ""
        self.subject: dict[str, Any] = {
            "sub": "1",
            "preferred_username": "ann",
            "groups": ["viewers"],
        }
        self.pages: dict[str, Page] = {}
        self.changed: dict[str, Any] = {}
        self.asked: list[str] = []
        self.keys = {f"{each}-0": (each, private_key(each)) for each in SIGNATURES}
        self._codes: dict[str, dict[str, str]] = {}

    def rotate(self) -> None:
        """Sign with a new key, and withdraw all others."""
        self.keys = {"RS256-1": ("RS256", private_key("RS256", 1))}

    def token(self, key_id: str = "RS256-0", **claims: Any) -> str:
        """Sign a token; a claim that is None is left out."""
        now = int(time())
        said = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300}
        said |= {**self.subject, **claims}
        algorithm, key = self.keys[key_id]
        told = {name: value for name, value in said.items() if value is not None}
        token: str = jwt.encode(told, key, algorithm, headers={"kid": key_id})
        return token

    def bearer(self, key_id: str = "RS256-0", **claims: Any) -> dict[str, str]:
        """Return the header with a token."""
        return {"Authorization": f"Bearer {self.token(key_id, **claims)}"}

    def discovery(self) -> dict[str, Any]:
        """Return what it says of itself."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "scopes_supported": ["openid", "groups"],
        }

    def key_set(self) -> dict[str, Any]:
        """Return its public keys, and one that is not for signatures."""
        public = [public_jwk(key, alg, kid=kid, alg=alg) for kid, (alg, key) in self.keys.items()]
        encrypting = public_jwk(private_key("RS256", 9), "RS256", kid="enc", use="enc")
        return {"keys": [encrypting, *public]}

    def authorize(self, query: Mapping[str, str]) -> str:
        """Log somebody in at once; return where the browser goes."""
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(8)
        self._codes[code] = dict(query)
        answer = {"code": code, "state": query["state"], "iss": self.url}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def exchange(self, form: Mapping[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Give the token for a code, once, to the client that asked for it."""
        expected = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET.replace(' ', '+')}".encode())
        if authorization != f"Basic {expected.decode()}":
            return 401, {"error": "invalid_client"}
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form["redirect_uri"]
            or form["grant_type"] != "authorization_code"
        ):
            return 400, {"error": "invalid_grant", "error_description": "<b>raw</b>"}
        claims = {"nonce": asked["nonce"], **self.changed}
        return 200, {"id_token": self.token(next(iter(self.keys)), **claims)}

    @contextmanager
    def running(self) -> Iterator["SmallIssuer"]:
        """Serve, on the same port as before if there was one."""
        port = urlsplit(self.url).port or 0
        server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _handler(issuer: SmallIssuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            issuer.asked.append(parts.path)
            if parts.path in issuer.pages:
                self._send(*issuer.pages[parts.path])
            elif parts.path == DISCOVERY:
                self._send(200, {}, json.dumps(issuer.discovery()).encode())
            elif parts.path == "/keys":
                self._send(200, {}, json.dumps(issuer.key_set()).encode())
            elif parts.path == "/authorize":
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self._send(302, {"Location": issuer.authorize(query)}, b"")
            else:
                self._send(404, {}, b"{}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            issuer.asked.append(self.path)
            if self.path in issuer.pages:
                self._send(*issuer.pages[self.path])
                return
            status, said = issuer.exchange(form, self.headers.get("Authorization", ""))
            self._send(status, {}, json.dumps(said).encode())

        def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
