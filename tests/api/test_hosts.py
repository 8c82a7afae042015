"""Which names a request may ask by: a page of another site must not read answers by its own."""

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.hosts import named
from tests.api.library import Library


def ask(client: TestClient, *hosts: str) -> tuple[int, str]:
    """Return the status and the type of the answer to a request with these headers Host."""
    answer = client.get("/v1/videos", headers=[("Host", host) for host in hosts])
    return answer.status_code, answer.json().get("type", "")


@pytest.fixture
def alone(library: Library) -> TestClient:
    """Return a client of a server that knows no names but its own."""
    service = library.service(allowed_hosts="Videos.Example.,other", api_host="box.lan")
    return TestClient(create_app(service), raise_server_exceptions=False)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "localhost.",
        "clips.localhost:80",
        "127.0.0.1:8000",
        "10.1.2.3",
        "[::1]:8000",
        "[fe80::1]",
        "videos.example",
        "VIDEOS.EXAMPLE:443",
        "videos.example.",
        "other:",
        "box.lan",
    ],
)
def test_a_name_that_the_server_has_is_answered(alone: TestClient, host: str) -> None:
    """Loopback names, addresses, the name that it listens on, and those of the setting."""
    assert ask(alone, host) == (200, "")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1.evil.example",
        "sub.videos.example",
        "2130706433.example",
        "testserver",
    ],
)
def test_another_name_is_refused(alone: TestClient, host: str) -> None:
    """It may be that of a page whose name was made to lead here."""
    assert ask(alone, host) == (421, "/problems/host-not-allowed")


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost@evil.example",
        "user:pass@localhost",
        "localhost, evil.example",
        "evil.example/localhost",
        "localhost:80:80",
        "localhost:http",
        "[::1",
        "[localhost]",
        "::1",
        "-",
        "a..b",
    ],
)
def test_what_is_no_name_is_refused(alone: TestClient, host: str) -> None:
    """As a request that cannot be read."""
    assert ask(alone, host) == (400, "/problems/bad-request")


@pytest.mark.parametrize(
    ("length", "expected"), [(253, (200, "")), (254, (400, "/problems/bad-request"))]
)
def test_a_name_is_as_long_as_names_can_be(
    alone: TestClient, length: int, expected: tuple[int, str]
) -> None:
    """Longer ones would fill the memory, because names are remembered (RFC 1035, 2.3.4)."""
    name = "a." * 122 + "localhost"
    assert ask(alone, f"{name.rjust(length, 'a')}.:65535") == expected


def test_a_request_with_two_hosts_is_refused(alone: TestClient) -> None:
    """A proxy may look at the one and the server at the other (RFC 9112, 3.2)."""
    assert ask(alone, "localhost", "localhost") == (400, "/problems/bad-request")


def test_every_name_is_answered_where_the_operator_says_so(library: Library) -> None:
    """A proxy checks them there; a text that is not a name is still refused."""
    client = TestClient(create_app(library.service(allowed_hosts="*")))
    assert ask(client, "evil.example") == (200, "")
    assert ask(client, "a b") == (400, "/problems/bad-request")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/", "/docs", "/none"])
def test_every_path_is_guarded(alone: TestClient, path: str) -> None:
    """Metrics and pages tell something too; probes ask by address."""
    assert alone.get(path, headers={"Host": "evil.example"}).status_code == 421
    assert alone.get(path, headers={"Host": "10.0.0.7:8000"}).status_code in (200, 404)


def test_a_name_loses_its_port_and_its_last_dot() -> None:
    """So that a setting names hosts and nothing else."""
    assert named("Videos.Example.:443") == "videos.example"
    assert named("[2001:DB8::1]:80") == "2001:db8::1"
