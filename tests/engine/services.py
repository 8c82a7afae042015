"""What a profile or a file of Compose adds to docker-compose.yml, and what is used beside it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping

from tests.chaos.client import Client
from tests.chaos.program import wait_until
from tests.deploy.trial import QUESTION
from tests.engine.engine import ROOT
from tests.engine.measures import Peak, searched, started, used
from tests.engine.stack import CAMERA, PROJECT, Stack
from tests.engine.tried import PATIENCE_S

DEMO = {"CLIPSEEK_MODEL": "demo"}
FILES = "docker compose -f docker-compose.yml -f docker/store.compose.yml"
LIST = """\
from obstore.store import from_url
print(sum(len(chunk) for chunk in from_url("s3://clipseek").list("index/")))
"""


def _client(stack: Stack) -> Iterator[str]:
    """Run two examples of the client's README: a search, and an upload that the worker indexes."""
    said = _example(stack, "client.search(")
    assert re.search(r"/v1/\S+$", said), said
    yield f"the Python client: {said}"
    words = ["demo", "--videos", "1", "--seed", "8", "--out", str(stack.home / "sea")]
    subprocess.run([sys.executable, "-m", "indexer", *words], check=True, cwd=ROOT)
    (video,) = (stack.home / "sea").rglob("*.mp4")
    video.rename(stack.home / "sea.mp4")
    with Peak(stack, "worker") as peak:
        said = _example(stack, "client.upload(")
    assert "100 %" in said, said
    assert "done 1.0" in said, said
    yield f"it uploaded a video, which the worker indexed, tagged and removed; {peak}"


