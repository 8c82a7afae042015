"""Tries what an image runs: its user, its read-only root, its entrypoint, its health check."""

import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.chaos.program import children, wait_until
from tests.contracts.postgres import free_port
from tests.deploy.dockerfile import Dockerfile
from tests.deploy.image import container, size

LIMIT_BYTES = 660_000_000
"""What the image of the API may be large, its base included."""

QUESTION = "a red car"
PROBE = "touch /app/x 2>/dev/null || touch /etc/x 2>/dev/null || touch /opt/venv/x 2>/dev/null"

IMPORT = "from clipseek.embedding.openclip.load import load_open_clip"
MODEL = "ViT-S-32-alt"
"""A small architecture of open_clip; its weights are random here, as no hub is asked."""
WEIGHTS = f"""
{IMPORT}
import sys, torch
torch.save(load_open_clip().create_model("{MODEL}").state_dict(), sys.argv[1])
"""


class Image:
    """An image of a stage: its root, and how a container of it is started."""

    def __init__(self, dockerfile: Dockerfile, stage: str, root: Path, data: Path) -> None:
        self.root = root
        self._dockerfile, self._stage, self._data = dockerfile, stage, data
        self.environment = dockerfile.environment(stage)
        self.volume = self._last("VOLUME").strip('[]"')

    @property
    def serving(self) -> list[str]:
        """What starts the API: the entrypoint, with its default arguments."""
        words = self._words("ENTRYPOINT")
        return [*words, *self._words("CMD")] if self._stage == "gpu" else words

    @property
    def indexing(self) -> list[str]:
        """What a verb of the indexer is given to."""
        if self._stage == "api":
            return ["python", "-m", "indexer"]
        words = self._words("ENTRYPOINT")
        return [*words, "indexer"] if self._stage == "gpu" else words

    @property
    def health(self) -> list[str]:
        """The words of the API's health check; the image with both roles has none of its own."""
        check = self._dockerfile.stages["api"].last("HEALTHCHECK")
        assert check is not None
        return [str(word) for word in json.loads(check.rest.removeprefix("CMD"))]

    def command(self, words: Sequence[str], settings: Mapping[str, str] | None = None) -> list[str]:
        """Return what runs these words in a container."""
        return container(
            self.root,
            words,
            env={**self.environment, "HOME": self.volume, **(settings or {})},
            user=self._last("USER"),
            folder=self._last("WORKDIR"),
            data=self._data,
            mount=self.volume,
        )

    def run(self, *words: str, settings: Mapping[str, str] | None = None) -> str:
        """Run words in a container of their own and return what they print."""
        done = subprocess.run(
            self.command(words, settings), stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout.strip()

    def succeeds(self, *words: str, settings: Mapping[str, str] | None = None) -> bool:
        """Whether words end with 0."""
        return (
            subprocess.run(
                self.command(words, settings), stderr=subprocess.DEVNULL, check=False
            ).returncode
            == 0
        )

    def _words(self, word: str) -> list[str]:
        return [str(each) for each in json.loads(self._last(word))]

    def _last(self, word: str) -> str:
        found = self._dockerfile.in_force(self._stage, word)
        if found is None:
            raise LookupError(f"the stage {self._stage} has no {word}")
        return found.rest


def trial(dockerfile: Dockerfile, stage: str, root: Path) -> Iterator[str]:
    """Try an image and yield a line for each thing that held; AssertionError for what did not."""
    with tempfile.TemporaryDirectory(prefix="clipseek-volume-") as name:
        os.chown(name, 10001, 10001)
        image = Image(dockerfile, stage, root, Path(name))
        yield from _sizes(image, stage)
        assert image.run("id", "-u") == "10001"
        assert not image.succeeds("sh", "-c", PROBE)
        yield "runs as uid 10001, and cannot write /app, /etc and /opt/venv"
        torch = image.succeeds("python", "-c", f"{IMPORT}; load_open_clip()")
        assert torch == (stage != "api")
        yield f"torch and open_clip are {'there' if torch else 'not there'}"
        yield f"the command on the path: {image.run('indexer', '--version')}"
        yield _missing_secret(image)
        yield from _ingest(image)
        if stage != "indexer":
            yield from _serve(image)
        if stage != "api":
            yield from _export(image)


def _missing_secret(image: Image) -> str:
    """Start the indexer without the secret that it is told to read."""
    settings = {"CLIPSEEK_DATABASE_URL_FILE": "/run/secrets/database_url"}
    command = image.command([*image.indexing, "status"], settings)
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    (said,) = done.stderr.splitlines()
    assert done.returncode == 2
    return f"without its secret it ends with 2: {said}"


def _sizes(image: Image, stage: str) -> Iterator[str]:
    total = size(image.root)
    parts = ", ".join(
        f"{part} {size(image.root / part.lstrip('/')) / 1e6:.0f} MB"
        for part in ("/opt/venv", "/app")
    )
    yield f"the root of {stage} has {total / 1e6:.0f} MB: {parts}, and the stand-in of the base"
    assert stage != "api" or total < LIMIT_BYTES


def _ingest(image: Image) -> Iterator[str]:
    """Draw videos in the volume and index them with the demo model."""
    videos = f"{image.volume}/videos"
    image.run(*image.indexing, "demo", "--videos", "2", "--seed", "7", "--out", videos)
    said = image.run(*image.indexing, "ingest", videos, "--model", "demo")
    assert "2 indexed" in said, said
    yield said.splitlines()[-1]


def _export(image: Image) -> Iterator[str]:
    """Export a model of open_clip from local weights, and index the videos with it."""
    weights, videos = f"{image.volume}/weights.pt", f"{image.volume}/videos"
    image.run("python", "-c", WEIGHTS, weights)
    started = time.monotonic()
    model = ["--collection", "exported", "--model", MODEL, "--checkpoint", weights]
    said = image.run(*image.indexing, "ingest", videos, *model)
    assert "2 indexed" in said, said
    took = time.monotonic() - started
    yield f"{MODEL}, exported and used in {took:.1f} s: {said.splitlines()[-1]}"


def _serve(image: Image) -> Iterator[str]:
    """Start the API, ask its health check, search, and tell it to end."""
    settings = {"CLIPSEEK_API_PORT": str(free_port()), "CLIPSEEK_ACCESS": "everyone"}
    address = f"http://127.0.0.1:{settings['CLIPSEEK_API_PORT']}"
    assert not image.succeeds(*image.health, settings=settings), "nobody is there to be healthy"
    started = time.monotonic()
    with _started(image, settings) as process:
        wait_until(lambda: image.succeeds(*image.health, settings=settings), "the health check")
        yield f"healthy after {time.monotonic() - started:.1f} s"
        wait_until(lambda: _asked(f"{address}/readyz") == {"status": "ok"}, "readiness")
        yield f"ready after {time.monotonic() - started:.1f} s"
        answer = _asked(f"{address}/v1/search", {"query": QUESTION, "limit": 1})
        (hit,) = answer["hits"]
        about = f"{hit['start']} to {hit['end']} s of {hit['video']['title']}"
        yield f"{QUESTION!r}: {about}, relevance {hit['relevance']}"
        # The first process of a container: signals that it has no handler for do not end it.
        (first,) = children(process.pid)
        os.kill(first, signal.SIGTERM)
        code = process.wait(timeout=20)
        yield f"a SIGTERM ends it with {code}"


@contextmanager
def _started(image: Image, settings: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(image.command(image.serving, settings)) as process:
        try:
            yield process
        finally:
            process.kill()


def _asked(url: str, body: object = None) -> dict[str, Any]:
    """Ask a JSON endpoint; an empty answer while the server is not ready."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310  ours
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  ours
            return dict(json.load(answer))
    except OSError:
        return {}
