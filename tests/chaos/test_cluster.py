"""The whole service at work: replicas agree, changes show in time, and deaths lose nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.chaos import Experiment, break_things
from tests.chaos.checker import OLDEST_S
from tests.chaos.client import Client
from tests.chaos.cluster import Cluster
from tests.chaos.program import wait_until


def _seen(experiment: Experiment) -> str:
    """Return what was wrong, for the message of a failed test."""
    return "\n".join(fault.what for fault in experiment.findings.faults[:5])


def _wait_for_all(cluster: Cluster) -> None:
    """Wait until every replica answers from what is committed now, or from later changes."""
    client = Client(cluster.port)
    (collection,) = client.ask("GET", "/v1/collections").body["collections"]
    client.close()
    for port in cluster.ports:
        replica = Client(port)

        def is_current(replica: Client = replica) -> bool:
            answer = replica.search("a red car")
            return answer.status == 200 and answer.body["version"] >= collection["version"]

        wait_until(is_current, "an answer from the last change")
        replica.close()


def test_a_whole_cluster_is_consistent(cluster: Cluster) -> None:
    """Videos come and go: each shows on every replica in time, whole and once, and none stays."""
    experiment = Experiment(cluster, seed=3)
    with experiment.in_use():
        wait_until(lambda: len(experiment.findings.waits_s) >= 9, "changes to show")
    outcome = experiment.outcome(kills=0)
    assert outcome.sound, _seen(experiment)
    assert outcome.failed_share == 0, experiment.findings.failures


@pytest.mark.long
def test_the_death_of_a_replica_fails_no_request(cluster: Cluster) -> None:
    """No client notices: nginx asks another one, for searches too."""
    experiment = Experiment(cluster, seed=4)
    with experiment.in_use():
        for _ in range(2):
            before = experiment.findings.requests
            experiment.faults.kill_replica()
            wait_until(lambda: experiment.findings.requests > before + 20, "requests")  # noqa: B023  called here
    outcome = experiment.outcome(kills=2)
    assert outcome.sound, _seen(experiment)
    assert outcome.failed_share == 0, experiment.findings.failures


def test_random_faults_lose_nothing(cluster: Cluster) -> None:
    """Some kills of whatever part, and other harm between them."""
    experiment = Experiment(cluster, seed=5)
    outcome = break_things(experiment, kills=2)
    assert outcome.kills == 2
    assert outcome.sound, _seen(experiment)


@pytest.mark.long
def test_without_redis_searches_are_answered(cluster: Cluster) -> None:
    """The cache is a help and no need."""
    experiment = Experiment(cluster, seed=6)
    with experiment.in_use():
        cluster.redis.kill()
        before = experiment.findings.requests
        wait_until(lambda: experiment.findings.requests > before + 20, "requests")
    assert experiment.outcome(kills=1).failed_share == 0, experiment.findings.failures
    assert experiment.outcome(kills=1).sound, _seen(experiment)


@pytest.mark.long
def test_without_postgres_searches_go_on(cluster: Cluster) -> None:
    """They say that they are stale; what only the database knows is refused; then all is fresh."""
    Experiment(cluster, seed=10).writer.step()
    _wait_for_all(cluster)
    client = Client(cluster.port)
    before = client.search("a red car").body
    assert before["stale"] is False
    cluster.postgres.kill()
    seen: list[dict[str, Any]] = []

    def is_stale() -> bool:
        seen.append(client.search("a red car").body)
        return bool(seen[-1]["stale"])

    wait_until(is_stale, "a stale answer")
    after = seen[-1]
    assert (after["hits"], after["version"]) == (before["hits"], before["version"])
    assert 0 < after["age_s"] < OLDEST_S
    refused = client.ask("GET", "/v1/videos")
    assert (refused.status, refused.body["type"]) == (503, "/problems/service-unavailable")
    assert refused.headers["retry-after"]
    cluster.postgres.start()
    wait_until(lambda: not client.search("a red car").body["stale"], "a fresh answer")
    client.close()


@pytest.mark.long
def test_without_postgres_and_redis_no_search_fails(cluster: Cluster) -> None:
    """Searches do not notice it, however long they take to come back."""
    experiment = Experiment(cluster, seed=9)
    with experiment.in_use():
        _wait_for_all(cluster)
        cluster.redis.kill()
        cluster.postgres.kill()
        wait_until(lambda: experiment.findings.stale > 40, "stale answers")
        cluster.postgres.start()
    outcome = experiment.outcome(kills=2)
    assert outcome.sound, _seen(experiment)
    failed = [reason for reason in experiment.findings.failures if "search" in reason]
    assert failed == []


@pytest.mark.long
def test_a_damaged_snapshot_costs_no_answer(cluster: Cluster) -> None:
    """A replica that starts over it says so, reads the catalog, and answers as before."""
    Experiment(cluster, seed=8).writer.step()
    with cluster.indexer("build") as build:
        build.communicate()
    client = Client(cluster.ports[0])
    (collection,) = client.ask("GET", "/v1/collections").body["collections"]
    version = collection["version"]
    wait_until(lambda: client.search("a red car").body["version"] == version, "the last change")
    before = client.search("a red car").body["hits"]
    client.close()  # it connects again, to the next replica
    cluster.replicas[0].kill()
    snapshots = cluster.data_dir / "snapshots" / "default"
    current = snapshots / (snapshots / "current").read_text("utf-8").strip()
    # A new file: the other replicas have the old one mapped.
    short = current / "short"
    short.write_bytes((current / "index.faiss").read_bytes()[:100])
    short.replace(current / "index.faiss")
    cluster.wait_ready(0)
    assert client.search("a red car").body["hits"] == before
    client.close()
    assert "index.faiss has 100 bytes" in cluster.replicas[0].said()


@pytest.mark.long
def test_a_thumbnail_and_a_range_pass_through_all(cluster: Cluster) -> None:
    """What a player and a page ask for comes through nginx as from a replica."""
    experiment = Experiment(cluster, seed=7)
    experiment.writer.step()
    client = Client(cluster.port)
    (video, *_) = client.ask("GET", "/v1/videos").body["videos"]
    part = client.ask("GET", video["file_url"], headers={"Range": "bytes=4-7"})
    assert (part.status, part.body) == (206, b"ftyp")
    (segment, *_) = client.ask("GET", f"/v1/videos/{video['id']}/segments").body["segments"]
    picture = client.ask("GET", segment["thumbnail_url"])
    assert (picture.status, picture.headers["content-type"]) == (200, "image/jpeg")
    client.close()


def test_every_request_is_logged_with_its_id(cluster: Cluster) -> None:
    """As one JSON object a line, with the replicas that were tried."""
    client = Client(cluster.port)
    client.ask("GET", "/healthz", headers={"X-Request-ID": "the-one"})
    client.close()
    log = cluster.root / "nginx.log"
    wait_until(lambda: "the-one" in log.read_text("utf-8"), "a line in the log")
    line = next(line for line in _lines(log) if line["request_id"] == "the-one")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/healthz", 200)
    assert str(line["upstream"]).startswith("127.0.0.1:")


def _lines(log: Path) -> list[dict[str, object]]:
    lines = [line for line in log.read_text("utf-8").splitlines() if line.startswith("{")]
    return [json.loads(line) for line in lines]
