"""The cluster that the tests of this folder share, and the servers that it needs."""

from collections.abc import Iterator

import pytest

from tests.chaos.cluster import Cluster, missing_programs, running
from tests.lacking import lacking

MODEL = "demo"


def require_programs() -> None:
    """Skip where nginx or Redis is missing, or fail where CI is "true"."""
    if missing := missing_programs():
        reason = f"not installed: {', '.join(missing)}; `make servers` installs them"
        lacking(reason)


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
