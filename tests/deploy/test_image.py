"""The images' entrypoints start, as a user without rights, on a tree that nobody can write.

This is the short form: what the images copy of the code, run by the Python of the tests. The long
one executes the whole Dockerfile (`python -m tests.deploy.image`, docker/README.md).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.program import wait_until
from tests.contracts.postgres import free_port
from tests.deploy.dockerfile import Dockerfile
from tests.deploy.ignored import Ignored

ROOT = Path(__file__).parents[2]
CODE = ["src", "indexer", "api"]


@dataclass(frozen=True)
class Tree:
    """The code as the build gets it, in a folder without a bit to write by, and a volume beside."""

    dockerfile: Dockerfile
    app: Path
    volume: Path

    def command(self, image: str, *words: str) -> list[str]:
        """Return what runs the entrypoint of an image as another user than root."""
        entrypoint = self.dockerfile.in_force(image, "ENTRYPOINT")
        assert entrypoint is not None
        program = [sys.executable, *entrypoint.words[1:], *words]
        return [*self._as_user(image), *program]

    def environment(self, image: str, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of an image, paths replaced by those here, and no others."""
        pairs = self.dockerfile.environment(image)
        here = {
            "PYTHONPATH": os.pathsep.join([str(self.app / "src"), str(self.app)]),
            "CLIPSEEK_DATA_DIR": str(self.volume),
            "CLIPSEEK_THREADS": "1",
        }
        return {**pairs, "PATH": os.environ["PATH"], "HOME": str(self.volume), **here, **settings}

    def run(self, image: str, *words: str) -> str:
        """Run an entrypoint to its end and return what it prints."""
        done = subprocess.run(
            self.command(image, *words),
            env=self.environment(image, {}),
            cwd=self.app,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    @contextmanager
    def started(self, image: str, **settings: str) -> Iterator["subprocess.Popen[str]"]:
        """Start an entrypoint; it ends with the context."""
        with subprocess.Popen(
            self.command(image),
            env=self.environment(image, settings),
            cwd=self.app,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def _as_user(self, image: str) -> list[str]:
        if os.getuid() != 0:
            return []
        if shutil.which("setpriv") is None:
            pytest.skip("root needs setpriv to start the entrypoints as another user")
        user = self.dockerfile.in_force(image, "USER")
        assert user is not None
        uid, gid = user.rest.split(":")
        # The tests' own Python may lie where only root can look; reading is all that is lent.
        lent = [f"--{kind}-caps=-all,+dac_read_search" for kind in ("inh", "ambient")]
        bound = "--bounding-set=-all,+dac_read_search"
        return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *lent, bound]


@pytest.fixture(scope="module")
def tree() -> Iterator[Tree]:
    """Copy the code as the build gets it, and take every right to write from the copy."""
    dockerfile = Dockerfile.read((ROOT / "Dockerfile").read_text("utf-8"))
    # Not pytest's own folder: the images' user may not enter it.
    with tempfile.TemporaryDirectory(prefix="clipseek-image-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        made = _copied(root, dockerfile)
        yield made
        _allow_writing(made.app, allow=True)


def _copied(root: Path, dockerfile: Dockerfile) -> Tree:
    """Make the tree and a volume that belongs to the images' user."""
    app, volume = root / "app", root / "volume"
    for name in Ignored((ROOT / ".dockerignore").read_text("utf-8")).context(ROOT):
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, app / name)
    volume.mkdir()
    if os.getuid() == 0:
        os.chown(volume, 10001, 10001)
    _allow_writing(app, allow=False)
    return Tree(dockerfile, app, volume)


def _allow_writing(folder: Path, *, allow: bool) -> None:
    """Give or take every right to write below a folder."""
    for path in [folder, *folder.rglob("*")]:
        mode = path.stat().st_mode
        path.chmod(mode | 0o200 if allow else mode & ~0o222)


@pytest.fixture(scope="module")
def videos(tree: Tree) -> str:
    """Draw a video in the volume and index it with the indexer's image."""
    folder = str(tree.volume / "videos")
    tree.run("indexer", "demo", "--videos", "1", "--seed", "7", "--out", folder)
    return tree.run("indexer", "ingest", folder, "--model", "demo")


def test_the_tree_cannot_be_written(tree: Tree) -> None:
    """Else the other tests here would say nothing."""
    program = ["-c", f"import os; os.mkdir({str(tree.app / 'x')!r})"]
    words = [sys.executable if each == "-m" else each for each in tree.command("gpu")]
    at = words.index(sys.executable)
    done = subprocess.run(
        [*words[:at], sys.executable, *program], capture_output=True, text=True, check=False
    )
    assert "Permission denied" in done.stderr


def test_the_indexer_ingests(videos: str) -> None:
    """It writes the volume and nothing else."""
    assert videos.splitlines()[-1].startswith("1 video: 1 indexed")


@pytest.mark.usefixtures("videos")
def test_the_api_serves_and_is_healthy(tree: Tree) -> None:
    """Its own health check says so, a search is answered, and a SIGTERM ends it."""
    settings = {"CLIPSEEK_API_PORT": str(free_port()), "CLIPSEEK_ACCESS": "everyone"}
    check = tree.dockerfile.in_force("api", "HEALTHCHECK")
    assert check is not None
    _, *words = json.loads(check.rest.removeprefix("CMD"))

    def healthy() -> bool:
        done = subprocess.run(
            [sys.executable, *words], env=settings, stderr=subprocess.DEVNULL, check=False
        )
        return done.returncode == 0

    assert not healthy(), "nobody listens yet"
    with tree.started("api", **settings) as process:
        wait_until(healthy, "the health check")
        address = f"http://127.0.0.1:{settings['CLIPSEEK_API_PORT']}/v1/search"
        assert ask(address, {"query": "a red car", "limit": 1})["hits"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == -signal.SIGTERM


def test_the_images_copy_all_of_the_code(tree: Tree) -> None:
    """What is tried here is what they have."""
    copied = [each.paths[0] for each in tree.dockerfile.stages["app"].all("COPY")]
    assert {path for paths in copied for path in paths} >= set(CODE)


def ask(url: str, body: Mapping[str, object]) -> dict[str, Sequence[object]]:
    """Post JSON and return the answer."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310  ours
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  ours
        return dict(json.load(answer))
