"""Tries an image in containers: locked up, limited, healthy, searched, stopped."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.chaos.client import Client
from tests.chaos.program import wait_until
from tests.contracts.postgres import free_port
from tests.deploy.trial import IMPORT, MODEL, PROBE, QUESTION, WEIGHTS
from tests.engine.engine import Engine

LOCKED = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),  # noqa: S108  a path in a container
    *("--security-opt", "no-new-privileges"),
)
GRACE_S = 15
"""Seconds that docker-compose.yml gives a replica to stop."""
PATIENCE_S = 180.0
VOLUME = "/var/lib/clipseek"


class Trial:
    """Containers of one image over one volume."""

    def __init__(self, engine: Engine, target: str, image: str) -> None:
        self._engine, self._image = engine, image
        self.volume = f"trial-{target}"
        engine.run("volume", "rm", "--force", self.volume, check=False)
        self.api = ["api"] if target == "gpu" else []
        self.indexer = {"api": ["--entrypoint", '["python", "-m", "indexer"]']}.get(target, [])
        self.verb = ["indexer"] if target == "gpu" else []

    def words(self, *options: str, memory: str = "2g") -> list[str]:
        """Return the options of a container that may do no more than it needs."""
        mount = ["--volume", f"{self.volume}:{VOLUME}"]
        return [*LOCKED, *mount, "--memory", memory, "--cpus", "2", *options, self._image]

    def run(self, *words: str) -> str:
        """Run a verb of the indexer to its end."""
        return self._engine.run("run", "--rm", *self.words(*self.indexer), *self.verb, *words)

    def shell(self, script: str) -> str:
        """Run a script in the image."""
        return self._engine.run("run", "--rm", *self.words("--entrypoint", "sh"), "-c", script)

    @contextmanager
    def serving(self, name: str, settings: Mapping[str, str], port: int) -> Iterator[None]:
        """Run the API in a container, with no more memory than 700 MB."""
        given = [word for pair in settings.items() for word in ("--env", "=".join(pair))]
        published = ["--publish", f"127.0.0.1:{port}:8000"]
        options = ["--detach", "--name", name, *published, *given]
        self._engine.run("run", *options, *self.words(memory="700m"), *self.api)
        try:
            yield
        finally:
            self._engine.run("rm", "--force", name, check=False)


def tried(engine: Engine, target: str, image: str) -> Iterator[str]:
    """Try an image; yield a line for each thing that is so, AssertionError for what is not."""
    trial = Trial(engine, target, image)
    assert trial.shell("id -u") == "10001"
    assert trial.shell(f"{PROBE} || echo refused") == "refused"
    yield "runs as uid 10001, and cannot write /app, /etc and /opt/venv"
    script = f'python -c "{IMPORT}; load_open_clip()" 2>/dev/null && echo there || echo missing'
    assert trial.shell(script) == ("missing" if target == "api" else "there")
    trial.run("demo", "--videos", "2", "--seed", "7", "--out", f"{VOLUME}/videos")
    said = trial.run("ingest", f"{VOLUME}/videos", "--model", "demo")
    assert "2 indexed" in said, said
    yield said.splitlines()[-1]
    if target != "indexer":
        yield from _served(engine, trial)
    if target != "api":
        yield _exported(trial)
    engine.run("volume", "rm", "--force", trial.volume)


def _served(engine: Engine, trial: Trial) -> Iterator[str]:
    """Start the API, check its health and a search, and stop it with a request under way."""
    port, started = free_port(), time.monotonic()
    with trial.serving("trial", {"CLIPSEEK_ACCESS": "everyone"}, port):
        client = Client(port)
        wait_until(
            lambda: client.ask("GET", "/readyz").status == 200,
            "the API to be ready",
            deadline_s=PATIENCE_S,
            step_s=0.1,
        )
        yield f"ready after {time.monotonic() - started:.1f} s"
        if engine.inspect("image", trial.words()[-1])["Config"].get("Healthcheck", {}).get("Test"):
            assert engine.succeeds("healthcheck", "run", "trial")
        yield f"memory at rest: {memory(engine, 'trial') / 1e6:.0f} MB"
        # The API closes connections that are idle, and looking at the memory may take longer.
        client.close()
        answers = [client.search(f"{QUESTION} {i}", limit=1) for i in range(200)]
        refused = [answer for answer in answers if answer.status != 200]
        assert refused == [], refused[:3]
        assert all(len(answer.body["hits"]) == 1 for answer in answers)
        client.close()
        yield f"memory after 200 searches: {memory(engine, 'trial') / 1e6:.0f} MB"
        yield _stopped(engine)


def _stopped(engine: Engine) -> str:
    """Stop the API; it must end by itself, and not be killed after the grace period."""
    started = time.monotonic()
    engine.run("stop", "--time", str(GRACE_S), "trial")
    took = time.monotonic() - started
    code = engine.inspect("container", "trial")["State"]["ExitCode"]
    # 143: ended by SIGTERM; 137 would be a kill.
    assert code in (0, 143), code
    return f"a SIGTERM ends it with {code} after {took:.1f} s"


def _exported(trial: Trial) -> str:
    """Export a model of open_clip with random weights, and index the videos with it."""
    weights, started = f"{VOLUME}/weights.pt", time.monotonic()
    trial.shell(f"python - {weights} <<'END'\n{WEIGHTS}\nEND")
    model = ["--collection", "exported", "--model", MODEL, "--checkpoint", weights]
    said = trial.run("ingest", f"{VOLUME}/videos", *model)
    assert "2 indexed" in said, said
    return f"{MODEL}, exported and used in {time.monotonic() - started:.0f} s"


def memory(engine: Engine, name: str) -> int:
    """Return the bytes of memory that the processes of a container use, without the disk cache."""
    listed = engine.run("top", name, "hpid").splitlines()[1:]
    pids = ",".join(pid.strip() for pid in listed)
    done = subprocess.run(
        ["ps", "-o", "rss=", "-p", pids], stdout=subprocess.PIPE, text=True, check=True
    )
    return sum(int(line) * 1024 for line in done.stdout.splitlines())


def health(engine: Engine, name: str) -> str:
    """Run the health check of a container and return the state that the engine then gives it."""
    engine.succeeds("healthcheck", "run", name)
    state = engine.inspect("container", name)["State"]
    return str(json.loads(json.dumps(state)).get("Health", {}).get("Status", ""))
