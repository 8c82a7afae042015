"""The cluster that the tests of this folder share, and the servers that it needs."""

import os
from collections.abc import Iterator

import pytest

from tests.chaos.cluster import Cluster, missing_programs, running

MODEL = "demo"


def require_programs() -> None:
    """Skip where nginx or Redis is missing, or fail where CI is "true"."""
    if missing := missing_programs():
        reason = f"not installed: {', '.join(missing)}; `make servers` installs them"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_cluster() -> Iterator[Cluster]:
    """PostgreSQL, Redis, three replicas and nginx, for the run."""
    require_programs()
    with running(MODEL) as cluster:
        yield cluster


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, whole before the test and made whole after it."""
    yield shared_cluster
    shared_cluster.mend()
