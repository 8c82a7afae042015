"""Replicas of one name that come and go, behind the nginx that Compose runs."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.chaos.conftest import require_programs
from tests.chaos.program import wait_until
from tests.chaos.proxy import own_folder, standing
from tests.chaos.upstream import Upstream
from tests.deploy.compose import Compose
from tests.deploy.names import Names

ADDRESSES = ["127.0.1.1", "127.0.1.2", "127.0.1.3", "127.0.1.4"]


@pytest.fixture(autouse=True)
def _new_enough() -> None:
    """Skip where nginx cannot ask for addresses again; Compose names an image that can."""
    require_programs()
    said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", said)
    assert found is not None
    if tuple(map(int, found.groups())) < (1, 27, 3):
        pytest.skip(f"{found[0]} cannot resolve the names of servers again; 1.27.3 can")


@pytest.fixture
def replicas() -> Iterator[list[Upstream]]:
    """Four replicas, each at an address of its own and all at one port, as containers are."""
    with ExitStack() as stack:
        first = stack.enter_context(Upstream(host=ADDRESSES[0]).serving())
        others = [Upstream(host=host, port=first.port) for host in ADDRESSES[1:]]
        yield [first, *(stack.enter_context(other.serving()) for other in others)]


def test_a_replica_at_a_new_address_is_found(replicas: list[Upstream]) -> None:
    """Its requests go there, none goes to the address that is gone, and none fails meanwhile."""
    said = Compose()["nginx"].environment["NGINX_SERVERS"]
    with Names(ADDRESSES[:3]).answering() as names, own_folder() as folder:
        servers = said.replace("127.0.0.11", f"127.0.0.1:{names.port}")
        servers = servers.replace("api:8000", f"api:{replicas[0].port}")
        with standing(folder, [], NGINX_SERVERS=servers) as client:

            def ask() -> bool:
                status = client.ask("POST", "/v1/search", {"query": "a car"}).status
                statuses.append(status)
                return status == 200

            statuses: list[int] = []
            wait_until(ask, "the first addresses")
            statuses.clear()
            wait_until(lambda: ask() and all(each.seen for each in replicas[:3]), "three replicas")
            assert not replicas[3].seen
            names.addresses = [ADDRESSES[0], ADDRESSES[2], ADDRESSES[3]]
            wait_until(lambda: ask() and bool(replicas[3].seen), "the new address")
            replicas[1].seen.clear()
            assert [ask() for _ in range(30)] == [True] * 30
            assert not replicas[1].seen
            assert set(statuses) == {200}
