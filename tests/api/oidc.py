"""An application whose people log in at the small issuer, and a client of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.issuer import Issuer
from clipseek.errors import ServiceUnavailable
from tests.api.issuer import CLIENT, CLIENT_SECRET, SmallIssuer
from tests.api.library import Library
from tests.chaos.program import wait_until

SECRET = "a secret of 32 characters or more"
GROUPS = "viewers: search on default; editors: search, write on default, other; ops: admin on *"


def application(library: Library, issuer: SmallIssuer, **settings: Any) -> FastAPI:
    """Make an application whose people log in at the issuer."""
    settings = {
        "access": "keys",
        "oidc_issuer": issuer.url,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_groups": GROUPS,
        "oidc_session_secret": SECRET,
        **settings,
    }
    return create_app(library.service(**settings))


@contextmanager
def asking(library: Library, issuer: SmallIssuer, **settings: Any) -> Iterator[TestClient]:
    """Open a client of such an application, once it knows the keys of the issuer."""
    app = application(library, issuer, **settings)
    with TestClient(app, raise_server_exceptions=False) as client:
        wait_until(lambda: is_known(app.state.oidc.issuer), "the keys of the issuer")
        yield client


def is_known(issuer: Issuer) -> bool:
    """Whether the keys were read."""
    try:
        issuer.published()
    except ServiceUnavailable:
        return False
    return True