def _example(stack: Stack, call: str) -> str:
    """Run the first example of the client's README that has a call; return what it prints."""
    blocks = (ROOT / "client" / "README.md").read_text("utf-8").split("```python\n")[1:]
    block = next(text for each in blocks if call in (text := each.split("```")[0]))
    done = subprocess.run(
        [sys.executable, "-c", block],
        env={
            **os.environ,
            "CLIPSEEK_URL": f"http://127.0.0.1:{stack.client().port}",
            "PYTHONPATH": str(ROOT / "client"),
        },
        cwd=stack.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _reports(stack: Stack) -> Iterator[str]:
    """Write a report, and blur faces: the images have what both need."""
    stack.shell("docker compose run --rm indexer drift --by folder", **DEMO)
    stack.shell("docker compose run --rm indexer report --out /var/lib/clipseek/report.html")
    page = stack.engine.run("exec", stack.container("api"), "cat", "/var/lib/clipseek/report.html")
    assert "<svg" in page
    yield f"`indexer report` wrote a page of {len(page) / 1000:.0f} kB"
    stack.shell("docker compose run --rm indexer collections redact default faces")
    client = stack.client()
    (collection,) = client.ask("GET", "/v1/collections").body["collections"]
    assert collection["redacts"], collection
    hit = client.search(QUESTION).body["hits"][0]
    answer = client.ask("GET", hit["thumbnail_url"])
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
    stack.shell("docker compose run --rm indexer collections redact default off")
    yield "pictures of a collection that redacts faces are sent, so the image has the model"
    done = stack.engine.run(
        "run",
        "--rm",
        "--entrypoint",
        "python",
        "localhost/clipseek-indexer:local",
        "-c",
        "from clipseek.objects.tracking import Tracker; print(Tracker.__name__)",
    )
    yield f"the image `indexer` has what follows objects: {done}"


def _cameras(stack: Stack) -> Iterator[str]:
    """Add a camera, and let a recorder index and record it."""
    videos = f"{stack.home}/Videos:/videos:ro"
    words = ("--detach", "--name", "camera", "--network", f"{PROJECT}_edge", "--volume", videos)
    stack.engine.run("run", *words, f"localhost/{CAMERA}", "camera", "/videos")
    try:
        add = "cameras add yard http://camera:8080/ --fps 1 --record"
        stack.shell(f"docker compose run --rm indexer {add}", **DEMO)
        began = time.monotonic()
        stack.shell("docker compose --profile cameras up --detach recorder", **DEMO)
        client = stack.client()
        asked = {"query": QUESTION, "filter": {"cameras": ["yard"]}}

        def seen() -> bool:
            answer = client.ask("POST", "/v1/search", asked)
            return answer.status == 200 and bool(answer.body["hits"])

        wait_until(seen, "a hit of the camera", deadline_s=PATIENCE_S, step_s=0.5)
        yield f"a moment of a camera was found {time.monotonic() - began:.0f} s after `up`"
        assert client.ask("GET", "/v1/cameras/yard").body["state"] == "live"
        _scraped(stack, "recorder")
        yield f"memory of recorder with one camera: {used(stack, 'recorder'):.0f} MB"
        yield started(stack, "recorder")
        yield _stopped(stack, "recorder")
    finally:
        stack.engine.run("rm", "--force", "--time", "1", "camera", check=False)
        stack.shell("docker compose run --rm indexer cameras remove yard", **DEMO)


def _milvus(stack: Stack) -> Iterator[str]:
    """Publish the index in the Milvus of the profile, and search there."""
    settings = {"CLIPSEEK_INDEX_URL": "milvus://milvus:19530"}
    stack.shell("docker compose --profile milvus up --detach", **settings)
    stack.shell("docker compose run --rm indexer build", **settings)
    wait_until(lambda: _finds(stack, "a house"), "a search in Milvus", deadline_s=PATIENCE_S)
    _scraped(stack, "milvus")
    yield "searched in the Milvus of the profile"
    yield searched(stack, "milvus")
    yield started(stack, "milvus")
    wait_until(lambda: _finds(stack, "a garden"), "a search after it", deadline_s=PATIENCE_S)
    stack.engine.run("stop", stack.container("milvus"))
    stack.engine.run("rm", "--force", stack.container("milvus"))


def _embedder(stack: Stack) -> Iterator[str]:
    """Let a server embed, by the commands of docs/embedder.md."""
    settings = {"CLIPSEEK_EMBEDDER_URL": "grpc://embedder:8001", **DEMO}
    export = "indexer models export --triton /var/lib/clipseek/triton"
    words = f"docker compose run --rm --env CLIPSEEK_EMBEDDER_URL= {export}"
    stack.shell(words, **settings)
    stack.shell("docker compose --profile embedder up --detach", **settings)
    wait_until(lambda: _finds(stack, "a boat"), "a sentence of the server", deadline_s=PATIENCE_S)
    _scraped(stack, "embedder")
    yield "sentences were embedded by the server of the profile"
    yield searched(stack, "embedder")
    yield started(stack, "embedder")
    stack.engine.run("stop", stack.container("embedder"))
    answer = stack.client().search("a bird in the snow")
    assert answer.status == 503, answer
    assert stack.client().search("a boat").status == 200
    yield "without it, a new sentence gets 503, and one that was embedded is answered"
    stack.engine.run("rm", "--force", stack.container("embedder"))


def _store(stack: Stack) -> Iterator[str]:
    """Store snapshots and thumbnails in the bucket of docker/store.compose.yml."""
    stack.down()
    # podman-compose merges both files only when it makes the containers again.
    stack.shell(f"{FILES} up --detach", **DEMO)
    stack.shell(f"{FILES} run --rm indexer ingest /videos --force", **DEMO)
    # Until each replica has seen that the videos were indexed again, one may name a former segment.
    wait_until(lambda: _pictured(stack), "a hit with its picture", deadline_s=PATIENCE_S)
    words = ("exec", "--env", "AWS_SECRET_ACCESS_KEY=any", stack.container("api"))
    objects = int(stack.engine.run(*words, "python", "-c", LIST))
    assert objects > 0
    fetched = stack.engine.run("exec", stack.container("api"), "find", "/fetched", "-type", "f")
    assert fetched, "a replica has fetched the snapshot"
    yield f"{objects} objects in the bucket, and a replica fetched the snapshot from there"
    yield searched(stack, "store")
    stack.shell(f"{FILES} down")


def _finds(stack: Stack, question: str) -> bool:
    answer = stack.client().search(question)
    return answer.status == 200 and bool(answer.body["hits"])


def _pictured(stack: Stack) -> bool:
    client = stack.client()
    answer = client.search(QUESTION)
    if answer.status != 200 or not answer.body["hits"]:
        return False
    return client.ask("GET", answer.body["hits"][0]["thumbnail_url"]).status == 200


def _stopped(stack: Stack, service: str) -> str:
    """Stop a service within its grace period."""
    began = time.monotonic()
    grace = stack.compose[service].said["stop_grace_period"].removesuffix("s")
    name = stack.container(service)
    stack.engine.run("stop", "--time", grace, name)
    code = stack.inspect(name)["State"]["ExitCode"]
    assert code in (0, 130, 143), code
    stack.engine.run("rm", "--force", name)
    return f"a SIGTERM ends {service} with {code} after {time.monotonic() - began:.1f} s"


def _scraped(stack: Stack, service: str) -> None:
    """Wait until Prometheus reads the metrics of a service."""
    if stack.container("prometheus") not in stack.containers():
        stack.shell("docker compose --profile monitoring up --detach prometheus")
    (address,) = re.findall(r":(\d+):\d+$", stack.compose["prometheus"].said["ports"][0])
    prometheus = Client(int(address))

    def is_up() -> bool:
        answer = prometheus.ask("GET", "/api/v1/targets")
        targets = answer.body["data"]["activeTargets"] if answer.status == 200 else ()
        jobs = {each["labels"]["job"] for each in targets if each["health"] == "up"}
        return f"clipseek-{service}" in jobs

    wait_until(is_up, f"Prometheus to reach {service}", deadline_s=PATIENCE_S, step_s=1)


PARTS: Mapping[str, Callable[[Stack], Iterator[str]]] = {
    "client": _client,
    "reports": _reports,
    "cameras": _cameras,
    "milvus": _milvus,
    "embedder": _embedder,
    "store": _store,
}
"""Each runs once, in this order; the last one leaves nothing running."""
