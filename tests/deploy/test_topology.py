"""The service of docker-compose.yml as plain processes: searched, watched and broken."""

import json
import subprocess
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.chaos.client import Answer, Client
from tests.chaos.program import wait_until
from tests.contracts.postgres import free_port
from tests.deploy.test_monitoring import RULES, expressions
from tests.deploy.topology import Topology, missing_programs, running
from tests.lacking import lacking

QUERY = "a red car"
CAMERAS = {"Frames of cameras", "Delay of cameras", "Cameras that send"}
WATCHES = {
    "Alerts of watches",
    "Delay of watches",
    "Alerts that are sent",
    "Oldest alert that waits",
}
PROFILES = {"Servers that answer", "Queue of the embedder"}
TROUBLE = (
    {"Error rate", "Faults of cameras and folders"}
    | CAMERAS
    | WATCHES
    | PROFILES
    | {rule["alert"] for rule in RULES}
)
"""What has nothing to show while all is well, nothing is watched and no profile is asked for."""


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    """Everything, with two demo videos ingested by the indexer's own service."""
    if missing := missing_programs():
        reason = f"not installed: {', '.join(missing)}; `make servers` installs them"
        lacking(reason)
    with running(CLIPSEEK_MODEL="demo", CLIPSEEK_RATE="1000r/s") as started:
        drawn = started.indexer("demo", "--videos", "2", "--seed", "7", "--out", "/videos")
        assert drawn.returncode == 0, drawn.stderr
        done = started.indexer("ingest", "/videos")
        assert done.returncode == 0, done.stderr
        yield started


@pytest.fixture
def client(topology: Topology) -> Iterator[Client]:
    """A client of nginx, when every replica shows the videos."""
    for port in topology.places.replicas:
        replica = Client(port)
        wait_until(lambda: _hits(replica.search(QUERY)) > 0, "videos on a replica")  # noqa: B023  called here
        replica.close()
    opened = Client(topology.ports["nginx"])
    yield opened
    opened.close()


def _hits(answer: Answer) -> int:
    return len(answer.body["hits"]) if answer.status == 200 else 0


def _title(replica: Client) -> str:
    title: str = replica.search(QUERY).body["hits"][0]["video"]["title"]
    return title


def _prometheus(topology: Topology, path: str) -> Any:
    client = Client(topology.ports["prometheus"])
    try:
        answer = client.ask("GET", f"/api/v1/{path}")
        assert answer.body["status"] == "success", answer.body
        return answer.body["data"]
    finally:
        client.close()


def test_a_search_goes_through_nginx(client: Client) -> None:
    """From a sentence to a moment, its video and its picture."""
    answer = client.search(QUERY)
    assert answer.status == 200
    hit = answer.body["hits"][0]
    assert hit["video"]["title"].startswith("video-")
    assert 0 <= hit["start"] < hit["end"]


def test_a_change_is_made_by_the_worker(topology: Topology, client: Client) -> None:
    """Asked for and followed through nginx, which sends events as they come."""
    hit = client.search(QUERY).body["hits"][0]
    path, body = f"/v1/videos/{hit['video']['id']}", {"title": "A red car"}
    asked = client.ask("PATCH", path, body, {"Idempotency-Key": "topology"})
    assert asked.status == 202, asked.body
    events = client.ask("GET", f"{asked.headers['location']}/events")
    assert events.headers["content-type"].startswith("text/event-stream")
    last = events.body.decode().strip().splitlines()[-2:]
    assert last[0] == "event: end"
    assert json.loads(last[1].removeprefix("data: "))["state"] == "done", topology.worker.said()
    assert client.ask("GET", path).body["title"] == "A red car"
    back = client.ask("PATCH", path, {"title": hit["video"]["title"]})
    assert back.status == 202, back.body
    client.ask("GET", f"{back.headers['location']}/events")
    for port in topology.places.replicas:  # each reads the change within two seconds
        replica = Client(port)
        wait_until(lambda: _title(replica) == hit["video"]["title"], "the title of before")  # noqa: B023  called here
        replica.close()


def test_nginx_sends_videos_and_pictures(topology: Topology, client: Client) -> None:
    """A range of a video comes from its own disk, a picture the second time from its cache."""
    hit = client.search(QUERY).body["hits"][0]
    video, picture = hit["play_url"].partition("#")[0], hit["thumbnail_url"]
    content = next(topology.videos.glob(f"{hit['video']['title']}.*")).read_bytes()
    ranged = client.ask("GET", video, headers={"Range": "bytes=4-99", "X-Request-ID": "video"})
    assert (ranged.status, ranged.body) == (206, content[4:100])
    assert ranged.headers["content-range"] == f"bytes 4-99/{len(content)}"
    for name in ("first", "second"):
        answer = client.ask("GET", picture, headers={"X-Request-ID": name})
        assert (answer.status, answer.body[:2]) == (200, b"\xff\xd8")
    log = topology.root / "nginx.log"
    wait_until(lambda: '"second"' in log.read_text("utf-8"), "a line in the log")
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line[0] == "{"]
    cached = {line["request_id"]: line["cache"] for line in lines}
    assert (cached["first"], cached["second"]) == ("MISS", "HIT")


