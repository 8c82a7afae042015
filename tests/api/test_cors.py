"""Pages of other sites may ask where the settings name their site, and else not."""

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.config import Settings
from clipseek.errors import ConfigError
from tests.api.library import Library

SITE = "https://a.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
}


@pytest.fixture
def named(library: Library) -> TestClient:
    """Return a client of an application whose settings name two sites."""
    return TestClient(create_app(library.service(cors_origins=f"{SITE}, http://b.example:81")))


@pytest.mark.parametrize("site", [SITE, "http://b.example:81"])
def test_a_named_site_may_ask(named: TestClient, site: str) -> None:
    """The browser asks first, and its page sees the headers that it needs."""
    first = named.options("/v1/search", headers={"Origin": site, **PREFLIGHT})
    assert (first.status_code, first.headers["Access-Control-Allow-Origin"]) == (200, site)
    answer = named.post("/v1/search", json={"query": "red"}, headers={"Origin": site})
    assert answer.headers["Access-Control-Allow-Origin"] == site
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]


def test_another_site_may_not(named: TestClient) -> None:
    """No header lets its page see the answer."""
    headers = {"Origin": "https://evil.example"}
    answer = named.post("/v1/search", json={"query": "red"}, headers=headers)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert named.options("/v1/search", headers=headers | PREFLIGHT).status_code == 400


def test_no_site_may_where_none_is_named(client: TestClient) -> None:
    """That is the default."""
    answer = client.get("/healthz", headers={"Origin": SITE})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("origins", ["*", "a.example", "https://a.example/path"])
def test_what_is_no_origin_is_refused(origins: str) -> None:
    """A page would be refused silently later on."""
    with pytest.raises(ConfigError, match="CLIPSEEK_CORS_ORIGINS"):
        Settings.load(cors_origins=origins)
