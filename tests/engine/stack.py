"""docker-compose.yml in containers, brought up by the commands that the README has.

Servers are replacements under the names of the official images (tests/engine/servers). `docker` is
podman with podman-compose (tests/engine/bin). All else is as the files say.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.chaos.client import Client
from tests.chaos.program import wait_until
from tests.deploy.compose import Compose, overlay
from tests.deploy.trial import QUESTION
from tests.engine.base import BASE, profiles, python_base, servers
from tests.engine.context import copied
from tests.engine.engine import ROOT, Engine
from tests.engine.images import opened
from tests.engine.tried import PATIENCE_S

PORT = 8080
"""Where the README asks."""
PROJECT = "clipseek"
INSIDE = f"{PROJECT}_inside"
BIN = Path(__file__).parent / "bin"
STAND_INS = ("postgres", "redis", "nginx", "prometheus")
COMPOSE_IMAGES = {name: str(Compose()[name].said["image"]) for name in STAND_INS}
"""The names of images that replacements have."""
CAMERA = "clipseek-test-camera:1.0"
PROFILE_IMAGES = {
    "store": str(overlay("store")["services"]["store"]["image"]),
    "embedder": str(Compose()["embedder"].said["image"]),
    "milvus": str(Compose()["milvus"].said["image"]),
    "camera": CAMERA,
}
"""The same of the servers of profiles, and of a camera."""
PROFILES = ("monitoring", "cameras", "embedder", "milvus")
VIDEOS = 4


class Stack:
    """A clone of the project and what its docker-compose.yml starts."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.home = engine.folder / "home"
        self.clone = self.home / "clipseek"
        self.compose = Compose()

    def prepare(self) -> None:
        """Make a clone, and what it needs."""
        self.provide()
        copied(self.clone)
        (self.clone / ".env").unlink()
        (self.clone / "docker/secrets/database_url").unlink()

    def provide(self) -> None:
        """Make the replacements, videos, the network, and an empty folder for the clone."""
        python_base(self.engine)
        servers(self.engine, COMPOSE_IMAGES)
        profiles(self.engine, PROFILE_IMAGES)
        shutil.rmtree(self.home, ignore_errors=True)
        self.clone.mkdir(parents=True)
        words = ["demo", "--videos", str(VIDEOS), "--seed", "7", "--out", str(self.home / "Videos")]
        subprocess.run([sys.executable, "-m", "indexer", *words], check=True, cwd=ROOT)
        # podman-compose takes a network that is there. Its gateway is its name server.
        if not self.engine.succeeds("network", "exists", INSIDE):
            self.engine.run("network", "create", "--internal", INSIDE)

    @property
    def environment(self) -> dict[str, str]:
        """What a person who follows the README has, and where this machine differs."""
        (network,) = json.loads(self.engine.run("network", "inspect", INSIDE))
        arguments = {"BASE_IMAGE": BASE, **self.engine.build_arguments}
        options = [
            *(f"--build-arg={name}={value}" for name, value in arguments.items()),
            *(f"--volume={mount}:ro" for mount in self.engine.mounts),
        ]
        kept = {
            name: value
            for name, value in self.engine.environment.items()
            if not name.startswith("CLIPSEEK_")
        }
        return kept | {
            "HOME": str(self.home),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "CLIPSEEK_RESOLVER": network["subnets"][0]["gateway"],
            "CLIPSEEK_RATE": "20000r/s",
            # podman-compose would build one image for each of its services at the same time.
            "COMPOSE_PARALLEL_LIMIT": "1",
            "CLIPSEEK_TEST_BUILD": " ".join(options),
            "CLIPSEEK_TEST_COMPOSER": str(self.engine.composer),
        }

    def shell(self, command: str, **variables: str) -> str:
        """Run a command line in the clone, as a person would, and return what it prints."""
        done = subprocess.run(
            ["sh", "-euc", command],
            cwd=self.clone,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        with (self.engine.folder / "shell.log").open("a", encoding="utf-8") as log:
            log.write(f"$ {command}\n{done.stdout}{done.stderr}\n")
        if done.returncode != 0:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
            raise RuntimeError(f"{command} ended with {done.returncode}:\n{said}")
        return done.stdout

    def container(self, service: str, number: int = 1) -> str:
        """Return the name of a service's container."""
        return f"{PROJECT}_{service}_{number}"

    def containers(self) -> list[str]:
        """Return the names of all containers of the project that run."""
        names = self.engine.run("ps", "--format", "{{.Names}}").split()
        return [name for name in names if name.startswith(f"{PROJECT}_")]

    def inspect(self, name: str) -> dict[str, Any]:
        """Return what the engine knows about a container."""
        return self.engine.inspect("container", name)

    def healthy(self, name: str) -> bool:
        """Run a container's health check."""
        return self.engine.succeeds("healthcheck", "run", name)

    def client(self) -> Client:
        """Return a client of nginx."""
        return Client(PORT)

    def moments(self) -> list[tuple[str, str, float, float]]:
        """Wait until a question is answered, and return what it finds: title, segment and span."""
        client = self.client()
        wait_until(
            lambda: client.search(QUESTION, limit=5).status == 200,
            "a search",
            deadline_s=PATIENCE_S,
            step_s=0.2,
        )
        hits = client.search(QUESTION, limit=5).body["hits"]
        client.close()
        assert hits
        return [
            (hit["video"]["title"], hit["segment_id"], hit["start"], hit["end"]) for hit in hits
        ]

    def down(self, *options: str) -> None:
        """Remove the containers, if any; the volumes stay unless `--volumes` is given."""
        if not self.clone.exists():
            return
        every = [word for name in PROFILES for word in ("--profile", name)]
        self.shell(shlex.join(["docker", "compose", *every, "down", *options]))


@contextmanager
def running(options: argparse.Namespace) -> Iterator[Stack]:
    """Yield an installation; remove it in the end, and all images too without `--keep`."""
    engine = opened(options)
    stack = Stack(engine)
    try:
        yield stack
    finally:
        if options.keep:
            stack.down("--volumes")
        else:
            engine.remove_all()


def readme_commands() -> Sequence[str]:
    """Return the commands of the README's "With Docker", the weights of the demo model in place.

    The text below them names the command for the demo model, because no weights can be downloaded
    here; it takes the place of the other ingest.
    """
    section = (ROOT / "README.md").read_text("utf-8").split("## With Docker")[1].split("\n## ")[0]
    lines = section.split("```")[1].strip().splitlines()
    (demo,) = re.findall(r"`(CLIPSEEK_MODEL=demo docker compose run [^`]*)`", section)
    return [demo if "run --rm indexer ingest" in line else line for line in lines]
