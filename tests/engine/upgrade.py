"""An installation of an earlier commit, with data, that is brought to this one.

    python -m tests.engine.upgrade [--since COMMIT]      part of `make compose-test`

Without `--since` it is that of the last release (a tag `v…`). Before the first one, it is the last
commit that changed the schema, because the schema is promised from that release on.
"""

import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from io import BytesIO

from tests.chaos.program import wait_until
from tests.deploy.trial import QUESTION
from tests.engine.context import copy_files
from tests.engine.engine import ROOT
from tests.engine.images import opened, parser
from tests.engine.stack import Stack, readme_commands
from tests.engine.tried import PATIENCE_S

OLD = {"CLIPSEEK_TAG": "before", "CLIPSEEK_MODEL": "demo"}
SCHEMA = ("src/clipseek/migrations",)


def since() -> str:
    """Return the commit whose installations must be upgraded."""
    releases = _git("tag", "--list", "v*", "--sort=-v:refname", "--merged").split()
    return releases[0] if releases else _git("log", "-1", "--format=%H", "--", *SCHEMA)


def check(stack: Stack, commit: str) -> Iterator[str]:
    """Install, ingest, upgrade and restart; yield a line for each thing that is so."""
    stack.provide()
    started = time.monotonic()
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(stack.clone, filter="data")
    for command in readme_commands()[:3]:
        stack.shell(command, **OLD)
    stack.shell("docker compose run --rm indexer ingest /videos", **OLD)
    found = _hits(stack)
    yield f"{commit[:10]} was built, and has indexed, after {time.monotonic() - started:.0f} s"
    stack.down()
    copy_files(stack.clone)
    started = time.monotonic()
    stack.shell("sh docker/secrets.sh")
    stack.shell("docker compose up --build --detach")
    assert _hits(stack) == found
    yield f"this commit finds the same moments {time.monotonic() - started:.0f} s after `up`"
    stack.engine.run("restart", "--time", "60", stack.container("postgres"))
    wait_until(lambda: stack.healthy(stack.container("postgres")), "PostgreSQL", step_s=0.5)
    stack.shell("docker compose run --rm indexer ingest /videos", CLIPSEEK_MODEL="demo")
    stack.down()
    stack.shell("docker compose up --detach")
    assert _hits(stack) == found
    yield "and so it does after PostgreSQL was restarted, another ingest, and another `up`"


def _hits(stack: Stack) -> list[tuple[str, float, float]]:
    """Return the moments that a question finds."""
    client = stack.client()
    wait_until(
        lambda: client.search(QUESTION, limit=5).status == 200,
        "a search",
        deadline_s=PATIENCE_S,
        step_s=0.2,
    )
    hits = client.search(QUESTION, limit=5).body["hits"]
    assert hits
    return [(hit["segment_id"], hit["start"], hit["end"]) for hit in hits]


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def main() -> None:
    """Run it alone."""
    options = parser("upgrade", __doc__)
    options.add_argument("--since", metavar="COMMIT", help="the installation that is upgraded")
    given = options.parse_args()
    engine = opened(given)
    stack = Stack(engine)
    try:
        for line in check(stack, given.since or since()):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    finally:
        if given.keep:
            stack.down("--volumes")
        else:
            engine.remove_all()


if __name__ == "__main__":
    main()