def test_replicas_name_videos_and_send_none(topology: Topology, client: Client) -> None:
    """What nginx sent came from nginx: the replica only said where it is."""
    video = client.search(QUERY).body["hits"][0]["play_url"].partition("#")[0]
    replica = Client(topology.places.replicas[0])
    answer = replica.ask("GET", video)
    replica.close()
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["x-accel-redirect"].startswith("/_videos/video-")


def test_prometheus_sees_every_replica(topology: Topology, client: Client) -> None:
    """Every target answers, and every rule could be evaluated over what they say."""
    replicas = {f"127.0.0.1:{port}" for port in topology.places.replicas}

    def up() -> bool:
        targets = _prometheus(topology, "targets")["activeTargets"]
        found = {target["labels"]["instance"] for target in targets if target["health"] == "up"}
        return len(targets) == len(replicas) + 1 and replicas < found

    wait_until(up, "every target to be up")

    def rules() -> list[dict[str, Any]]:
        groups = _prometheus(topology, "rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    wait_until(lambda: all(rule["health"] == "ok" for rule in rules()), "rules to be evaluated")
    assert {rule["name"] for rule in rules()} == {rule["alert"] for rule in RULES}
    # Nobody asks for /readyz all the time here, as Docker does.
    firing = {rule["name"] for rule in rules() if rule["state"] == "firing"}
    assert firing <= {"ClipseekNoReadyReplica"}
    wanted = client.ask("GET", "/v1/collections").body["collections"][0]["segments"]

    def shown() -> list[float]:
        asked = quote("min(clipseek_index_segments)")
        found = _prometheus(topology, f"query?query={asked}")["result"]
        return [float(series["value"][1]) for series in found]

    wait_until(lambda: shown() == [wanted], "the segments of every replica")


def test_the_dashboard_shows_something(topology: Topology, client: Client) -> None:
    """Prometheus has an answer to each expression but those on errors, which there are none of."""
    client.search(QUERY)
    empty = dict.fromkeys(TROUBLE)

    def shown() -> bool:
        empty.clear()
        for place, expression in expressions():
            asked = expression.replace("$__rate_interval", "1m").replace("$collection", ".*")
            asked = asked.replace("$job", "clipseek-api")
            if not _prometheus(topology, "query?query=" + quote(asked))["result"]:
                empty[place] = None
        return empty.keys() <= TROUBLE

    wait_until(shown, "series of every panel", step_s=0.5)


def test_no_search_fails_when_a_replica_dies(topology: Topology, client: Client) -> None:
    """Searches go on while one of three is killed, and it comes back."""
    asking = threading.Event()
    answers: list[Answer] = []

    def ask() -> None:
        own = Client(topology.ports["nginx"])
        while not asking.is_set():
            answers.append(own.search(f"{QUERY} {len(answers)}"))
        own.close()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(answers) > 20, "searches before")
        topology.replicas[1].kill()
        killed_at = len(answers)
        wait_until(lambda: len(answers) > killed_at + 60, "searches after")
    finally:
        asking.set()
        for thread in threads:
            thread.join()
        topology.replicas[1].start()
    assert [answer.status for answer in answers if answer.status != 200] == []
    wait_until(
        lambda: topology.healthy("api", topology.places.replicas[1]), "the replica", step_s=0.2
    )


def test_replicas_write_nothing_to_the_volume(topology: Topology, client: Client) -> None:
    """It is mounted for them to read: whatever is asked, no file comes, goes or changes."""

    def seen() -> dict[str, int]:
        root = topology.places.folders["/var/lib/clipseek"]
        return {str(path): path.stat().st_mtime_ns for path in root.rglob("*")}

    before = seen()
    hit = client.search("something else at night").body["hits"][0]
    # Not through nginx, whose cache another test looks at.
    asked = Client(topology.places.replicas[0])
    assert asked.ask("GET", hit["thumbnail_url"]).status == 200
    asked.close()
    replica = topology.replicas[2]
    replica.end()
    replica.start()
    wait_until(
        lambda: topology.healthy("api", topology.places.replicas[2]), "the replica", step_s=0.2
    )
    assert seen() == before


def test_a_replica_needs_neither_capabilities_nor_writing(
    topology: Topology, client: Client
) -> None:
    """On a volume that is mounted read only, it answers with hits, pictures and videos."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounts cannot be changed here; that takes root and util-linux")
    port = free_port()
    program = topology.locked_replica(port)
    program.start()
    replica = Client(port)
    try:
        wait_until(lambda: topology.healthy("api", port), "the replica", step_s=0.3)
        hit = replica.search(QUERY).body["hits"][0]
        assert replica.ask("GET", hit["thumbnail_url"]).status == 200
        assert replica.ask("GET", hit["play_url"].partition("#")[0]).status == 200
    finally:
        replica.close()
        program.end()


def test_a_wrong_password_is_one_sentence(topology: Topology) -> None:
    """Another mounted secret is reported at once, without showing it."""
    secret = topology.places.folders["/run/secrets"] / "database_url"
    right = secret.read_text("utf-8")
    password = right.split(":")[2].partition("@")[0]
    secret.write_text(right.replace(password, "another"), "utf-8")
    try:
        done = topology.indexer("list")
    finally:
        secret.write_text(right, "utf-8")
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("indexer: ")
    assert len(done.stderr.splitlines()) == 1
    assert "another" not in done.stderr
