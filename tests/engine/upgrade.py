"""An installation of an earlier commit, with data, that is brought to this one.

    python -m tests.engine.upgrade [--since COMMIT]      part of `make compose-test`

Without `--since` it is that of the last release (a tag `v…`). Before the first one, it is the last
commit that changed the schema, because the schema is promised from that release on.
"""

import subprocess
import tarfile
import time
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from tests.chaos.program import wait_until
from tests.engine.context import copy_files
from tests.engine.engine import ROOT, give_up
from tests.engine.images import parser, show
from tests.engine.stack import Stack, readme_commands, running

OLD = {"CLIPSEEK_TAG": "before", "CLIPSEEK_MODEL": "demo"}
SCHEMA = "src/clipseek/migrations"


def since(clone: Path = ROOT) -> str:
    """Return the commit whose installations must be upgraded.

    The first commit of a clone that has a part of the history would be taken for the last change.
    """
    if _git(clone, "rev-parse", "--is-shallow-repository") == "true":
        give_up("an upgrade needs the history of the clone: `git fetch --unshallow --tags`")
    releases = _git(clone, "tag", "--list", "v*", "--sort=-v:refname", "--merged").split()
    return releases[0] if releases else _git(clone, "log", "-1", "--format=%H", "--", SCHEMA)


def check(stack: Stack, commit: str) -> Iterator[str]:
    """Install, ingest, upgrade and restart; yield a line for each thing that is so."""
    stack.provide()
    started = time.monotonic()
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(stack.clone, filter="data")
        old = files.getnames()
    for command in readme_commands()[:3]:
        stack.shell(command, **OLD)
    stack.shell("docker compose run --rm indexer ingest /videos", **OLD)
    found = stack.moments()
    yield f"{commit[:10]} was built, and has indexed, after {time.monotonic() - started:.0f} s"
    stack.down()
    pull(stack.clone, old)
    started = time.monotonic()
    stack.shell("sh docker/secrets.sh")
    stack.shell("docker compose up --build --detach")
    assert stack.moments() == found
    yield f"this commit finds the same moments {time.monotonic() - started:.0f} s after `up`"
    stack.engine.run("restart", "--time", "60", stack.container("postgres"))
    wait_until(lambda: stack.healthy(stack.container("postgres")), "PostgreSQL", step_s=0.5)
    stack.shell("docker compose run --rm indexer ingest /videos", CLIPSEEK_MODEL="demo")
    stack.down()
    stack.shell("docker compose up --detach")
    assert stack.moments() == found
    yield "and so it does after PostgreSQL was restarted, another ingest, and another `up`"


def pull(clone: Path, old: Iterable[str]) -> None:
    """Replace the files of a commit by those of the present state, as `git pull` does."""
    for name in old:
        if (clone / name).is_file():
            (clone / name).unlink()
    copy_files(clone)


def _git(clone: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=clone, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def main() -> None:
    """Run it alone."""
    options = parser("upgrade", __doc__)
    options.add_argument("--since", metavar="COMMIT", help="the installation that is upgraded")
    given = options.parse_args()
    with running(given) as stack:
        show(check(stack, given.since or since()))


if __name__ == "__main__":
    main()
